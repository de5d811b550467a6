use std::fmt;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;

use crate::model::shorter_ids;
use crate::region::place_partition;
use crate::row::{Row, tsv};
use crate::table::TableError;
use crate::table::{Search, Table};
use crate::{Confidence, Geo, Latency, ModelRef, Price, Routing, Tier};

mod alias;
mod layers;
mod load;
mod named_model;

#[cfg(test)]
mod lookup_tests;

pub(crate) use layers::Layer;
use layers::Layers;
pub use named_model::NamedModel;

/// The row of provisioned throughput of a model that has none of its own.
pub const ANY_PROVISIONED: &str = "provisioned-model";

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
pub const GUARDRAILS: &str = "guardrails";

/// A price catalogue: immutable, and cheap to clone.
///
/// It has layers: the user's own rows, if any, over the bundled table. A layer that has a price
/// for a query answers it; what it does not know is left to the one below. To take new prices at run time, lay them
/// [`over`](Self::over) the old ones and swap the whole catalogue: whoever has the old one keeps it until it is done.
#[derive(Clone)]
pub struct Prices(Arc<Layers>);

impl Prices {
    /// The table that comes with the crate. Each model's part of it is parsed once per process, when it is first asked for.
    pub fn bundled() -> Self {
        // The committed table loads: a test proves it.
        static BUNDLED: LazyLock<Prices> =
            LazyLock::new(|| Prices::of(vec![Table::bundled(include_str!("../data/prices.tsv")).into()]));
        Self::clone(&BUNDLED)
    }

    /// Returns the catalogue of a bundled table's text; an error says which lines are wrong.
    #[doc(hidden)]
    pub fn from_tsv(text: &str) -> Result<Self, String> {
        let file = tsv::parse(text).map_err(|error| format!("{error:?}"))?;
        let line = |row: usize| text.lines().nth(row + 2).unwrap_or_default();
        let table = Table::listed(&file.version, file.rows).map_err(|error| match error {
            TableError::Duplicate { first, second } => {
                format!("two rows are the same: {} | {}", line(first), line(second))
            }
            TableError::MissingBase { row } => format!("a row has no base: {}", line(row)),
        })?;
        Ok(Self::of(vec![table.into()]))
    }

    /// Returns the catalogue of rows that were imported, which holds in AWS's commercial regions; `None` where two of them
    /// are of the same, or one holds above a context size and none below it.
    #[doc(hidden)]
    pub fn of_imported(version: &str, rows: Vec<Row>) -> Option<Self> {
        Table::listed(version, rows).ok().map(|table| Self::of(vec![table.into()]))
    }

    /// A catalogue that knows no price.
    pub fn empty() -> Self {
        Self::of(Vec::new())
    }

    /// This catalogue's layers over another's: what these do not know is left to that one, and their discounts hold
    /// for its prices too. What was loaded from a file has the bundled table as its lowest layer, which would cover what
    /// is below: take it out first, with [`without_bundled`](Self::without_bundled).
    ///
    /// ```
    /// use outlay_price::Prices;
    ///
    /// let company = Prices::from_toml("version = \"acme\"\n[[discount]]\npercent = \"10\"")?.without_bundled();
    /// let team = Prices::from_toml("version = \"team-7\"")?.without_bundled();
    /// let prices = team.over(&company.over(&Prices::bundled()));
    /// assert!(prices.version().ends_with("+acme+team-7"));
    /// # Ok::<(), outlay_price::LoadPricesError>(())
    /// ```
    #[must_use]
    pub fn over(&self, below: &Self) -> Self {
        Self::of(self.0.list.iter().chain(&below.0.list).cloned().collect())
    }

    /// The same without the bundled table: what was laid over it, to be laid over other prices.
    #[must_use]
    pub fn without_bundled(&self) -> Self {
        let bundled = Self::bundled();
        let is_bundled = |layer: &&Layer| bundled.0.list.iter().any(|own| Arc::ptr_eq(&own.table, &layer.table));
        Self::of(self.0.list.iter().filter(|layer| !is_bundled(layer)).cloned().collect())
    }

    fn over_bundled(own: Vec<Layer>) -> Self {
        Self::of(own).over(&Self::bundled())
    }

    pub(crate) fn of(list: Vec<Layer>) -> Self {
        Self(Arc::new(Layers::new(list)))
    }

