use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::model::shorter_ids;
use crate::region::place_partition;
use crate::row::{Row, tsv};
use crate::table::TableError;
use crate::table::{Search, Table};
use crate::{Confidence, Geo, Latency, ModelRef, Price, Routing, Tier, Timestamp};

mod alias;
mod layers;
mod load;
mod named_model;

#[cfg(test)]
mod lookup_tests;

pub(crate) use layers::Layer;
use layers::Layers;
pub use named_model::NamedModel;

/// The model id of the rows for provisioned throughput of models without a row of their own.
pub const ANY_PROVISIONED: &str = "provisioned-model";

/// A query for the price of a model, with a region, account, tier, latency mode and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceQuery<'a> {
    /// The model that served the call, or the one that was requested.
    pub model: ModelRef<'a>,
    /// The region that was called. Defaults to the region in the model's ARN.
    pub region: Option<&'a str>,
    /// The account that is billed. Defaults to the account in the model's ARN.
    pub account: Option<&'a str>,
    /// The service tier of the call.
    pub tier: Tier,
    /// The latency mode of the call.
    pub latency: Latency,
    /// The time of the call.
    pub at: Timestamp,
}

impl<'a> PriceQuery<'a> {
    /// Returns a query without a region or account, at the default tier and standard latency.
    pub const fn new(model: ModelRef<'a>, at: Timestamp) -> Self {
        Self { model, region: None, account: None, tier: Tier::Default, latency: Latency::Standard, at }
    }
}

/// The model id of the rows for guardrail units.
pub const GUARDRAILS: &str = "guardrails";

/// A price catalogue: immutable, and cheap to clone.
///
/// A catalogue has layers: the user's own rows, if any, over the bundled table. The first layer with a price for a query
/// answers it. To load new prices at run time, put them [`over`](Self::over) the old ones and swap the whole catalogue:
/// clones of the old catalogue stay as they are.
#[derive(Clone)]
pub struct Prices(Arc<Layers>);

impl Prices {
    /// Returns the bundled table. The rows of each model are parsed once per process, at the first lookup of the model.
    pub fn bundled() -> Self {
        // A test ensures that the committed table loads.
        static BUNDLED: LazyLock<Prices> =
            LazyLock::new(|| Prices::of(vec![Table::bundled(include_str!("../data/prices.tsv")).into()]));
        Self::clone(&BUNDLED)
    }

    /// Parses the text of a bundled table. The error names the invalid lines.
    #[doc(hidden)]
    pub fn from_tsv(text: &str) -> Result<Self, String> {
        let file = tsv::parse(text).map_err(|error| format!("{error:?}"))?;
        let line = |row: usize| text.lines().nth(row + 2).unwrap_or_default();
        let table = Table::listed(&file.version, file.rows).map_err(|error| match error {
            TableError::Duplicate { first, second } => {
                format!("two rows have the same key: {} | {}", line(first), line(second))
            }
            TableError::MissingBase { row } => format!("a row has no base row: {}", line(row)),
        })?;
        Ok(Self::of(vec![table.into()]))
    }

    /// Returns a catalogue of imported rows, which apply to AWS's commercial regions.
    ///
    /// Returns `None` if two rows have the same key, or if a row with a context size has no base row.
    #[doc(hidden)]
    pub fn of_imported(version: &str, rows: Vec<Row>) -> Option<Self> {
        Table::listed(version, rows).ok().map(|table| Self::of(vec![table.into()]))
    }

    /// Returns a catalogue without prices.
    pub fn empty() -> Self {
        Self::of(Vec::new())
    }

    /// Returns this catalogue's layers over those of another catalogue.
    ///
    /// A query that the upper layers cannot answer goes to the lower ones. Discounts of the upper layers also apply to the
    /// prices of the lower ones. A catalogue that was loaded from a file has the bundled table as its lowest layer, which
    /// would hide the layers below: remove it first, with [`without_bundled`](Self::without_bundled).
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

    /// Returns the catalogue without the bundled table, to put over other prices.
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

    /// Returns the versions of the layers, the lowest first, separated by `+`.
    ///
    /// The bundled table has a date, such as `2026-11-20`. A user's file has its own version, or a hash of its content if
    /// it does not set one: `2026-11-20+acme`.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// Returns the newest day on which any of the prices was known to be right: the day of a layer's version, or the
    /// `as_of` of a row. Days after `at` are left out. Returns the start of the day in UTC, or `None` if no layer with
    /// prices has such a day.
    ///
    /// ```
    /// use outlay_price::Prices;
    ///
    /// let at = "2027-03-01T12:00:00Z".parse()?;
    /// assert!(Prices::bundled().newest_day(at) >= Some("2026-11-20".parse()?));
    /// assert_eq!(Prices::empty().newest_day(at), None);
    /// # Ok::<(), outlay_price::TimestampError>(())
    /// ```
    pub fn newest_day(&self, at: Timestamp) -> Option<Timestamp> {
        let today = at.date();
        self.0.list.iter().filter_map(|layer| layer.table.newest_day(today)).max().and_then(Timestamp::start_of)
    }

