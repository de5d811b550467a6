//! Replaces `signed.rs` without the feature `sts`: signers are not looked up.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use outlay_otel::{CallEnd, CallSpan, Engine, Signer, TracedScope};

#[derive(Clone, Debug, Default)]
pub(crate) struct Signed(());

/// There are no lookups.
pub(crate) enum Lookup {}

#[derive(Debug)]
pub(crate) struct SignerReport;

impl Lookup {
    pub(crate) const fn of_request(self, _request: &HttpRequest, _components: &RuntimeComponents) -> Signed {
        match self {}
    }
}

impl Signed {
    #[allow(clippy::unused_self, reason = "with the feature it is used")]
    pub(crate) const fn lookup(&self, _engine: &Engine) -> Option<Lookup> {
        None
    }

    #[allow(clippy::unused_self, reason = "with the feature it is used")]
    pub(crate) const fn signer(&self) -> Option<&Signer> {
        None
    }

    #[allow(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "with the feature they are used")]
    pub(crate) const fn write(self, _end: &mut CallEnd, _scope: &TracedScope) -> SignerReport {
        SignerReport
    }
}

impl SignerReport {
    #[allow(clippy::needless_pass_by_value, reason = "with the feature it is kept")]
    pub(crate) fn report(self, _span: CallSpan) {}
}