    /// The versions of the layers, the lowest first, with `+` between: `2026-11-20` for the bundled table, `2026-11-20+`
    /// and the file's own version with the user's file over it, or a hash of its content where it says none.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// The price in force for a query; `None` where none is known, which is not the same as free.
    ///
    /// - **Model.** An id, a profile id, and the ARN of either are looked up by the id without geo
    ///   prefix, then without context size and revision (`...-v1:0:200k`, `...-v1:0`, `...-v1`).
    ///   What says nothing about its model (application profiles, provisioned, custom and imported
    ///   models, prompts, routers, endpoints) is priced only where the user's file maps it with
    ///   `[[alias]]` or has a row for it. The ARN of a provisioned model that is mapped costs nothing per call: its
    ///   capacity is billed by the hour. A bare name may be anything, and costs what the model does that it is mapped to.
    /// - **Routing** by the prefix: `us.` is never taken for `global.`. A bare id is in-region; an
    ///   ARN of a foundation model without region is global. An unknown prefix has no price.
    /// - **Account.** A row of the very account comes before one of every account, whatever their regions.
    /// - **Region.** A row of the very region comes before one of its geography, and that before one of any region. The
    ///   bundled rows of any region hold in AWS's commercial regions only. Where no row has the region, or none is known,
    ///   the bundled table answers with the price of another region, of the same geography if there is one, else of
    ///   us-east-1; its confidence is [`Confidence::Elsewhere`], and what it charges is an estimate. No price of another
    ///   partition stands in.
    /// - **Tier and latency.** Each has rows of its own, and none stands in for another: a tier
    ///   that is not in the table is unpriced. Reserved capacity is billed by the hour of the reservation: a call on it
    ///   costs nothing.
    /// - **Time.** The row with the latest start that is not after the call; a row whose start is
    ///   not known holds since ever.
    ///
    /// Allocates nothing.
    #[must_use]
    pub fn lookup(&self, query: &PriceQuery<'_>) -> Option<&Price> {
        let (model, is_provisioned) = self.alias(query.model).unwrap_or((query.model, false));
        let region = query.region.or(query.model.region_or_partition()).or(model.region_or_partition());
        let account = query.account.or(query.model.account()).or(model.account());
        let PriceQuery { tier, latency, at, .. } = *query;
        if is_provisioned {
            return self
                .find_provisioned(model, Search { tier: Tier::Provisioned, ..Search::plain(region, account, at) });
        }
        let search = |routing| Search { routing, tier, latency, ..Search::plain(region, account, at) };
        match model.base_id() {
            Some(base) => {
                let search = search(model.routing()?);
                let own = self.find(base, search).or_else(|| shorter_ids(base).find_map(|id| self.find(id, search)));
                own.or_else(|| self.find_reserved(base, search))
            }
            None => self.find(model.as_str(), search(Routing::InRegion)),
        }
    }

    /// Returns the prices that may hold for a call of which nobody knows the region: those of all regions. The first one is
    /// that of [`lookup`](Self::lookup).
    ///
    /// ```
    /// use outlay_price::{CacheUse, ModelRef, PriceQuery, Prices};
    ///
    /// let model = ModelRef::parse("amazon.nova-pro-v1:0")?;
    /// let query = PriceQuery::new(model, "2026-11-28T12:00:00Z".parse()?);
    /// let prices = Prices::bundled();
    /// let most = |input| prices.in_any_region(&query).map(|price| price.bound(input, 0, CacheUse::NoWrites)).max();
    /// assert_eq!(most(1_000_000).ok_or("unpriced")?.to_string(), "$1.280000");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn in_any_region(&self, query: &PriceQuery<'_>) -> impl Iterator<Item = &Price> {
        let first = self.lookup(query);
        let is_elsewhere = first.is_some_and(|price| price.confidence() == Confidence::Elsewhere);
        let model = self.resolve(query.model);
        let no_region = query.region.or(query.model.region()).or(model.region()).is_none();
        let of_routing = (model.routing() == Some(Routing::Geo(Geo::UsGov))).then_some(Geo::UsGov.as_str());
        let own =
            query.model.region_or_partition().or(model.region_or_partition()).or(of_routing).and_then(place_partition);
        let others = first.filter(|_| is_elsewhere && no_region).map(|found| {
            let search = Search {
                routing: found.routing(),
                tier: found.tier(),
                latency: found.latency(),
                ..Search::plain(None, None, query.at)
            };
            let is_there = move |price: &&Price| price.region().and_then(place_partition) == own;
            self.0.tables.iter().flat_map(move |table| table.everywhere(found.model(), search)).filter(is_there)
        });
        first.into_iter().chain(others.into_iter().flatten())
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
        let region = query.region.or(query.model.region_or_partition());
        let account = query.account.or(query.model.account());
        self.find(GUARDRAILS, Search::plain(region, account, query.at))
    }

    /// The price of provisioned throughput: that of the model, which has what an hour costs; else that of any.
    fn find_provisioned(&self, model: ModelRef<'_>, search: Search<'_>) -> Option<&Price> {
        let own = model.base_id().and_then(|base| self.find(base, search));
        own.or_else(|| self.find(ANY_PROVISIONED, search))
    }

    /// The price of a call on reserved capacity of a model that is known.
    fn find_reserved(&self, base: &str, search: Search<'_>) -> Option<&Price> {
        let has_prices = |id: &str| self.0.tables.iter().any(|table| table.has_routing(id, search.routing));
        let is_known = || has_prices(base) || shorter_ids(base).any(has_prices);
        let of_any = Search { tier: Tier::Reserved, ..Search::plain(search.region, search.account, search.at) };
        if search.tier == Tier::Reserved && is_known() { self.find(ANY_PROVISIONED, of_any) } else { None }
    }

    fn find(&self, id: &str, search: Search<'_>) -> Option<&Price> {
        Table::find_in_all(&self.0.tables, id, search)
    }

    /// Returns the model that a name stands for, where a price file or a resolver has said so; else the name itself.
    #[must_use]
    pub fn resolve<'a>(&'a self, model: ModelRef<'a>) -> ModelRef<'a> {
        self.alias(model).map_or(model, |(model, _)| model)
    }

    /// Whether a name is known to be that of provisioned throughput, of which a call costs nothing.
    #[must_use]
    pub fn is_provisioned(&self, model: ModelRef<'_>) -> bool {
        self.alias(model).map_or_else(|| model.is_provisioned(), |(_, is_provisioned)| is_provisioned)
    }

    /// The model that a name stands for, and whether the name is that of provisioned throughput.
    fn alias<'a>(&'a self, model: ModelRef<'a>) -> Option<(ModelRef<'a>, bool)> {
        self.0.tables.iter().find_map(|table| table.alias(model))
    }

    /// Every price of every layer, in no particular order, and those that discounts make of them; one that is covered
    /// by a layer above is there too.
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