    /// Returns the price in force for a query, or `None` if no price is known, which does not mean free.
    ///
    /// - **Model.** A model id, a profile id, and an ARN of either are looked up by the id without its geo
    ///   prefix, then without context size and revision (`...-v1:0:200k`, `...-v1:0`, `...-v1`).
    ///   Ids that do not name a model (application profiles, provisioned, custom and imported
    ///   models, prompts, routers, endpoints) have a price only if the user's file maps them with
    ///   `[[alias]]` or has a row for them. A call to the ARN of a mapped provisioned model costs nothing: its
    ///   capacity is billed by the hour. A call to a mapped bare name costs the price of the mapped model.
    /// - **Routing** comes from the prefix: `us.` and `global.` have different prices. A bare id is in-region; an
    ///   ARN of a foundation model without a region is global. An unknown prefix has no price.
    /// - **Account.** A row for the account takes precedence over a row for all accounts, whatever their regions.
    /// - **Region.** A row for the region takes precedence over a row for its geography, then over a row for any region.
    ///   Bundled rows for any region apply to AWS's commercial regions only. If no row matches, or if the region is
    ///   unknown, the bundled table falls back to a region of the same geography, else to us-east-1. The confidence of
    ///   such a price is [`Confidence::Elsewhere`], and its charges are estimates. It never falls back to another
    ///   partition.
    /// - **Tier and latency.** Each tier and latency mode has its own rows, without a fallback: a tier that is not in
    ///   the table has no price. Reserved capacity is billed by the hour of the reservation: a call on it costs nothing.
    /// - **Time.** The row with the latest start that is not after the call wins. A row without a known start applies
    ///   from the beginning.
    ///
    /// Does not allocate.
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

    /// Returns all prices that may apply to a call to an unknown region, starting with the result of
    /// [`lookup`](Self::lookup).
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
        let is_fallback = first.is_some_and(|price| price.confidence() == Confidence::Elsewhere);
        let model = self.resolve(query.model);
        let no_region = query.region.or(query.model.region()).or(model.region()).is_none();
        let gov_geo = (model.routing() == Some(Routing::Geo(Geo::UsGov))).then_some(Geo::UsGov.as_str());
        let partition =
            query.model.region_or_partition().or(model.region_or_partition()).or(gov_geo).and_then(place_partition);
        let others = first.filter(|_| is_fallback && no_region).map(|found| {
            let search = Search {
                routing: found.routing(),
                tier: found.tier(),
                latency: found.latency(),
                ..Search::plain(None, None, query.at)
            };
            let is_same_partition = move |price: &&Price| price.region().and_then(place_partition) == partition;
            self.0
                .tables
                .iter()
                .flat_map(move |table| table.everywhere(found.model(), search))
                .filter(is_same_partition)
        });
        first.into_iter().chain(others.into_iter().flatten())
    }

    /// Returns the prices of guardrail units in force in a region, by policy.
    ///
    /// They do not depend on the model.
    #[must_use]
    pub fn guardrails(&self, region: Option<&str>, at: Timestamp) -> Option<&Price> {
        self.find(GUARDRAILS, Search::plain(region, None, at))
    }

    /// Returns the prices of guardrail units for a call.
    pub(crate) fn guardrails_of(&self, query: &PriceQuery<'_>) -> Option<&Price> {
        let region = query.region.or(query.model.region_or_partition());
        let account = query.account.or(query.model.account());
        self.find(GUARDRAILS, Search::plain(region, account, query.at))
    }

    /// Returns the price of provisioned throughput: the model's own row, which has the price of an hour, else the row for
    /// any model.
    fn find_provisioned(&self, model: ModelRef<'_>, search: Search<'_>) -> Option<&Price> {
        let own = model.base_id().and_then(|base| self.find(base, search));
        own.or_else(|| self.find(ANY_PROVISIONED, search))
    }

    /// Returns the price of a call on reserved capacity, for known models only.
    fn find_reserved(&self, base: &str, search: Search<'_>) -> Option<&Price> {
        let has_prices = |id: &str| self.0.tables.iter().any(|table| table.has_routing(id, search.routing));
        let is_known = || has_prices(base) || shorter_ids(base).any(has_prices);
        let any_model = Search { tier: Tier::Reserved, ..Search::plain(search.region, search.account, search.at) };
        if search.tier == Tier::Reserved && is_known() { self.find(ANY_PROVISIONED, any_model) } else { None }
    }

    fn find(&self, id: &str, search: Search<'_>) -> Option<&Price> {
        Table::find_in_all(&self.0.tables, id, search)
    }

    /// Returns the model that a price file or a resolver maps a name to, or the name itself if it is not mapped.
    #[must_use]
    pub fn resolve<'a>(&'a self, model: ModelRef<'a>) -> ModelRef<'a> {
        self.alias(model).map_or(model, |(model, _)| model)
    }

    /// Returns whether a name is known to stand for provisioned throughput, which costs nothing per call.
    #[must_use]
    pub fn is_provisioned(&self, model: ModelRef<'_>) -> bool {
        self.alias(model).map_or_else(|| model.is_provisioned(), |(_, is_provisioned)| is_provisioned)
    }

    /// Returns the model that a name is mapped to, and whether the name stands for provisioned throughput.
    fn alias<'a>(&'a self, model: ModelRef<'a>) -> Option<(ModelRef<'a>, bool)> {
        self.0.tables.iter().find_map(|table| table.alias(model))
    }

    /// Returns every price of every layer and every discounted price, in no particular order. Includes prices that an
    /// upper layer hides.
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
