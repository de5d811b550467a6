use std::path::Path;

use super::Prices;
use crate::LoadPricesError;
use crate::user_file::{self, Syntax};

impl Prices {
    /// The user's price file over the bundled table: JSON (see [`from_json`](Self::from_json)) where its name ends in
    /// `.json`, else TOML (see [`from_toml`](Self::from_toml)).
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, or is no price file: the error says file, line and field.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, LoadPricesError> {
        user_file::read(path.as_ref()).map(Self::over_bundled)
    }

    /// The user's prices as TOML text, over the bundled table.
    ///
    /// Amounts are US dollars per million tokens, as decimal text: a TOML float would be a binary
    /// one in most readers. A row is whole: what it leaves out has no price. It wins over every
    /// bundled row of the same model, routing, tier and latency from its `effective_from` on, in
    /// its region or, without one, in all; that of an account wins over that of every account. Zero is a price. A row
    /// that prices nothing but capacity charges nothing per call. The model `guardrails` has the prices of guardrail units, by
    /// policy.
    ///
    /// ```
    /// use outlay_price::Prices;
    ///
    /// let prices = Prices::from_toml(
    ///     r#"
    ///     version = "acme-2026-11"
    ///
    ///     [[price]]
    ///     model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    ///     region = "us-east-1"           # any region without
    ///     tier = "default"               # this without
    ///     latency = "standard"           # this without
    ///     effective_from = "2026-11-01"  # always without
    ///     input = "3.20"
    ///     output = "16"
    ///     cache_read = "0.32"
    ///     cache_write_5m = "4"
    ///     cache_write_1h = "6.4"
    ///
    ///     [[price]]                      # the same for long contexts
    ///     model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    ///     region = "us-east-1"
    ///     effective_from = "2026-11-01"
    ///     context_over = 200_000
    ///     input = "6.40"
    ///     output = "24"
    ///
    ///     [[price]]                      # what is billed by the unit: US dollars for one
    ///     model = "amazon.nova-canvas-v1:0"
    ///     units = { "output_image[side<=1024,premium]" = "0.055", "output_image" = "0.06" }
    ///
    ///     [[price]]                      # capacity with a commitment
    ///     model = "anthropic.claude-v2:1"
    ///     account = "123456789012"       # every account without
    ///     tier = "provisioned"
    ///     units = { "model_unit_hour[1-month]" = "39.60" }
    ///
    ///     [[discount]]                   # off every price below this file
    ///     percent = "12.5"
    ///     provider = "anthropic"         # all of these are optional
    ///     account = "123456789012"
    ///     region = "us-east-1"
    ///     tier = "default"
    ///     effective_from = "2026-11-01"
    ///     effective_to = "2027-11-01"    # the first day without it
    ///     note = "agreement 7"
    ///
    ///     [[discount]]
    ///     percent = "20"
    ///     model = "anthropic.claude-opus-5"  # all routings; with a prefix, or with `routing`, that one
    ///
    ///     [[alias]]
    ///     from = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
    ///     to = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    ///     "#,
    /// )?;
    /// assert!(prices.version().ends_with("+acme-2026-11"));
    /// # Ok::<(), outlay_price::LoadPricesError>(())
    /// ```
    ///
    /// A discount is taken off the prices below the file, never off the file's own rows. Where several hold, the one
    /// with the most selectors wins (`model` counts for two, the dates for none), and the later one on a tie. A discounted
    /// rate is a whole number of pico-dollars per token, and that of a unit a whole number of billionths of a dollar:
    /// halves are rounded up. [`idle_discounts`](Self::idle_discounts) tells those that are for nothing.
    ///
    /// A row that was taken from somebody else's table says how sure it is: `confidence = "listed"` (AWS states it),
    /// `"agreed"` (two other sources do) or `"single"` (one does, so its costs are estimates), with its `source`. Such
    /// rows come after those without `confidence`, which are your own, and hold in AWS's commercial regions alone unless
    /// they name a region. They and the bundled table are one list: the narrower place and then the later start win. `region = "geo:eu"` names the regions of one geography.
    ///
    /// # Errors
    ///
    /// Returns an error with line and field where the text is no price file. It names a table of LiteLLM, genai-prices
    /// or AWS that was given in place of one.
    pub fn from_toml(text: &str) -> Result<Self, LoadPricesError> {
        user_file::parse(text, Syntax::Toml, None).map(Self::over_bundled)
    }

    /// The same as JSON text: one object with the arrays `price`, `alias` and `discount`.
    ///
    /// Amounts are texts or numbers; a number is read by its digits, never as a binary float.
    ///
    /// ```
    /// use outlay_price::Prices;
    ///
    /// let prices = Prices::from_json(
    ///     r#"{
    ///         "version": "acme-2026-11",
    ///         "price": [
    ///             {"model": "us.anthropic.claude-sonnet-4-6", "input": 3.20, "output": "16"},
    ///             {"model": "cohere.rerank-v3-5:0", "units": {"query": 0.0018}}
    ///         ]
    ///     }"#,
    /// )?;
    /// assert!(prices.version().ends_with("+acme-2026-11"));
    /// # Ok::<(), outlay_price::LoadPricesError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where the text is no price file: the error says line and field.
    pub fn from_json(text: &str) -> Result<Self, LoadPricesError> {
        user_file::parse(text, Syntax::Json, None).map(Self::over_bundled)
    }
}
