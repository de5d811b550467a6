//! The names of attributes, events, metrics and headers.

/// The instrumentation scope.
pub const SCOPE: &str = "outlay";
/// The schema of the `gen_ai.*` names: the last release that does not deprecate them.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.41.1";
/// The target of the `tracing` spans of tasks, agents and steps.
pub const TRACING_TARGET: &str = "outlay";

/// Attributes of OpenTelemetry's semantic conventions.
pub mod semconv {
    #![allow(missing_docs, reason = "each is the attribute of its own value")]

    pub const AGENT_NAME: &str = "gen_ai.agent.name";
    pub const CACHE_CREATION_INPUT_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
    pub const CACHE_READ_INPUT_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
    /// The name of [`CACHE_CREATION_INPUT_TOKENS`] in newer conventions.
    pub const CACHE_WRITE_INPUT_TOKENS: &str = "gen_ai.usage.cache_write.input_tokens";
    pub const CONVERSATION_ID: &str = "gen_ai.conversation.id";
    /// The reason in place of one that was expected and never came. Only in newer conventions.
    pub const ERROR_FINISH_REASON: &str = "error";
    pub const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
    pub const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
    pub const OPERATION_NAME: &str = "gen_ai.operation.name";
    pub const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
    pub const PROVIDER_NAME: &str = "gen_ai.provider.name";
    pub const REASONING_OUTPUT_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
    pub const REQUEST_MAX_TOKENS: &str = "gen_ai.request.max_tokens";
    pub const REQUEST_MODEL: &str = "gen_ai.request.model";
    pub const REQUEST_STREAM: &str = "gen_ai.request.stream";
    pub const REQUEST_TEMPERATURE: &str = "gen_ai.request.temperature";
    pub const REQUEST_TOP_P: &str = "gen_ai.request.top_p";
    pub const RESPONSE_ID: &str = "gen_ai.response.id";
    pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
    pub const TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
    /// Only in newer conventions.
    pub const TOKEN_MODALITY: &str = "gen_ai.token.modality";
    pub const TOKEN_TYPE: &str = "gen_ai.token.type";
    pub const TOOL_CALL_ID: &str = "gen_ai.tool.call.id";
    pub const TOOL_NAME: &str = "gen_ai.tool.name";
    pub const TOOL_TYPE: &str = "gen_ai.tool.type";
    /// The value of [`TOOL_TYPE`] for a tool that the application executes.
    pub const FUNCTION: &str = "function";
    /// Proposed, in no release.
    pub const USAGE_COST_AMOUNT: &str = "gen_ai.usage.cost.amount";
    /// Proposed, in no release.
    pub const USAGE_COST_CURRENCY: &str = "gen_ai.usage.cost.currency";
    /// Proposed, in no release.
    pub const USAGE_COST_SOURCE: &str = "gen_ai.usage.cost.source";
    pub const WORKFLOW_NAME: &str = "gen_ai.workflow.name";

    pub const AWS_REQUEST_ID: &str = "aws.request_id";
    pub const AWS_BEDROCK_GUARDRAIL_ID: &str = "aws.bedrock.guardrail.id";
    pub const CLOUD_ACCOUNT_ID: &str = "cloud.account.id";
    pub const CLOUD_REGION: &str = "cloud.region";
    pub const ERROR_TYPE: &str = "error.type";
    pub const HTTP_STATUS_CODE: &str = "http.response.status_code";
    pub const SERVER_ADDRESS: &str = "server.address";
    pub const SERVER_PORT: &str = "server.port";

    /// The value of [`ERROR_TYPE`] for an error whose kind is not known.
    pub const OTHER_ERROR: &str = "_OTHER";
    /// The value of [`PROVIDER_NAME`].
    pub const AWS_BEDROCK: &str = "aws.bedrock";
}

/// Outlay's own attributes, on spans and metrics.
pub mod outlay {
    #![allow(missing_docs, reason = "each is the attribute of its own value")]

    pub const TASK_ID: &str = "outlay.task.id";
    pub const TASK_NAME: &str = "outlay.task.name";
    pub const TASK_ROOT: &str = "outlay.task.root";
    /// The task in another process that asked for this one.
    pub const CALLER_TASK_ID: &str = "outlay.caller.task.id";
    pub const CALLER_TASK_NAME: &str = "outlay.caller.task.name";
    /// The name of remote work.
    pub const REMOTE_NAME: &str = "outlay.remote.name";
    pub const AGENT_ID: &str = "outlay.agent.id";
    pub const AGENT_NAME: &str = "outlay.agent.name";
    pub const STEP_ID: &str = "outlay.step.id";
    pub const STEP_KIND: &str = "outlay.step.kind";
    pub const STEP_NAME: &str = "outlay.step.name";

