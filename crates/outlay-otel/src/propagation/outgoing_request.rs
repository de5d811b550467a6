use std::borrow::Cow;
use std::fmt;

use http::HeaderMap;
use opentelemetry::baggage::{BaggageExt as _, BaggageMetadata};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, Key, StringValue};
use outlay_ledger::{Receipt, Received, RemoteId};
use percent_encoding::{AsciiSet, CONTROLS, PercentEncode, utf8_percent_encode};

use super::baggage_members::{MAX_MEMBERS, is_outlay_member};
use super::carrier::WriteCarrier;
use super::count_receipt::count_receipt;
use super::trace_context;
use crate::names::{outlay, wire};
use crate::registry::{ReceiveError, WorkHandle};
use crate::scope::TracedScope;

/// The maximum length of a W3C baggage, in bytes.
const MAX_LENGTH: usize = 8_192;
/// The characters that are percent-encoded in a member's key and value.
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
    #[doc(hidden)]
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

    /// Returns the id of the work in the ledger here; `None` outside any task.
    pub fn id(&self) -> Option<RemoteId> {
        self.inner.as_ref().map(|inner| inner.handle.id())
    }

    /// Writes the caller into a request: `traceparent`, `tracestate` and `baggage`. Check first whether the receiver may see
    /// them.
    ///
    /// The application's own trace and baggage in the request stay. If the request has no baggage, that of the current
    /// OpenTelemetry context is written too.
    pub fn inject(&self, carrier: &mut impl WriteCarrier) {
        let Some(inner) = &self.inner else { return };
        let keeps_trace = carrier.get(wire::TRACEPARENT).is_some_and(|own| !inner.is_the_callers(&own));
        // Work for a closed task is outside the task's total, so it is not below the task's span.
        if !keeps_trace && !inner.scope.in_ledger().is_late() {
            trace_context::write(inner.scope.context().span().span_context(), carrier);
        }
        let baggage = inner.baggage(&carrier.get(wire::BAGGAGE).map_or_else(current_baggage, Cow::into_owned));
        carrier.set(wire::BAGGAGE, baggage);
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

    /// Counts the receipt in the headers of the response, for HTTP clients that are no `tower` services. If it is not final,
    /// the scope keeps waiting, and the final one can be asked for at `origin`: the scheme, host and port of the request.
    /// Without a receipt the cost of the work is unknown, and `None` is returned.
    ///
    /// If the request failed, drop the work instead; if nothing was sent, [`cancel`](Self::cancel) it.
    pub fn receive_response(self, origin: &str, headers: &HeaderMap) -> Option<Received> {
        let receipts = headers.get_all(wire::RECEIPT).iter().filter_map(|value| value.to_str().ok());
        let (received, receipt) = self.receive_any(origin, receipts)?;
        if received == Received::Pending {
            self.wait_for(origin, receipt);
        }
        Some(received)
    }

    /// Counts the first of several receipts that is for this work. The others belong to other work. Returns it with its
    /// text.
    #[doc(hidden)]
    pub fn receive_any<'a>(
        &self,
        origin: &str,
        receipts: impl IntoIterator<Item = &'a str>,
    ) -> Option<(Received, &'a str)> {
        for receipt in receipts {
            match self.receive(receipt) {
                Ok(received) => return Some((received, receipt)),
                Err(ReceiveError::Unknown(_)) => {}
                Err(error) => tracing::warn!(target: "outlay", origin, "a receipt was not counted: {error}"),
            }
        }
        None
    }

    /// Keeps waiting without this handle, up to the late limit: the answer will come in another way, such as by a queue.
    /// Pass its receipt to `Outlay::receive_receipt`.
    pub fn wait(mut self) {
        self.inner = None;
    }

    /// Like [`wait`](Self::wait), and sets where the receipt can be fetched: at the path that the preliminary `receipt`
    /// names, at the origin (scheme, host and port) of the request. `Outlay::pending_receipts` lists it, and
    /// `outlay::tower::fetch_receipts` asks for it. [`receive_response`](Self::receive_response) does this for you.
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
    /// Returns whether a `traceparent` was copied from the request that asked for the task. Any other names a span that the
    /// application made for this request.
    fn is_the_callers(&self, traceparent: &str) -> bool {
        self.scope.remote_parent().is_some_and(|parent| traceparent.contains(&parent.span_id().to_string()))
    }

    fn baggage(&self, already: &str) -> String {
        let foreign: Vec<&str> =
            already.split(',').map(str::trim).filter(|m| !m.is_empty() && !is_outlay_member(m)).collect();
        let mut length: usize = foreign.iter().map(|member| member.len() + 1).sum();
        let mut members = Vec::with_capacity(8 + foreign.len());
        for (key, value) in self.members() {
            let member = format!("{key}={}", encoded(&value));
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

/// Returns the baggage of the current OpenTelemetry context.
fn current_baggage() -> String {
    Context::map_current(|context| {
        let member = |(key, (value, metadata)): (&Key, &(StringValue, BaggageMetadata))| {
            let (key, value) = (encoded(key.as_str()), encoded(value.as_str()));
            let metadata = metadata.as_str().trim();
            if metadata.is_empty() { format!("{key}={value}") } else { format!("{key}={value};{metadata}") }
        };
        context.baggage().iter().map(member).collect::<Vec<_>>().join(",")
    })
}

fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, RESERVED)
}

/// Returns a baggage without Outlay's members, for a receiver that must not see them; `None` if it has none.
pub fn without_outlay(baggage: &str) -> Option<String> {
    let members = || baggage.split(',').map(str::trim).filter(|member| !member.is_empty());
    members()
        .any(is_outlay_member)
        .then(|| members().filter(|member| !is_outlay_member(member)).collect::<Vec<_>>().join(","))
}

impl fmt::Debug for RemoteWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteWork").field("id", &self.id()).finish_non_exhaustive()
    }
}
