use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The token counts that a reply reports.
///
/// As in Bedrock, the input count excludes tokens read from or written to the prompt cache. The counts are sent as they
/// are given, without any check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) cache_read: Option<u64>,
    cache_write: Option<u64>,
    pub(crate) cache_write_5m: Option<u64>,
    pub(crate) cache_write_1h: Option<u64>,
    pub(crate) reasoning: Option<u64>,
    total: Option<u64>,
}

impl Tokens {
    /// Creates counts from the input tokens outside the prompt cache and the output tokens.
    #[must_use]
    pub fn new(input: u64, output: u64) -> Self {
        Self { input, output, ..Self::default() }
    }

    /// Sets the tokens read from the prompt cache. A zero is sent as a zero.
    #[must_use]
    pub fn cache_read(mut self, tokens: u64) -> Self {
        self.cache_read = Some(tokens);
        self
    }

    /// Sets the tokens written to the prompt cache without a stated time to live.
    #[must_use]
    pub fn cache_write(mut self, tokens: u64) -> Self {
        self.cache_write = Some(tokens);
        self
    }

    /// Sets the tokens written to the prompt cache for five minutes. Converse reports them in `cacheDetails`.
    #[must_use]
    pub fn cache_write_5m(mut self, tokens: u64) -> Self {
        self.cache_write_5m = Some(tokens);
        self
    }

    /// Sets the tokens written to the prompt cache for one hour. Converse reports them in `cacheDetails`.
    #[must_use]
    pub fn cache_write_1h(mut self, tokens: u64) -> Self {
        self.cache_write_1h = Some(tokens);
        self
    }

    /// Sets how many of the output tokens are reasoning tokens. Only OpenAI-style bodies report them.
    #[must_use]
    pub fn reasoning(mut self, tokens: u64) -> Self {
        self.reasoning = Some(tokens);
        self
    }

    /// Sets the `totalTokens` of a Converse reply. Defaults to the sum of all input and output tokens.
    #[must_use]
    pub fn total(mut self, tokens: u64) -> Self {
        self.total = Some(tokens);
        self
    }

    /// Returns the sum of all cache writes, or `None` if none were given.
    pub(crate) fn all_cache_writes(&self) -> Option<u64> {
        let parts = [self.cache_write, self.cache_write_5m, self.cache_write_1h];
        parts.iter().any(Option::is_some).then(|| parts.iter().flatten().sum())
    }

    /// Returns all input tokens, including those read from or written to the cache.
    pub(crate) fn whole_input(&self) -> u64 {
        self.input + self.cache_read.unwrap_or(0) + self.all_cache_writes().unwrap_or(0)
    }

    /// Returns the `TokenUsage` shape of Converse.
    pub(crate) fn converse_usage(&self) -> Value {
        let mut usage = json!({
            "inputTokens": self.input,
            "outputTokens": self.output,
            "totalTokens": self.total.unwrap_or_else(|| self.whole_input() + self.output),
        });
        if let Some(tokens) = self.cache_read {
            usage["cacheReadInputTokens"] = json!(tokens);
        }
        if let Some(tokens) = self.all_cache_writes() {
            usage["cacheWriteInputTokens"] = json!(tokens);
        }
        let details: Vec<Value> = [("5m", self.cache_write_5m), ("1h", self.cache_write_1h)]
            .into_iter()
            .filter_map(|(ttl, tokens)| tokens.map(|tokens| json!({"ttl": ttl, "inputTokens": tokens})))
            .collect();
        if !details.is_empty() {
            usage["cacheDetails"] = Value::Array(details);
        }
        usage
    }

    /// Returns the `amazon-bedrock-invocationMetrics` of the last chunk of an InvokeModel stream.
    pub(crate) fn invocation_metrics(&self, latency_ms: u64) -> Value {
        let mut metrics = Map::new();
        metrics.insert("inputTokenCount".into(), json!(self.input));
        metrics.insert("outputTokenCount".into(), json!(self.output));
        metrics.insert("invocationLatency".into(), json!(latency_ms));
        metrics.insert("firstByteLatency".into(), json!(latency_ms / 2));
        if let Some(tokens) = self.cache_read {
            metrics.insert("cacheReadInputTokenCount".into(), json!(tokens));
        }
        if let Some(tokens) = self.all_cache_writes() {
            metrics.insert("cacheWriteInputTokenCount".into(), json!(tokens));
        }
        Value::Object(metrics)
    }
}

/// The token counts in one of the places where a reply reports them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReportedTokens {
    /// The counts that the place reports by default.
    #[default]
    Default,
    /// These counts, whatever the other places report.
    Given(Tokens),
    /// No counts.
    Omitted,
}

impl ReportedTokens {
    /// Returns the counts to report, where `default` is what the place reports by default.
    pub(crate) fn resolve(self, default: Option<Tokens>) -> Option<Tokens> {
        match self {
            Self::Default => default,
            Self::Given(tokens) => Some(tokens),
            Self::Omitted => None,
        }
    }
}
