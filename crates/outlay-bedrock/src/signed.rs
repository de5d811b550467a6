//! The credentials that the attempts of a call are signed with.

use std::sync::Arc;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use outlay_otel::{CallEnd, CallIdentity, CallSpan, Engine, Signer, TracedScope};

use crate::principals::{Principals, SignerCell};

/// How the last attempt was signed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signed {
    signer: Option<Arc<SignerCell>>,
    identity: Option<CallIdentity>,
}

/// Reports a signer that is still unknown to the ledger, once it is known.
#[derive(Debug)]
pub(crate) struct SignerReport(Option<(Arc<SignerCell>, outlay_ledger::Scope)>);

/// A lookup of the signer of a request.
pub(crate) struct Lookup {
    principals: Principals,
    engine: Engine,
    signed: Signed,
}

impl Lookup {
    pub(crate) fn of_request(self, request: &HttpRequest, components: &RuntimeComponents) -> Signed {
        let signer = self.principals.of_request(request, components, &self.engine);
        Signed { signer, ..self.signed }
    }
}

impl Signed {
    /// Returns how an attempt with its own identity was signed.
    pub(crate) fn assumed(identity: CallIdentity, signer: Option<&Arc<Signer>>) -> Self {
        let signer = signer.map(|signer| Arc::new(SignerCell::known(signer.clone())));
        Self { signer, identity: Some(identity) }
    }

    /// Returns the lookup of an unknown signer, if the engine asks for signers.
    pub(crate) fn lookup(&self, engine: &Engine) -> Option<Lookup> {
        if self.signer.is_some() {
            return None;
        }
        let principals = engine.extension::<Principals>()?.clone();
        Some(Lookup { principals, engine: engine.clone(), signed: self.clone() })
    }

    /// Returns the signer, if it is known by now.
    pub(crate) fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()?.get().map(|signer| &**signer)
    }

    /// Records what is known by now on the call's end.
    pub(crate) fn write(self, end: &mut CallEnd, scope: &TracedScope) -> SignerReport {
        end.identity = self.identity;
        end.signer = self.signer.as_ref().and_then(|cell| cell.get().cloned());
        let unknown = self.signer.filter(|_| end.signer.is_none() && scope.in_ledger().asks_for_principals());
        SignerReport(unknown.map(|cell| (cell, scope.in_ledger().clone())))
    }
}

impl SignerReport {
    /// Reports the signer to the ledger, now or once it is known. This may run on a thread with another current span.
    pub(crate) fn report(self, span: CallSpan) {
        if let Some((cell, scope)) = self.0 {
            cell.when_known(move |signer| span.within(|| scope.record_principal(&signer.principal)));
        }
    }
}
