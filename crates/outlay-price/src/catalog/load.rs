use std::path::Path;

use super::Prices;
use crate::LoadPricesError;
use crate::user_file::{self, Syntax};

impl Prices {
    /// Loads the user's price file over the bundled table. A file name that ends in `.json` means JSON (see
    /// [`from_json`](Self::from_json)), any other means TOML (see [`from_toml`](Self::from_toml)).
    ///
    /// # Errors
    ///
    /// Returns an error with file, line and field if the file cannot be read or is not a price file.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, LoadPricesError> {
        user_file::read(path.as_ref()).map(Self::over_bundled)
    }

    /// Parses the user's prices from TOML, over the bundled table.
    ///
    /// Amounts are US dollars per million tokens, as decimal text: most readers would parse a TOML float as a binary
    /// float. A row is complete: a rate that it leaves out has no price. It takes precedence over every
    /// bundled row of the same model, routing, tier and latency from its `effective_from` on, in
    /// its region, or in all regions if it has none. A row for an account takes precedence over a row for all accounts.
    /// Zero is a price. A row that only prices capacity charges nothing per call. The model `guardrails` has the prices of
    /// guardrail units, by policy.
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
    ///     region = "us-east-1"           # optional: any region
    ///     tier = "default"               # optional: this one
    ///     latency = "standard"           # optional: this one
    ///     effective_from = "2026-11-01"  # optional: always
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
    ///     [[price]]                      # prices of units, in US dollars per unit
    ///     model = "amazon.nova-canvas-v1:0"
    ///     units = { "output_image[side<=1024,premium]" = "0.055", "output_image" = "0.06" }
    ///
    ///     [[price]]                      # capacity with a commitment
    ///     model = "anthropic.claude-v2:1"
    ///     account = "123456789012"       # optional: every account
    ///     tier = "provisioned"
    ///     units = { "model_unit_hour[1-month]" = "39.60" }
    ///
    ///     [[discount]]                   # applies to the prices below this file
    ///     percent = "12.5"
    ///     provider = "anthropic"         # this and the next keys are optional
    ///     account = "123456789012"
    ///     region = "us-east-1"
    ///     tier = "default"
    ///     effective_from = "2026-11-01"
    ///     effective_to = "2027-11-01"    # the first day without the discount
    ///     note = "agreement 7"
    ///
    ///     [[discount]]
    ///     percent = "20"
    ///     model = "anthropic.claude-opus-5"  # all routings, unless it has a prefix or `routing` is set
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
    /// A discount applies to the prices below the file, never to the file's own rows. If several discounts apply, the one
    /// with the most selectors wins (`model` counts as two, dates do not count), and the later one on a tie. A discounted
    /// rate is rounded to a whole number of pico-dollars per token, and the discounted price of a unit to a whole number of
    /// billionths of a dollar: halves are rounded up. [`idle_discounts`](Self::idle_discounts) returns the discounts that
    /// apply to no price.
    ///
    /// A row that was imported from another table has a confidence and a `source`: `confidence = "listed"` (stated by
    /// AWS), `"agreed"` (stated by two other sources) or `"single"` (stated by one source, so its costs are estimates).
    /// Rows without `confidence` are your own and take precedence over imported rows. Imported rows apply to AWS's
    /// commercial regions only, unless they name a region. Imported rows and the bundled table form one list: the narrower
    /// place wins, then the later start. `region = "geo:eu"` names the regions of one geography.
    ///
    /// # Errors
    ///
    /// Returns an error with line and field if the text is not a price file. The error says so if the text is a price
    /// table of LiteLLM, genai-prices or AWS.
    pub fn from_toml(text: &str) -> Result<Self, LoadPricesError> {
        user_file::parse(text, Syntax::Toml, None).map(Self::over_bundled)
    }

    /// Like [`from_toml`](Self::from_toml), but parses JSON: one object with the arrays `price`, `alias` and `discount`.
    ///
    /// Amounts are strings or numbers. A number is read as decimal digits, never as a binary float.
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
    /// Returns an error with line and field if the text is not a price file.
    pub fn from_json(text: &str) -> Result<Self, LoadPricesError> {
        user_file::parse(text, Syntax::Json, None).map(Self::over_bundled)
    }
}
