use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;

use crate::model::shorter_ids;
use crate::row::tsv;
use crate::table::{Search, Table};
use crate::user_file::{self, LoadPricesError};
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
    /// The tier that served.
    pub tier: Tier,
    /// The latency mode that served.
    pub latency: Latency,
    /// When the call was made.
    pub at: Timestamp,
}

impl<'a> PriceQuery<'a> {
    /// On demand, in no particular region, at the default tier and standard latency.
    pub const fn new(model: ModelRef<'a>, at: Timestamp) -> Self {
        Self { model, region: None, tier: Tier::Default, latency: Latency::Standard, at }
    }
}

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
            Prices::from_tsv(include_str!("../data/prices.tsv")).unwrap_or_else(Prices::empty)
        });
        Self::clone(&BUNDLED)
    }

    /// A table's text as a catalogue; `None` where it is no table.
    pub(crate) fn from_tsv(text: &str) -> Option<Self> {
        let table = parse_bundled(text)?;
        Some(Self(Arc::new(Layers { version: (*table.version).into(), tables: vec![Arc::new(table)] })))
    }

    /// A catalogue that knows no price.
    pub fn empty() -> Self {
        Self(Arc::new(Layers { version: "empty".into(), tables: Vec::new() }))
    }

    /// The user's price file (TOML, see [`from_toml`](Self::from_toml)) over the bundled table.
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
    /// its region or, without one, in all. Zero is a price, and right where capacity is billed apart:
    /// a provisioned model's ARN as `model`, or `tier = "reserved"`.
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
        user_file::parse(text, None).map(Self::over_bundled)
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
        if alias.is_some() && query.model.kind() == ModelKind::ProvisionedModel {
            return self.find_provisioned(model, region, query.at);
        }
        let search = |routing| Search { routing, region, tier: query.tier, latency: query.latency, at: query.at };
        let find = |id: &str, search: Search<'_>| tables.iter().find_map(|table| table.find(id, search));
        match model.base_id() {
            Some(base) => {
                let search = search(model.routing()?);
                find(base, search).or_else(|| shorter_ids(base).find_map(|id| find(id, search)))
            }
            None => find(model.as_str(), search(Routing::InRegion)),
        }
    }

    /// The prices of guardrail units in force in a region, by policy.
    ///
    /// They are the same for whatever model the guardrail stands before.
    #[must_use]
    pub fn guardrails(&self, region: Option<&str>, at: Timestamp) -> Option<&Price> {
        self.find_any("guardrails", region, Tier::Default, at)
    }

    /// The price of provisioned throughput: that of the model, which has what an hour costs; else that of any.
    fn find_provisioned(&self, model: ModelRef<'_>, region: Option<&str>, at: Timestamp) -> Option<&Price> {
        let own = model.base_id().and_then(|base| self.find_any(base, region, Tier::Provisioned, at));
        own.or_else(|| self.find_any("provisioned-model", region, Tier::Provisioned, at))
    }

    fn find_any(&self, id: &str, region: Option<&str>, tier: Tier, at: Timestamp) -> Option<&Price> {
        let search = Search { routing: Routing::InRegion, region, tier, latency: Latency::Standard, at };
        self.0.tables.iter().find_map(|table| table.find(id, search))
    }

    /// The model that a name stands for, where the user's file says so; else itself.
    pub(crate) fn resolve<'a>(&'a self, model: ModelRef<'a>) -> ModelRef<'a> {
        self.0.tables.iter().find_map(|table| table.alias(model)).unwrap_or(model)
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
