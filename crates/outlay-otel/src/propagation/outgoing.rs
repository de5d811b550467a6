use std::fmt;

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::propagation::{Injector, TextMapPropagator as _};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use outlay_ledger::{Receipt, Received, RemoteId};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::baggage_members::is_ours;
use super::count_receipt::receive;
use crate::names::{outlay, wire};
use crate::registry::{ReceiveError, Wait};
use crate::scope::TracedScope;

/// What the W3C lets a baggage come to.
const MAX_MEMBERS: usize = 64;
const MAX_LENGTH: usize = 8_192;
/// What a member's value cannot hold as it is.
const RESERVED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%').add(b'=');

/// Work that is asked of another process on behalf of a scope here, which waits for the receipt.
///
/// Dropped without a word, its receipt counts as lost: the scope's total then says that it is not all.
#[must_use = "dropped, the receipt of the work counts as lost"]
pub struct RemoteWork {
    /// `None` outside any task: nobody's total waits for it.
    asked: Option<Asked>,
}

struct Asked {
    scope: TracedScope,
    wait: Wait,
}

impl RemoteWork {
    /// Asks for work on behalf of the scope. `name` is what it goes by in the report: that of a service, not of a request.
    pub fn open(scope: &TracedScope, name: &str) -> Self {
        if scope.is_unattributed() || scope.core().disabled {
            return Self::noop();
        }
        let open = scope.in_ledger().open_remote(name);
        let scope = scope.around(open.scope());
        let wait = scope.core().expected_receipts.add(open, scope.attributes(), scope.task_span());
        Self { asked: Some(Asked { scope, wait }) }
    }

    /// Work on behalf of no scope: nothing goes out, and nothing is waited for.
    pub const fn noop() -> Self {
        Self { asked: None }
    }

    /// What the work goes by in the books here; `None` outside any task.
    pub fn id(&self) -> Option<RemoteId> {
        self.asked.as_ref().map(|asked| asked.wait.id())
    }

    /// Writes whose work it is into a request: `traceparent`, `tracestate` and `baggage`. The baggage is that of the
    /// current OpenTelemetry context with ours in front. Whether the receiver may know is the caller's to decide before.
    pub fn inject(&self, carrier: &mut dyn Injector) {
        let Some(asked) = &self.asked else { return };
        // What is done for a task that has closed lies outside its sum, and so not below its span.
        if !asked.scope.in_ledger().is_late() {
            TraceContextPropagator::new().inject_context(&asked.scope.context(), carrier);
        }
        let mut own = Own(None);
        BaggagePropagator::new().inject_context(&Context::new().with_baggage(current_baggage()), &mut own);
        carrier.set(wire::BAGGAGE, asked.baggage(own.0.as_deref().unwrap_or_default()));
    }

    /// The baggage of the request, where it has this one already: that stays whole, and ours comes in front as far as
    /// there is room. `None` outside any task.
    pub fn baggage(&self, already: &str) -> Option<String> {
        self.asked.as_ref().map(|asked| asked.baggage(already))
    }

    /// Whether a `traceparent` that the request has already names a span that the application has made for it. One that has
    /// come in with the task, and was copied, does not.
    pub fn is_below_the_task(&self, traceparent: &str) -> bool {
        let Some(asked) = &self.asked else { return true };
        !asked.scope.asked_from().is_some_and(|from| traceparent.contains(&from.span_id().to_string()))
    }

    /// Counts the receipt that came back, once.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] where it is no receipt, or one of other work. Its cost is still waited for.
    pub fn receive(&self, receipt: &str) -> Result<Received, ReceiveError> {
        let Some(asked) = &self.asked else { return Err(ReceiveError::NotAsked) };
        let receipt: Receipt = receipt.trim().parse()?;
        match receipt.remote_id() {
            Some(id) if id == asked.wait.id() => {
                Ok(receive(asked.scope.core(), &receipt, &asked.wait.expected, Some(&asked.wait.open)))
            }
            Some(other) => Err(ReceiveError::Unknown(other)),
            None => Err(ReceiveError::NotAsked),
        }
    }

    /// Waits on without the handle: the receipt is found by [`Engine::count_receipt`](crate::Engine::receive_receipt), up to the late limit.
    pub fn wait(mut self) {
        self.asked = None;
    }

    /// The same, and says where it can be asked for: an origin (scheme, host and port), and the path that the receipt so
    /// far names.
    pub fn wait_for(self, origin: &str, receipt: &str) {
        if let Some(asked) = &self.asked {
            asked.wait.set_place(origin, receipt);
        }
        self.wait();
    }

    /// Nothing was sent, and nothing spent.
    pub fn cancel(mut self) {
        if let Some(asked) = self.asked.take() {
            asked.scope.core().expected_receipts.cancel(&asked.wait);
        }
    }
}

impl Drop for RemoteWork {
    fn drop(&mut self) {
        if let Some(asked) = self.asked.take() {
            asked.wait.lose();
        }
    }
}

impl Asked {
    fn baggage(&self, already: &str) -> String {
        let foreign: Vec<&str> = already.split(',').map(str::trim).filter(|m| !m.is_empty() && !is_ours(m)).collect();
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

    /// The work, task, agent and step first: without them the rest means nothing.
    fn members(&self) -> Vec<(&str, String)> {
        const IDENTITY: [&str; 5] =
            [outlay::TASK_ID, outlay::TASK_NAME, outlay::AGENT_ID, outlay::AGENT_NAME, outlay::STEP_ID];
        let text = |key: &str| self.scope.text_attribute(key).map(str::to_owned);
        let mut members = vec![(wire::REMOTE_ID, self.wait.id().to_string())];
        members.extend(IDENTITY.iter().filter_map(|key| Some((*key, text(key)?))));
        let listed = &self.scope.core().propagated;
        members.extend(listed.iter().filter_map(|key| Some((&**key, text(key)?))));
        members
    }
}

/// What the application has in its own baggage.
fn current_baggage() -> Vec<opentelemetry::baggage::KeyValueMetadata> {
    use opentelemetry::baggage::KeyValueMetadata;
    Context::map_current(|context| {
        let baggage = context.baggage().iter();
        baggage
            .map(|(key, (value, metadata))| KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone()))
            .collect()
    })
}

/// A baggage without what is Outlay's in it, for who is not to know; `None` where nothing is.
pub fn without_outlay(baggage: &str) -> Option<String> {
    let members = || baggage.split(',').map(str::trim).filter(|member| !member.is_empty());
    members().any(is_ours).then(|| members().filter(|member| !is_ours(member)).collect::<Vec<_>>().join(","))
}

/// Takes one value.
struct Own(Option<String>);

impl Injector for Own {
    fn set(&mut self, _key: &str, value: String) {
        self.0 = Some(value);
    }
}

impl fmt::Debug for RemoteWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteWork").field("id", &self.id()).finish_non_exhaustive()
    }
}
