use crate::tokenizer::{self, Ratio};
use crate::{CacheTtl, Charge, CostStatus, Latency, ModelRef, PriceQuery, Prices, Routing, Tier, Usage, Usd, Used};

#[cfg(test)]
mod what_if_tests;

/// A hypothetical change to a recorded call. Properties that are not set stay as recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change<'a> {
    model: Option<ModelRef<'a>>,
    routing: Option<Routing>,
    tier: Option<Tier>,
    latency: Option<Latency>,
    caching: Option<Caching>,
}

/// A hypothetical use of the cache by the input of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Caching {
    /// No cache: cached tokens become plain input.
    Off,
    /// All cache writes with this lifetime.
    Ttl(CacheTtl),
    /// A share of the plain input read from the cache, in thousandths (at most 1,000) and rounded down to whole tokens.
    ///
    /// The cost of writing it to the cache is not included.
    ReadPermille(u32),
}

/// The recorded and the hypothetical cost of a call.
///
/// The hypothetical cost is based on the recorded counts, because the answer of another model is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    recorded: Charge,
    low: Charge,
    high: Charge,
    notes: Vec<String>,
}

impl<'a> Change<'a> {
    /// Creates an empty change.
    pub const fn new() -> Self {
        Self { model: None, routing: None, tier: None, latency: None, caching: None }
    }

    /// Sets the model and the routing of its id. Defaults to the recorded model.
    #[must_use]
    pub const fn with_model(mut self, model: ModelRef<'a>) -> Self {
        self.model = Some(model);
        self
    }

    /// Sets the routing. Defaults to the routing of the model's id.
    #[must_use]
    pub const fn with_routing(mut self, routing: Routing) -> Self {
        self.routing = Some(routing);
        self
    }

    /// Sets the service tier. Defaults to the recorded tier.
    #[must_use]
    pub const fn with_tier(mut self, tier: Tier) -> Self {
        self.tier = Some(tier);
        self
    }

    /// Sets the latency mode. Defaults to the recorded mode.
    #[must_use]
    pub const fn with_latency(mut self, latency: Latency) -> Self {
        self.latency = Some(latency);
        self
    }

    /// Sets the use of the cache. Defaults to the recorded use.
    #[must_use]
    pub const fn with_caching(mut self, caching: Caching) -> Self {
        self.caching = Some(caching);
        self
    }

    const fn changes_variant(&self) -> bool {
        self.routing.is_some() || self.tier.is_some() || self.latency.is_some()
    }
}

impl Caching {
    /// Returns the same usage with this use of the cache.
    fn apply(self, usage: &Usage) -> Usage {
        let plain = usage.uncached_input_tokens();
        let without_writes = usage
            .with_cache_write(CacheTtl::FiveMinutes, 0)
            .with_cache_write(CacheTtl::ThirtyMinutes, 0)
            .with_cache_write(CacheTtl::OneHour, 0);
        match self {
            Self::Off => {
                let cached = usage.cache_read_tokens().saturating_add(usage.cache_write_tokens());
                without_writes.with_cache_read(0).with_uncached_input(plain.saturating_add(cached))
            }
            Self::Ttl(ttl) => without_writes.with_cache_write(ttl, usage.cache_write_tokens()),
            Self::ReadPermille(permille) => {
                let read = u128::from(plain) * u128::from(permille.min(1_000)) / 1_000;
                // At most `plain`, so this never fails.
                let read = u64::try_from(read).unwrap_or(plain);
                usage
                    .with_uncached_input(plain.saturating_sub(read))
                    .with_cache_read(usage.cache_read_tokens().saturating_add(read))
            }
        }
    }
}

