use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;

use crate::model::shorter_ids;
use crate::row::tsv;
use crate::table::{Search, Table};
use crate::user_file::{self, LoadPricesError, Syntax};
use crate::{Latency, ModelKind, ModelRef, Price, Routing, Tier};

#[cfg(test)]
mod tests;

/// What is asked of a catalogue: the price of this model, on this road, at this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceQuery<'a> {
    /// The model that served, or the one that was asked for.
    pub model: ModelRef<'a>,
    /// The region that was called. Without one, that of the model's ARN.
    pub region: Option<&'a str>,
    /// The account that is billed. Without one, that of the model's ARN.
    pub account: Option<&'a str>,
    /// The tier that served.
    pub tier: Tier,
    /// The latency mode that served.
    pub latency: Latency,
    /// When the call was made.
    pub at: Timestamp,
}

impl<'a> PriceQuery<'a> {
    /// On demand, in no particular region or account, at the default tier and standard latency.
    pub const fn new(model: ModelRef<'a>, at: Timestamp) -> Self {
        Self { model, region: None, account: None, tier: Tier::Default, latency: Latency::Standard, at }
    }
}

/// What stands for a model in the rows of guardrail units.
const GUARDRAILS: &str = "guardrails";

/// A price catalogue: immutable, and cheap to clone.
///
/// It has layers: the user's own rows, if any, over the bundled table. A layer that has a price
/// for a query answers it; what it does not know is left to the one below.
#[derive(Clone)]
pub struct Prices(Arc<Layers>);

struct Layers {
    version: Box<str>,
    /// The first one asked comes first.
    tables: Vec<Arc<Table>>,
}

impl Prices {
    /// The table that comes with the crate, parsed once per process.
    pub fn bundled() -> Self {
        static BUNDLED: LazyLock<Prices> = LazyLock::new(|| {
            // The committed table loads: a test proves it.
            let table = parse_bundled(include_str!("../data/prices.tsv")).unwrap_or_default();
            Prices(Arc::new(Layers { version: (*table.version).into(), tables: vec![Arc::new(table)] }))
        });
        Self::clone(&BUNDLED)
    }

    /// A catalogue that knows no price.
    pub fn empty() -> Self {
        Self(Arc::new(Layers { version: "empty".into(), tables: Vec::new() }))
    }

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
    /// that prices nothing but capacity charges nothing per call.
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
    ///     [[alias]]
    ///     from = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
    ///     to = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    ///     "#,
    /// )?;
    /// assert!(prices.version().ends_with("+acme-2026-11"));
    /// # Ok::<(), outlay_price::LoadPricesError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where the text is no price file: the error says line and field.
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

    fn over_bundled(own: Table) -> Self {
        let below = Self::bundled();
        let version = format!("{}+{}", below.version(), own.version).into_boxed_str();
        let mut tables = vec![Arc::new(own)];
        tables.extend(below.0.tables.iter().cloned());
        Self(Arc::new(Layers { version, tables }))
    }

    /// The version of the bundled table, such as `2026-11-20`; with the user's file over it,
    /// `2026-11-20+` and the file's own version, or a hash of its content where it says none.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// The price in force for a query; `None` where none is known, which is not the same as free.
    ///
    /// - **Model.** An id, a profile id, and the ARN of either are looked up by the id without geo
    ///   prefix, then without context size and revision (`...-v1:0:200k`, `...-v1:0`, `...-v1`).
    ///   What says nothing about its model (application profiles, provisioned, custom and imported
    ///   models, prompts, routers, endpoints) is priced only where the user's file maps it with
    ///   `[[alias]]` or has a row for it. A provisioned model that is mapped costs nothing per call: its capacity is
    ///   billed by the hour.
    /// - **Routing** by the prefix: `us.` is never taken for `global.`. A bare id is in-region; an
    ///   ARN of a foundation model without region is global. An unknown prefix has no price.
    /// - **Account.** A row of the very account comes before one of every account, whatever their regions.
    /// - **Region.** A row of the very region comes before one of any region. The bundled rows of
    ///   any region hold in AWS's commercial regions only.
    /// - **Tier and latency.** Each has rows of its own, and none stands in for another: a tier
    ///   that is not in the table is unpriced. Reserved capacity is billed by the reservation, not
    ///   by the call, so that the bundled table has no rows for it.
    /// - **Time.** The row with the latest start that is not after the call; a row whose start is
    ///   not known holds since ever.
    ///
    /// Allocates nothing.
    #[must_use]
    pub fn lookup(&self, query: &PriceQuery<'_>) -> Option<&Price> {
        let tables = &self.0.tables;
        let alias = tables.iter().find_map(|table| table.alias(query.model));
        let model = alias.unwrap_or(query.model);
        let region = query.region.or(query.model.region()).or(model.region());
        let account = query.account.or(query.model.account()).or(model.account());
        let PriceQuery { tier, latency, at, .. } = *query;
        if alias.is_some() && query.model.kind() == ModelKind::ProvisionedModel {
            return self
                .find_provisioned(model, Search { tier: Tier::Provisioned, ..Search::plain(region, account, at) });
        }
        let search = |routing| Search { routing, tier, latency, ..Search::plain(region, account, at) };
        match model.base_id() {
            Some(base) => {
                let search = search(model.routing()?);
                self.find(base, search).or_else(|| shorter_ids(base).find_map(|id| self.find(id, search)))
            }
            None => self.find(model.as_str(), search(Routing::InRegion)),
        }
    }

    /// The prices of guardrail units in force in a region, by policy.
    ///
    /// They are the same for whatever model the guardrail stands before.
    #[must_use]
    pub fn guardrails(&self, region: Option<&str>, at: Timestamp) -> Option<&Price> {
        self.find(GUARDRAILS, Search::plain(region, None, at))
    }

    /// The prices of guardrail units for a call.
    pub(crate) fn guardrails_of(&self, query: &PriceQuery<'_>) -> Option<&Price> {
        let region = query.region.or(query.model.region());
        let account = query.account.or(query.model.account());
        self.find(GUARDRAILS, Search::plain(region, account, query.at))
    }

    /// The price of provisioned throughput: that of the model, which has what an hour costs; else that of any.
    fn find_provisioned(&self, model: ModelRef<'_>, search: Search<'_>) -> Option<&Price> {
        let own = model.base_id().and_then(|base| self.find(base, search));
        own.or_else(|| self.find("provisioned-model", search))
    }

    fn find(&self, id: &str, search: Search<'_>) -> Option<&Price> {
        self.0.tables.iter().find_map(|table| table.find(id, search))
    }

    /// Every price of every layer, in no particular order; one that is covered by a layer above is
    /// there too.
    pub fn rows(&self) -> impl Iterator<Item = &Price> {
        self.0.tables.iter().flat_map(|table| table.prices())
    }
}

impl Default for Prices {
    fn default() -> Self {
        Self::bundled()
    }
}

impl fmt::Debug for Prices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prices").field("version", &self.version()).finish_non_exhaustive()
    }
}

fn parse_bundled(text: &str) -> Option<Table> {
    let file = tsv::parse(text).ok()?;
    Table::bundled(&file.version, file.rows).ok()
}
