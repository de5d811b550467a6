use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What a reply says it used, in tokens.
///
/// `input` leaves the cache out, as Bedrock does. Each number goes on the wire as it is given here;
/// nothing is checked.
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
    /// Input tokens that the cache had no part in, and output tokens.
    #[must_use]
    pub fn new(input: u64, output: u64) -> Self {
        Self { input, output, ..Self::default() }
    }

    /// Tokens read from the prompt cache. A zero is sent as a zero.
    #[must_use]
    pub fn cache_read(mut self, tokens: u64) -> Self {
        self.cache_read = Some(tokens);
        self
    }

    /// Tokens written to the prompt cache, without saying for how long they live.
    #[must_use]
    pub fn cache_write(mut self, tokens: u64) -> Self {
        self.cache_write = Some(tokens);
        self
    }

    /// Tokens written to the prompt cache for five minutes; `cacheDetails` says so.
    #[must_use]
    pub fn cache_write_5m(mut self, tokens: u64) -> Self {
        self.cache_write_5m = Some(tokens);
        self
    }

    /// Tokens written to the prompt cache for an hour; `cacheDetails` says so.
    #[must_use]
    pub fn cache_write_1h(mut self, tokens: u64) -> Self {
        self.cache_write_1h = Some(tokens);
        self
    }

    /// The part of `output` that was spent on reasoning. Only OpenAI-style bodies have a place for
    /// it.
    #[must_use]
    pub fn reasoning(mut self, tokens: u64) -> Self {
        self.reasoning = Some(tokens);
        self
    }

    /// The `totalTokens` of a Converse reply. Defaults to the sum of all the others.
    #[must_use]
    pub fn total(mut self, tokens: u64) -> Self {
        self.total = Some(tokens);
        self
    }

    /// All cache writes together, or `None` where none were given.
    pub(crate) fn all_cache_writes(&self) -> Option<u64> {
        let parts = [self.cache_write, self.cache_write_5m, self.cache_write_1h];
        parts.iter().any(Option::is_some).then(|| parts.iter().flatten().sum())
    }

    /// The whole prompt, cached or not.
    pub(crate) fn whole_input(&self) -> u64 {
        self.input + self.cache_read.unwrap_or(0) + self.all_cache_writes().unwrap_or(0)
    }

    /// The `TokenUsage` shape of Converse.
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

    /// The `amazon-bedrock-invocationMetrics` of the last chunk of an InvokeModel stream.
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

/// One of the places where a reply states its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stated {
    /// What the place would say by itself.
    #[default]
    ByDefault,
    /// These, whatever the other places say.
    As(Tokens),
    /// Nothing.
    Not,
}

impl Stated {
    pub(crate) fn or(self, default: Option<Tokens>) -> Option<Tokens> {
        match self {
            Self::ByDefault => default,
            Self::As(tokens) => Some(tokens),
            Self::Not => None,
        }
    }
}