    pub const TEAM: &str = "outlay.team";
    pub const PRODUCT: &str = "outlay.product";
    pub const COST_CENTER: &str = "outlay.cost_center";
    pub const OWNER: &str = "outlay.owner";
    pub const ENVIRONMENT: &str = "outlay.environment";
    pub const CUSTOMER_SEGMENT: &str = "outlay.customer_segment";
    pub const WORKFLOW: &str = "outlay.workflow";
    /// The dimension of a share.
    pub const DIMENSION: &str = "outlay.dimension";
    /// The prefix of the keys of custom dimensions.
    pub const DIM_PREFIX: &str = "outlay.dim.";

    pub const COST_USD: &str = "outlay.cost.usd";
    pub const COST_PICOUSD: &str = "outlay.cost.picousd";
    pub const COST_STATUS: &str = "outlay.cost.status";
    pub const COST_INPUT_USD: &str = "outlay.cost.input.usd";
    pub const COST_OUTPUT_USD: &str = "outlay.cost.output.usd";
    pub const COST_CACHE_READ_USD: &str = "outlay.cost.cache_read.usd";
    pub const COST_CACHE_WRITE_USD: &str = "outlay.cost.cache_write.usd";
    pub const COST_OTHER_USD: &str = "outlay.cost.other.usd";
    pub const COST_BAND: &str = "outlay.cost.band";
    pub const COST_DIRECTION: &str = "outlay.cost.direction";

    pub const PRICE_VERSION: &str = "outlay.price.version";
    pub const PRICE_EFFECTIVE_FROM: &str = "outlay.price.effective_from";
    pub const PRICE_ROUTING: &str = "outlay.price.routing";
    pub const PRICE_TIER: &str = "outlay.price.tier";
    pub const PRICE_SOURCE: &str = "outlay.price.source";
    /// The region or geography of the price; absent if the price is the same everywhere.
    pub const PRICE_REGION: &str = "outlay.price.region";
    /// The confidence of the price: `own`, `listed`, `agreed`, `resolved`, `derived`, `single` or `elsewhere`.
    pub const PRICE_CONFIDENCE: &str = "outlay.price.confidence";

    /// The ARN of the role or user that signed the call.
    pub const AWS_PRINCIPAL: &str = "outlay.aws.principal";
    /// The session name of the role.
    pub const AWS_SESSION: &str = "outlay.aws.session";
    /// Whether the call was signed with its workflow's own identity: `assumed` or `fallback`.
    pub const AWS_IDENTITY: &str = "outlay.aws.identity";

    pub const CALL_ATTEMPTS: &str = "outlay.call.attempts";
    /// Why the token counts are not exact, if their sources contradict themselves or each other.
    pub const USAGE_DOUBT: &str = "outlay.usage.doubt";
    /// The source of the token counts, if there are several that differ, or if the counts are in doubt.
    pub const USAGE_SOURCE: &str = "outlay.usage.source";
    /// The model that was requested at first, if a budget refused it and the call was downgraded.
    pub const CALL_DEGRADED_FROM: &str = "outlay.call.degraded_from";
    /// Only on the counter `outlay.calls`: `true` for calls refused before anything was sent.
    pub const CALL_REFUSED: &str = "outlay.call.refused";
    pub const RUNNING_USD: &str = "outlay.task.running.usd";
    pub const RUNNING_PICOUSD: &str = "outlay.task.running.picousd";
    pub const RUNNING_CALLS: &str = "outlay.task.running.calls";
    pub const LATE: &str = "outlay.late";
    pub const ATTEMPT_NUMBER: &str = "outlay.attempt.number";
    pub const CHARGE_NAME: &str = "outlay.charge.name";

