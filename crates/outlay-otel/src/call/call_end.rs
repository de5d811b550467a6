use std::sync::Arc;
use std::time::Duration;

use outlay_ledger::Refusal;
use outlay_price::{GuardrailUse, Usage};

use super::attempt::Attempt;
use super::billed::Billed;
use crate::registry::JobEvent;
use crate::signer::{CallIdentity, Signer};

/// What is known of a call when it is over.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "whoever made the call fills it in")]
pub struct CallEnd {
    /// What of it is billed.
    pub billed: Billed,
    /// The tokens of each inference, where several add up to what is billed: each is priced in its own context tier.
    pub inferences: Vec<Usage>,
    /// What may be billed besides: attempts that were sent and never answered, each with what its guardrail may have used.
    pub lost_attempts: Vec<(Billed, GuardrailUse)>,
    /// What its guardrail used.
    pub guardrail: GuardrailUse,
    /// What it says of a job.
    pub job: Option<JobEvent>,
    /// Why it failed, by a short name, if the caller got an error.
    pub error: Option<String>,
    /// Its HTTP attempts.
    pub attempts: Vec<Attempt>,
    /// The model that answered, where the answer names another.
    pub response_model: Option<String>,
    /// The model whose price holds, where that is another than the one that was called.
    pub priced_model: Option<String>,
    /// The tier that served it, by its word on the wire.
    pub served_tier: Option<String>,
    /// The latency mode that served it, by its word on the wire.
    pub served_latency: Option<String>,
    /// Why the model stopped.
    pub finish_reasons: Vec<String>,
    /// From the start to the first chunk of a streamed answer.
    pub time_to_first_chunk: Option<Duration>,
    /// The request id that AWS gave it.
    pub request_id: Option<String>,
    /// The host that was called.
    pub server_address: Option<String>,
    /// Its port.
    pub server_port: Option<u16>,
    /// Whose credentials it was signed with, where that is known.
    pub signer: Option<Arc<Signer>>,
    /// What came of the identity of its own, where it should have had one.
    pub identity: Option<CallIdentity>,
    /// Which source the counts are from, where there are several that differ, or where they are in doubt.
    pub usage_source: Option<&'static str>,
    /// Why the counts are not exact, where their sources contradict themselves or each other.
    pub usage_doubt: Option<String>,
    /// The same for two requests that are the same to the byte, where [`Engine::compares_calls`](crate::Engine::compares_calls) asks for it.
    pub fingerprint: Option<u64>,
    /// Whether it was refused before anything was sent: then it does not count as a call.
    pub refused: bool,
    /// Whether anything was sent. Budgets of calls count only calls that were.
    pub sent: bool,
}

impl CallEnd {
    /// A call that ended so, and of which nothing more is known.
    pub const fn new(billed: Billed) -> Self {
        Self {
            billed,
            inferences: Vec::new(),
            lost_attempts: Vec::new(),
            guardrail: GuardrailUse::NotApplied,
            job: None,
            error: None,
            attempts: Vec::new(),
            response_model: None,
            priced_model: None,
            served_tier: None,
            served_latency: None,
            finish_reasons: Vec::new(),
            time_to_first_chunk: None,
            request_id: None,
            server_address: None,
            server_port: None,
            signer: None,
            identity: None,
            usage_source: None,
            usage_doubt: None,
            fingerprint: None,
            refused: false,
            sent: true,
        }
    }

    /// A call that was refused before anything was sent.
    pub(crate) fn refused(reason: &Refusal) -> Self {
        let error = Some(reason.error_type().to_owned());
        Self { error, refused: true, sent: false, ..Self::new(Billed::Nothing) }
    }
}
