use crate::tokenizer::{self, Ratio};
use crate::{CacheTtl, Charge, CostStatus, Latency, ModelRef, PriceQuery, Prices, Routing, Tier, Usage, Usd, Used};

#[cfg(test)]
mod what_if_tests;

/// What of a recorded call is other, in thought; what is not set stays as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change<'a> {
    model: Option<ModelRef<'a>>,
    routing: Option<Routing>,
    tier: Option<Tier>,
    latency: Option<Latency>,
    caching: Option<Caching>,
}

/// How the input of a call might have used the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Caching {
    /// Not at all: what was read or written is plain input.
    Off,
    /// What was written, written for this long.
    Ttl(CacheTtl),
    /// So many thousandths of the plain input read from the cache, in whole tokens (rounded down), at most all.
    ///
    /// What writing it there would have cost is not in the figure.
    ReadPermille(u32),
}

/// What a recorded call cost, and what it would have cost.
///
/// The counts are those of the record: what another model would have answered, nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    recorded: Charge,
    low: Charge,
    high: Charge,
    notes: Vec<String>,
}

impl<'a> Change<'a> {
    /// Nothing.
    pub const fn new() -> Self {
        Self { model: None, routing: None, tier: None, latency: None, caching: None }
    }

    /// Sets the model, with the routing that its id says.
    #[must_use]
    pub const fn with_model(mut self, model: ModelRef<'a>) -> Self {
        self.model = Some(model);
        self
    }

    /// Sets the routing, whatever the model's id says.
    #[must_use]
    pub const fn with_routing(mut self, routing: Routing) -> Self {
        self.routing = Some(routing);
        self
    }

    /// Sets the service tier.
    #[must_use]
    pub const fn with_tier(mut self, tier: Tier) -> Self {
        self.tier = Some(tier);
        self
    }

    /// Sets the latency mode.
    #[must_use]
    pub const fn with_latency(mut self, latency: Latency) -> Self {
        self.latency = Some(latency);
        self
    }

    /// Sets how the input uses the cache.
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
    /// The same input, with this use of the cache.
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
                // No more than the whole.
                let read = u64::try_from(read).unwrap_or(plain);
                usage
                    .with_uncached_input(plain.saturating_sub(read))
                    .with_cache_read(usage.cache_read_tokens().saturating_add(read))
            }
        }
    }
}

impl Prices {
    /// What a recorded call would have cost, had this been other.
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
    /// // Another tokenizer makes another number of tokens of the same text: a range.
    /// let nova = ModelRef::parse("us.amazon.nova-lite-v1:0")?;
    /// let nova = prices.what_if(&query, &used, &Change::new().with_model(nova));
    /// assert!(nova.is_range());
    /// let (least, most) = nova.saves().ok_or("unpriced")?;
    /// assert_eq!((least.to_string(), most.to_string()), ("$0.637000".into(), "$0.763000".into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// - **Counts** stay, where both models have the same tokenizer. Where they have not, or nobody says so, text is
    ///   counted at the fewest and the most tokens that it may be ([`WhatIf::notes`] says why), rounded outwards, and
    ///   each end is charged in the context tier that it reaches. Audio, units and the guardrail's use stay.
    /// - **Model.** The new one in the region of the old, unless its ARN says another; its routing is what its id
    ///   says. An alias of the user's file is followed before a routing, tier or latency mode is set.
    /// - **Status.** Exact where AWS's own counts meet a known price; estimated where counts were derived; unpriced
    ///   where the other price is not known, never zero. For a record that is less sure, see
    ///   [`WhatIf::with_status`].
    #[must_use]
    pub fn what_if(&self, query: &PriceQuery<'_>, used: &Used, change: &Change<'_>) -> WhatIf {
        let other = self.changed_query(query, change);
        let tokens = change.caching.map_or(used.tokens, |caching| caching.apply(&used.tokens));
        let ratio = tokenizer::ratio(self.resolve(query.model), self.resolve(other.model));
        let bounds =
            ratio.map_or([tokens; 2], |ratio| [Ratio::fewest, Ratio::most].map(|of| scaled(&tokens, of, ratio)));
        // Without text there is nothing to count otherwise.
        let ratio = ratio.filter(|_| bounds != [tokens; 2]);
        let is_derived = ratio.is_some() || matches!(change.caching, Some(Caching::ReadPermille(_)));
        // A price of the very resource says nothing of another road.
        let has_variant = change.routing.is_none() || other.model.base_id().is_some();
        let [few, many] = bounds.map(|tokens| match self.charge(&other, &Used { tokens, ..used.clone() }) {
            _ if !has_variant => Charge::unpriced(),
            charge if is_derived => charge.with_status(CostStatus::Estimated),
            charge => charge,
        });
        // Beyond a context bound all may be cheaper.
        let is_reversed = few.is_priced() && many.is_priced() && few.total() > many.total();
        let (low, high) = if is_reversed { (many, few) } else { (few, many) };
        let mut notes = Vec::new();
        if let Some(Ratio { reason, .. }) = ratio {
            notes.push(format!("{} and {} count tokens differently: {reason}", query.model, other.model));
        }
        if matches!(change.caching, Some(Caching::ReadPermille(_))) {
            notes.push("what writing to the cache would have cost is not in the figure".to_owned());
        }
        if !low.is_priced() || !high.is_priced() {
            notes.push(format!("some price of {} so called is not known", other.model));
        }
        WhatIf { recorded: self.charge(query, used), low, high, notes }
    }

    /// What is asked for instead.
    fn changed_query<'a>(&'a self, query: &PriceQuery<'a>, change: &Change<'a>) -> PriceQuery<'a> {
        let named = change.model.unwrap_or(query.model);
        let model = if change.changes_variant() { self.resolve(named) } else { named };
        let model = change.routing.map_or(model, |routing| model.with_routing(routing));
        let region = query.region.or(named.region()).or(query.model.region());
        let account = query.account.or(named.account()).or(query.model.account());
        let (tier, latency) = (change.tier.unwrap_or(query.tier), change.latency.unwrap_or(query.latency));
        PriceQuery { model, region, account, tier, latency, ..*query }
    }
}

/// The text of a usage as another tokenizer may count it.
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
    /// What the call cost.
    pub const fn recorded(&self) -> &Charge {
        &self.recorded
    }

    /// The least that it would have cost.
    pub const fn low(&self) -> &Charge {
        &self.low
    }

    /// The most that it would have cost; the same as the least where it is one figure.
    pub const fn high(&self) -> &Charge {
        &self.high
    }

    /// Whether it is a range, for that the counts of the other model are not known.
    pub fn is_range(&self) -> bool {
        self.low != self.high
    }

    /// The least and the most that would have been saved, negative where it would have cost more; `None` where a
    /// price is not known, which is not the same as nothing saved.
    pub fn saves(&self) -> Option<(Usd, Usd)> {
        let all = [self.recorded, self.low, self.high];
        let saved = |charge: &Charge| self.recorded.total() - charge.total();
        all.iter().all(Charge::is_priced).then(|| (saved(&self.high), saved(&self.low)))
    }

    /// Why it is a range, and what is not in it; a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Weakens all figures to the status of the record that the usage is from, such as a bound.
    #[must_use]
    pub fn with_status(mut self, status: CostStatus) -> Self {
        for charge in [&mut self.recorded, &mut self.low, &mut self.high] {
            *charge = charge.with_status(status);
        }
        self
    }
}