impl Prices {
    /// Returns the cost of a recorded call under a hypothetical change.
    ///
    /// ```
    /// use outlay_price::{Change, ModelRef, PriceQuery, Prices, Tier, Usage, Used};
    ///
    /// let model = ModelRef::parse("us.deepseek.v3.2")?;
    /// let query = PriceQuery::new(model, "2026-11-20T12:00:00Z".parse()?);
    /// let used = Used::from(Usage::new().with_uncached_input(1_000_000).with_output(100_000));
    ///
    /// let prices = Prices::bundled();
    /// let flex = prices.what_if(&query, &used, &Change::new().with_tier(Tier::Flex));
    /// assert!(!flex.is_range());
    /// assert_eq!(flex.recorded().total().to_string(), "$0.805000");
    /// assert_eq!(flex.high().total().to_string(), "$0.402500");
    ///
    /// // Another tokenizer has a different number of tokens for the same text, so the cost is a range.
    /// let nova = ModelRef::parse("us.amazon.nova-lite-v1:0")?;
    /// let nova = prices.what_if(&query, &used, &Change::new().with_model(nova));
    /// assert!(nova.is_range());
    /// let (least, most) = nova.saves().ok_or("unpriced")?;
    /// assert_eq!((least.to_string(), most.to_string()), ("$0.637000".into(), "$0.763000".into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// - **Counts** stay the same if both models are known to have the same tokenizer. Otherwise the cost is a range from
    ///   the minimum to the maximum number of text tokens ([`WhatIf::notes`] has the reason), rounded outwards, and
    ///   each end is charged in the context tier that it reaches. Audio, units and guardrail usage stay the same.
    /// - **Model.** The new model is called in the region of the query, else of its own ARN, else of the recorded model's
    ///   ARN. Its routing comes from its id. An alias in the user's file is resolved before a routing, tier or latency mode
    ///   is set.
    /// - **Status.** Exact for AWS's own counts at a known price, estimated for derived counts, and unpriced
    ///   (never zero) if the other price is unknown. For a record with a weaker status, see
    ///   [`WhatIf::with_status`].
    #[must_use]
    pub fn what_if(&self, query: &PriceQuery<'_>, used: &Used, change: &Change<'_>) -> WhatIf {
        let other = self.changed_query(query, change);
        let tokens = change.caching.map_or(used.tokens, |caching| caching.apply(&used.tokens));
        let ratio = tokenizer::ratio(self.resolve(query.model), self.resolve(other.model));
        let bounds = ratio
            .map_or([tokens; 2], |ratio| [Ratio::fewest, Ratio::most].map(|convert| scaled(&tokens, convert, ratio)));
        // Without text, the ratio has no effect.
        let ratio = ratio.filter(|_| bounds != [tokens; 2]);
        let is_derived = ratio.is_some() || matches!(change.caching, Some(Caching::ReadPermille(_)));
        // The price of an opaque resource does not apply to another routing.
        let has_routing = change.routing.is_none() || other.model.base_id().is_some();
        let [few, many] = bounds.map(|tokens| match self.charge(&other, &Used { tokens, ..used.clone() }) {
            _ if !has_routing => Charge::unpriced(),
            charge if is_derived => charge.with_status(CostStatus::Estimated),
            charge => charge,
        });
        // A higher context tier may be cheaper.
        let is_reversed = few.is_priced() && many.is_priced() && few.total() > many.total();
        let (low, high) = if is_reversed { (many, few) } else { (few, many) };
        let mut notes = Vec::new();
        if let Some(Ratio { reason, .. }) = ratio {
            notes.push(format!("{} and {} count tokens differently: {reason}", query.model, other.model));
        }
        if matches!(change.caching, Some(Caching::ReadPermille(_))) {
            notes.push("the cost of writing to the cache is not included".to_owned());
        }
        if !low.is_priced() || !high.is_priced() {
            notes.push(format!("the price of {} with this change is not known", other.model));
        }
        WhatIf { recorded: self.charge(query, used), low, high, notes }
    }

    /// Returns the query with a change applied.
    fn changed_query<'a>(&'a self, query: &PriceQuery<'a>, change: &Change<'a>) -> PriceQuery<'a> {
        let requested = change.model.unwrap_or(query.model);
        let model = if change.changes_variant() { self.resolve(requested) } else { requested };
        let model = change.routing.map_or(model, |routing| model.with_routing(routing));
        let region = query.region.or(requested.region()).or(query.model.region());
        let account = query.account.or(requested.account()).or(query.model.account());
        let (tier, latency) = (change.tier.unwrap_or(query.tier), change.latency.unwrap_or(query.latency));
        PriceQuery { model, region, account, tier, latency, ..*query }
    }
}

/// Converts the text tokens of a usage to another tokenizer.
fn scaled(usage: &Usage, count: fn(Ratio, u64) -> u64, ratio: Ratio) -> Usage {
    let mut scaled = usage
        .with_uncached_input(count(ratio, usage.uncached_input_tokens()))
        .with_cache_read(count(ratio, usage.cache_read_tokens()))
        .with_output(count(ratio, usage.text_output_tokens()));
    for ttl in [CacheTtl::FiveMinutes, CacheTtl::ThirtyMinutes, CacheTtl::OneHour] {
        scaled = scaled.with_cache_write(ttl, count(ratio, usage.cache_write_tokens_for(ttl)));
    }
    scaled
}

impl WhatIf {
    /// Returns the recorded charge.
    pub const fn recorded(&self) -> &Charge {
        &self.recorded
    }

    /// Returns the minimum hypothetical charge.
    pub const fn low(&self) -> &Charge {
        &self.low
    }

    /// Returns the maximum hypothetical charge, which equals the minimum if the cost is not a range.
    pub const fn high(&self) -> &Charge {
        &self.high
    }

    /// Returns whether the cost is a range, because the token counts of the other model are unknown.
    pub fn is_range(&self) -> bool {
        self.low != self.high
    }

    /// Returns the minimum and maximum savings, which are negative if the change costs more. It is `None` if a
    /// price is unknown, which does not mean that nothing is saved.
    pub fn saves(&self) -> Option<(Usd, Usd)> {
        let all = [self.recorded, self.low, self.high];
        let saved = |charge: &Charge| self.recorded.total() - charge.total();
        all.iter().all(Charge::is_priced).then(|| (saved(&self.high), saved(&self.low)))
    }

    /// Returns the reasons for a range and the costs that are not included, one note each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Weakens the status of all charges to that of the record, such as [`CostStatus::Bounded`].
    #[must_use]
    pub fn with_status(mut self, status: CostStatus) -> Self {
        for charge in [&mut self.recorded, &mut self.low, &mut self.high] {
            *charge = charge.with_status(status);
        }
        self
    }
}