    pub const TOTAL_USD: &str = "outlay.total.usd";
    pub const TOTAL_PICOUSD: &str = "outlay.total.picousd";
    pub const TOTAL_STATUS: &str = "outlay.total.status";
    pub const TOTAL_EXACT_USD: &str = "outlay.total.exact_usd";
    pub const TOTAL_ESTIMATED_USD: &str = "outlay.total.estimated_usd";
    pub const TOTAL_BOUNDED_USD: &str = "outlay.total.bounded_usd";
    pub const TOTAL_INPUT_TOKENS: &str = "outlay.total.input_tokens";
    pub const TOTAL_OUTPUT_TOKENS: &str = "outlay.total.output_tokens";
    pub const TOTAL_CACHE_READ_TOKENS: &str = "outlay.total.cache_read_tokens";
    pub const TOTAL_CACHE_WRITE_TOKENS: &str = "outlay.total.cache_write_tokens";
    pub const TOTAL_CALLS: &str = "outlay.total.calls";
    pub const TOTAL_ATTEMPTS: &str = "outlay.total.attempts";
    pub const TOTAL_FAILED_CALLS: &str = "outlay.total.failed_calls";
    pub const TOTAL_UNPRICED_CALLS: &str = "outlay.total.unpriced_calls";
    pub const TOTAL_PENDING_CALLS: &str = "outlay.total.pending_calls";
    pub const TOTAL_PENDING_RECEIPTS: &str = "outlay.total.pending_receipts";
    pub const TOTAL_LOST_RECEIPTS: &str = "outlay.total.lost_receipts";
    /// The cost of remote work, from its receipts.
    pub const TOTAL_REMOTE_USD: &str = "outlay.total.remote_usd";
    pub const TOTAL_FAILED_USD: &str = "outlay.total.failed_usd";
    pub const TOTAL_KINDS: &str = "outlay.total.kinds";
    pub const TOTAL_MODELS: &str = "outlay.total.models";
    pub const TOTAL_TURNS: &str = "outlay.total.turns";

    pub const OUTCOME_KIND: &str = "outlay.outcome.kind";
    /// The outcome before it was revised.
    pub const OUTCOME_FROM: &str = "outlay.outcome.from";
    pub const OUTCOME_VALUE_USD: &str = "outlay.outcome.value_usd";
    /// The name of the budget.
    pub const BUDGET_NAME: &str = "outlay.budget.name";
    /// Whether the store that holds some of the call's budgets for several processes has checked the call: `ok`, or
    /// `down` if it could not be asked in time.
    pub const BUDGET_STORE: &str = "outlay.budget.store";
    pub const BUDGET_LIMIT: &str = "outlay.budget.limit";
    /// The period of a rule's budget: `hour`, `day` or `month`. Only on metrics.
    pub const BUDGET_PERIOD: &str = "outlay.budget.period";
    /// Where to send alerts about the budget. Only on metrics.
    pub const BUDGET_NOTIFY: &str = "outlay.budget.notify";
    pub const BUDGET_SPENT: &str = "outlay.budget.spent";
    pub const BUDGET_LIMIT_USD: &str = "outlay.budget.limit_usd";
    pub const BUDGET_USED_RATIO: &str = "outlay.budget.used_ratio";
    pub const BUDGET_EXCEEDED: &str = "outlay.budget.exceeded";

    /// What is stopped: a task, a workflow, or a value of a dimension.
    pub const STOP_TARGET: &str = "outlay.stop.target";
    pub const STOP_REASON: &str = "outlay.stop.reason";
    /// The sign of a runaway.
    pub const RUNAWAY_SIGN: &str = "outlay.runaway.sign";
    pub const RUNAWAY_EVIDENCE: &str = "outlay.runaway.evidence";
    /// The rule of the policy that was violated.
    pub const POLICY_RULE: &str = "outlay.policy.rule";
    /// What violates the rule.
    pub const POLICY_VIOLATION: &str = "outlay.policy.violation";

    /// Returns `outlay.total.kind.{kind}.usd` for a kind with a key of its own, else the key of `other`.
    pub fn total_kind_usd(kind: &str) -> &'static str {
        match kind {
            "plan" => "outlay.total.kind.plan.usd",
            "tool" => "outlay.total.kind.tool.usd",
            "act" => "outlay.total.kind.act.usd",
            "reflect" => "outlay.total.kind.reflect.usd",
            "verify" => "outlay.total.kind.verify.usd",
            "retrieve" => "outlay.total.kind.retrieve.usd",
            "retry" => "outlay.total.kind.retry.usd",
            "direct" => "outlay.total.kind.direct.usd",
            _ => "outlay.total.kind.other.usd",
        }
    }
}

/// Headers and baggage members that are sent between processes.
pub mod wire {
    /// The header or trailer with a receipt.
    pub const RECEIPT: &str = "outlay-receipt";
    /// The W3C header with the parent span.
    pub const TRACEPARENT: &str = "traceparent";
    /// The W3C header with what tracing systems add to the parent span.
    pub const TRACESTATE: &str = "tracestate";
    /// The W3C header with the task, agent, step and dimensions.
    pub const BAGGAGE: &str = "baggage";
    /// The baggage member with the id of the work in the caller's ledger.
    pub const REMOTE_ID: &str = "outlay.remote.id";
}

