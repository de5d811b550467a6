use std::fmt;

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::propagation::{Injector, TextMapPropagator as _};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use outlay_ledger::{Receipt, Received, RemoteId};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::baggage_keys::is_outlay_member;
use super::count_receipt::count_receipt;
use crate::names::{outlay, wire};
use crate::registry::{ReceiveError, WorkHandle};
use crate::scope::TracedScope;

/// The maximum number of members of a W3C baggage.
const MAX_MEMBERS: usize = 64;
/// The maximum length of a W3C baggage, in bytes.
const MAX_LENGTH: usize = 8_192;
/// The characters that are percent-encoded in a member's value.
const RESERVED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%').add(b'=');

/// Work that another process does for a scope here. The scope waits for the receipt.
///
/// If it is just dropped, the receipt counts as lost, and the scope's total is marked as incomplete.
#[must_use = "if dropped, the receipt of the work counts as lost"]
pub struct RemoteWork {
    /// `None` outside any task: no total waits for the receipt.
    inner: Option<Inner>,
}

struct Inner {
    scope: TracedScope,
    handle: WorkHandle,
}

impl RemoteWork {
    /// Opens remote work for a scope. The report shows it under `name`: use that of a service, not of a request.
    pub fn open(scope: &TracedScope, name: &str) -> Self {
        if scope.is_unattributed() || scope.core().disabled {
            return Self::noop();
        }
        let open = scope.in_ledger().open_remote(name);
        let scope = scope.self_or_ancestor(open.scope());
        let handle = scope.core().expected_receipts.add(open, scope.attributes(), scope.task_span());
        Self { inner: Some(Inner { scope, handle }) }
    }

    /// Returns work for no scope: nothing is sent, and no receipt is expected.
    pub const fn noop() -> Self {
        Self { inner: None }
    }

    /// The former name of [`noop`](Self::noop).
    #[doc(hidden)]
    #[deprecated(note = "use `RemoteWork::noop`")]
    pub const fn nobodys() -> Self {
        Self::noop()
    }

    /// Returns the id of the work in the ledger here; `None` outside any task.
    pub fn id(&self) -> Option<RemoteId> {
        self.inner.as_ref().map(|inner| inner.handle.id())
    }

    /// Writes the caller into a request: `traceparent`, `tracestate` and `baggage`. The baggage is that of the current
    /// OpenTelemetry context with Outlay's members in front. Check first whether the receiver may see them.
    pub fn inject(&self, carrier: &mut dyn Injector) {
        let Some(inner) = &self.inner else { return };
        // Work for a closed task is outside the task's total, so it is not below the task's span.
        if !inner.scope.in_ledger().is_late() {
            TraceContextPropagator::new().inject_context(&inner.scope.context(), carrier);
        }
        let mut captured = CapturedValue(None);
        BaggagePropagator::new().inject_context(&Context::new().with_baggage(current_baggage()), &mut captured);
        carrier.set(wire::BAGGAGE, inner.baggage(captured.0.as_deref().unwrap_or_default()));
    }

    /// Returns the baggage for a request that already has one. Outlay's members come in front as far as there is room,
    /// and all members of others stay. `None` outside any task.
    pub fn baggage(&self, already: &str) -> Option<String> {
        self.inner.as_ref().map(|inner| inner.baggage(already))
    }

    /// Returns whether the `traceparent` that a request already has names a span that the application made for it. One
    /// that was copied from the request that asked for the task does not.
    pub fn is_below_the_task(&self, traceparent: &str) -> bool {
        let Some(inner) = &self.inner else { return true };
        !inner.scope.remote_parent().is_some_and(|from| traceparent.contains(&from.span_id().to_string()))
    }

