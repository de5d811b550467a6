/// The texts that the table is built from.
#[derive(Clone, Copy, Debug)]
pub struct RawSources<'a> {
    /// The Bedrock rows of LiteLLM's price table: JSON, US dollars per token.
    pub litellm: &'a str,
    /// The AWS part of genai-prices: JSON, US dollars per million tokens.
    pub genai: &'a str,
    /// AWS's Price List by region: tab-separated, US dollars per million tokens.
    pub price_list: &'a str,
    /// The cells of AWS's pricing page: tab-separated.
    pub pricing_page: &'a str,
    /// The model ids of the names in those two: tab-separated.
    pub labels: &'a str,
    /// The rules that decide between the sources: TOML.
    pub resolutions: &'a str,
}