/// Events on spans.
pub mod event {
    #![allow(missing_docs, reason = "each is the event of its own name")]

    pub const BUDGET_SOFT_LIMIT: &str = "outlay.budget.soft_limit";
    pub const BUDGET_REFUSED: &str = "outlay.budget.refused";
    pub const BUDGET_WOULD_REFUSE: &str = "outlay.budget.would_refuse";
    pub const STOPPED: &str = "outlay.stopped";
    pub const RUNAWAY: &str = "outlay.runaway";
    pub const POLICY_VIOLATION: &str = "outlay.policy.violation";
}

/// Metrics.
pub mod metric {
    #![allow(missing_docs, reason = "each is the metric of its own name")]

    pub const COST: &str = "outlay.cost";
    pub const PHASE_COST: &str = "outlay.phase.cost";
    pub const TASK_COST: &str = "outlay.task.cost";
    pub const TASK_COST_OPEN_MAX: &str = "outlay.task.cost.open_max";
    pub const TASK_DURATION: &str = "outlay.task.duration";
    pub const TASKS: &str = "outlay.tasks";
    pub const TASKS_OPEN: &str = "outlay.tasks.open";
    pub const OUTCOME_VALUE: &str = "outlay.outcome.value";
    pub const OUTCOME_WITHDRAWN_VALUE: &str = "outlay.outcome.withdrawn_value";
    pub const OUTCOMES_REVISED: &str = "outlay.outcomes.revised";
    pub const ATTRIBUTION_RATIO: &str = "outlay.attribution.ratio";
    pub const WASTED_COST: &str = "outlay.wasted.cost";
    pub const CALLS: &str = "outlay.calls";
    pub const ATTEMPTS: &str = "outlay.attempts";
    pub const UNPRICED_CALLS: &str = "outlay.unpriced_calls";
    pub const UNATTRIBUTED_COST: &str = "outlay.unattributed.cost";
    pub const BUDGET_USED_RATIO: &str = "outlay.budget.used_ratio";
    pub const BUDGET_SPENT: &str = "outlay.budget.spent";
    pub const BUDGET_LIMIT: &str = "outlay.budget.limit";
    pub const BUDGET_REFUSED: &str = "outlay.budget.refused";
    pub const BUDGET_FORGOTTEN: &str = "outlay.budget.forgotten";
    pub const BUDGET_WOULD_REFUSE: &str = "outlay.budget.would_refuse";
    pub const BUDGET_UNCHECKED: &str = "outlay.budget.unchecked";
    pub const POLICY_VIOLATIONS: &str = "outlay.policy.violations";
    pub const POLICY_GRADUATIONS: &str = "outlay.policy.graduations";
    pub const PRICE_AGE: &str = "outlay.price.age";
    pub const TOKEN_USAGE: &str = "gen_ai.client.token.usage";
    pub const OPERATION_DURATION: &str = "gen_ai.client.operation.duration";
    pub const TIME_TO_FIRST_CHUNK: &str = "gen_ai.client.operation.time_to_first_chunk";

    pub const INFERENCE_DURATION: &str = "gen_ai.client.inference.duration";
    pub const INFERENCE_TIME_TO_FIRST_CHUNK: &str = "gen_ai.client.inference.time_to_first_chunk";
    pub const INFERENCE_INPUT_TOKENS: &str = "gen_ai.client.inference.usage.input_tokens";
    pub const INFERENCE_OUTPUT_TOKENS: &str = "gen_ai.client.inference.usage.output_tokens";
    pub const INFERENCE_CACHE_READ_TOKENS: &str = "gen_ai.client.inference.usage.cache_read.input_tokens";
    pub const INFERENCE_CACHE_WRITE_TOKENS: &str = "gen_ai.client.inference.usage.cache_write.input_tokens";
    pub const INFERENCE_REASONING_TOKENS: &str = "gen_ai.client.inference.usage.reasoning.output_tokens";
    pub const INFERENCE_OPERATION_INPUT_TOKENS: &str = "gen_ai.client.inference.operation.input_tokens";
    pub const INFERENCE_OPERATION_OUTPUT_TOKENS: &str = "gen_ai.client.inference.operation.output_tokens";
    pub const INVOKE_AGENT_DURATION: &str = "gen_ai.invoke_agent.duration";
    pub const INVOKE_AGENT_INFERENCE_CALLS: &str = "gen_ai.invoke_agent.inference_calls";
    pub const INVOKE_AGENT_TOOL_CALLS: &str = "gen_ai.invoke_agent.tool_calls";
    pub const EXECUTE_TOOL_DURATION: &str = "gen_ai.execute_tool.duration";
}
