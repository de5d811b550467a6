//! Without the feature `sts`, nobody asks how a call's attempts are signed.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use outlay_otel::{CallEnd, CallSpan, Caller, Scope};

use super::Call;

#[derive(Clone, Debug, Default)]
pub(crate) struct Signed(());

#[derive(Debug)]
pub(super) struct Later;

impl Call {
    #[allow(clippy::unused_self, reason = "with the feature it is used")]
    pub(crate) const fn attempt_signed(&self, _request: &HttpRequest, _components: &RuntimeComponents) {}
}

impl Signed {
    #[allow(clippy::unused_self, reason = "with the feature it is used")]
    pub(super) const fn caller(&self) -> Option<&Caller> {
        None
    }

    #[allow(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "with the feature they are used")]
    pub(super) const fn tell(self, _end: &mut CallEnd, _scope: &Scope) -> Later {
        Later
    }
}

impl Later {
    #[allow(clippy::needless_pass_by_value, reason = "with the feature it is kept")]
    pub(super) fn tell(self, _span: CallSpan) {}
}