    /// Counts the receipt of the work. A receipt counts only once.
    ///
    /// # Errors
    ///
    /// Returns a [`ReceiveError`] if the text is not a receipt, or if it is for other work. The scope then still waits.
    pub fn receive(&self, receipt: &str) -> Result<Received, ReceiveError> {
        let Some(inner) = &self.inner else { return Err(ReceiveError::NotAsked) };
        let receipt: Receipt = receipt.trim().parse()?;
        match receipt.remote_id() {
            Some(id) if id == inner.handle.id() => {
                Ok(count_receipt(inner.scope.core(), &receipt, &inner.handle.expected, Some(&inner.handle.open)))
            }
            Some(other) => Err(ReceiveError::Unknown(other)),
            None => Err(ReceiveError::NotAsked),
        }
    }

    /// Keeps waiting without this handle, up to the late limit. Pass the receipt to
    /// [`Engine::receive_receipt`](crate::Engine::receive_receipt).
    pub fn wait(mut self) {
        self.inner = None;
    }

    /// Like [`wait`](Self::wait), and sets where the receipt can be fetched: the origin (scheme, host and port), and
    /// the path in the preliminary `receipt`.
    pub fn wait_for(self, origin: &str, receipt: &str) {
        if let Some(inner) = &self.inner {
            inner.handle.set_location(origin, receipt);
        }
        self.wait();
    }

    /// Cancels the work: nothing was sent, and nothing was spent.
    pub fn cancel(mut self) {
        if let Some(inner) = self.inner.take() {
            inner.scope.core().expected_receipts.cancel(&inner.handle);
        }
    }
}

impl Drop for RemoteWork {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            inner.handle.lose();
        }
    }
}

impl Inner {
    fn baggage(&self, already: &str) -> String {
        let foreign: Vec<&str> =
            already.split(',').map(str::trim).filter(|m| !m.is_empty() && !is_outlay_member(m)).collect();
        let mut length: usize = foreign.iter().map(|member| member.len() + 1).sum();
        let mut members = Vec::with_capacity(8 + foreign.len());
        for (key, value) in self.members() {
            let member = format!("{key}={}", utf8_percent_encode(&value, RESERVED));
            if length + member.len() < MAX_LENGTH && members.len() + foreign.len() < MAX_MEMBERS {
                length += member.len() + 1;
                members.push(member);
            }
        }
        members.extend(foreign.into_iter().map(str::to_owned));
        members.join(",")
    }

    /// Returns Outlay's members. The work, task, agent and step come first: without them the rest is useless.
    fn members(&self) -> Vec<(&str, String)> {
        const IDENTITY: [&str; 5] =
            [outlay::TASK_ID, outlay::TASK_NAME, outlay::AGENT_ID, outlay::AGENT_NAME, outlay::STEP_ID];
        let text = |key: &str| self.scope.text_attribute(key).map(str::to_owned);
        let mut members = vec![(wire::REMOTE_ID, self.handle.id().to_string())];
        members.extend(IDENTITY.iter().filter_map(|key| Some((*key, text(key)?))));
        let propagated = &self.scope.core().propagated;
        members.extend(propagated.iter().filter_map(|key| Some((&**key, text(key)?))));
        members
    }
}

/// Returns the application's own baggage.
fn current_baggage() -> Vec<opentelemetry::baggage::KeyValueMetadata> {
    use opentelemetry::baggage::KeyValueMetadata;
    Context::map_current(|context| {
        let baggage = context.baggage().iter();
        baggage
            .map(|(key, (value, metadata))| KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone()))
            .collect()
    })
}

/// Returns a baggage without Outlay's members, for a receiver that must not see them; `None` if it has none.
pub fn without_outlay(baggage: &str) -> Option<String> {
    let members = || baggage.split(',').map(str::trim).filter(|member| !member.is_empty());
    members()
        .any(is_outlay_member)
        .then(|| members().filter(|member| !is_outlay_member(member)).collect::<Vec<_>>().join(","))
}

/// An injector that keeps one value.
struct CapturedValue(Option<String>);

impl Injector for CapturedValue {
    fn set(&mut self, _key: &str, value: String) {
        self.0 = Some(value);
    }
}

impl fmt::Debug for RemoteWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteWork").field("id", &self.id()).finish_non_exhaustive()
    }
}
