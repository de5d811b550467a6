use std::sync::Arc;
use std::time::Duration;

use outlay_ledger::Refusal;
use outlay_price::{GuardrailUse, Usage};

use super::attempt::Attempt;
use super::billed::Billed;
use crate::registry::JobEvent;
use crate::signer::{CallIdentity, Signer};

/// What is known about a call at its end.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "filled in by the crate that makes the call")]
pub struct CallEnd {
    /// The billed usage.
    pub billed: Billed,
    /// The tokens of each inference, if several add up to the billed tokens. Each is priced in its own context tier.
    pub inferences: Vec<Usage>,
    /// The attempts that were sent and never answered, each with the possible use of its guardrail. AWS may bill them.
    pub lost_attempts: Vec<(Billed, GuardrailUse)>,
    /// The use of the guardrail.
    pub guardrail: GuardrailUse,
    /// The start or end of a job that the answer reports.
    pub job: Option<JobEvent>,
    /// The short name of the error that the application got, if the call failed.
    pub error: Option<String>,
    /// The HTTP attempts.
    pub attempts: Vec<Attempt>,
    /// The id that the model's provider gave the answer, if it gives one.
    pub response_id: Option<String>,
    /// The model that answered, if the answer names another one.
    pub response_model: Option<String>,
    /// The model that sets the price, if it is not the one that was called.
    pub priced_model: Option<String>,
    /// The service tier that served the call, as written on the wire.
    pub served_tier: Option<String>,
    /// The latency mode that served the call, as written on the wire.
    pub served_latency: Option<String>,
    /// The reasons why the model stopped.
    pub finish_reasons: Vec<String>,
    /// The time from the start to the first chunk of a streamed answer.
    pub time_to_first_chunk: Option<Duration>,
    /// The request id from AWS.
    pub request_id: Option<String>,
    /// The host that was called.
    pub server_address: Option<String>,
    /// The port of the host.
    pub server_port: Option<u16>,
    /// The signer, if known.
    pub signer: Option<Arc<Signer>>,
    /// Which credentials signed the call, if it was meant to have an identity of its own.
    pub identity: Option<CallIdentity>,
    /// The source of the counts, if there are several that differ, or if the counts are in doubt.
    pub usage_source: Option<&'static str>,
    /// Why the counts are not exact, if their sources contradict themselves or each other.
    pub usage_doubt: Option<String>,
    /// A fingerprint that is equal for requests with the same bytes, if
    /// [`Engine::compares_calls`](crate::Engine::compares_calls) asks for it.
    pub fingerprint: Option<u64>,
    /// Whether it is known when the call started.
    pub is_timed: bool,
    /// Whether the call was refused before anything was sent. Then it does not count as a call.
    pub refused: bool,
    /// Whether the end of the answer was not seen: it was cancelled, dropped or cut.
    pub is_cut: bool,
    /// Whether anything was sent. Budgets of calls count only calls that were sent.
    pub sent: bool,
}

impl CallEnd {
    /// Returns the end of a call with this billed usage and nothing else known.
    pub const fn new(billed: Billed) -> Self {
        Self {
            billed,
            inferences: Vec::new(),
            lost_attempts: Vec::new(),
            guardrail: GuardrailUse::NotApplied,
            job: None,
            error: None,
            attempts: Vec::new(),
            response_id: None,
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
            is_timed: true,
            refused: false,
            is_cut: false,
            sent: true,
        }
    }

    /// Returns the end of a call that was refused before anything was sent.
    pub(crate) fn refused(reason: &Refusal) -> Self {
        let error = Some(reason.error_type().to_owned());
        Self { error, refused: true, sent: false, ..Self::new(Billed::Nothing) }
    }
}
