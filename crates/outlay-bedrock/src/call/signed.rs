//! How a call's attempts are signed.

use std::sync::Arc;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use outlay_otel::{CallEnd, CallIdentity, CallSpan, Caller, Engine, Scope};

use super::Call;
use crate::principals::{CallerCell, Principals};

/// How the last attempt was signed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signed {
    caller: Option<Arc<CallerCell>>,
    identity: Option<CallIdentity>,
}

/// Who wants to know whose credentials they were, once that is known.
#[derive(Debug)]
pub(super) struct Later(Option<(Arc<CallerCell>, outlay_ledger::Scope)>);

impl Call {
    /// The attempt has an identity of its own, or should have.
    pub(crate) fn attempt_identified(&self, identity: CallIdentity, caller: Option<&Arc<Caller>>) {
        let caller = caller.map(|caller| Arc::new(CallerCell::known(caller.clone())));
        self.lock().log.signed = Signed { caller, identity: Some(identity) };
    }

    /// The attempt is signed: whose credentials that took is found out, where somebody asks for it.
    pub(crate) fn attempt_signed(&self, request: &HttpRequest, components: &RuntimeComponents) {
        let Some((principals, engine)) = self.asks_for_caller() else { return };
        // Not under the lock: it may say something to the application's log.
        let caller = principals.of_request(request, components, &engine);
        self.lock().log.signed.caller = caller;
    }

    fn asks_for_caller(&self) -> Option<(Principals, Engine)> {
        let state = self.lock();
        let engine = state.open.as_ref().filter(|_| state.log.signed.caller.is_none())?.scope().engine();
        Some((engine.extension::<Principals>()?.clone(), engine.clone()))
    }
}

impl Signed {
    /// Whose credentials they are, where that is known by now.
    pub(super) fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()?.get().map(|caller| &**caller)
    }

    /// Puts on the call's end what is known by now.
    pub(super) fn tell(self, end: &mut CallEnd, scope: &Scope) -> Later {
        end.identity = self.identity;
        end.caller = self.caller.as_ref().and_then(|cell| cell.get().cloned());
        let unknown = self.caller.filter(|_| end.caller.is_none() && scope.books().asks_for_principals());
        Later(unknown.map(|cell| (cell, scope.books().clone())))
    }
}

impl Later {
    /// Tells the books, at once or when it is known, be that on a thread where another span is the current one.
    pub(super) fn tell(self, span: CallSpan) {
        if let Some((cell, books)) = self.0 {
            cell.when_known(move |caller| span.within(|| books.called_by(&caller.principal)));
        }
    }
}
