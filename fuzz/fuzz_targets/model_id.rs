//! Any text as a model's id: parsed, named, looked up, charged, and asked "what if".
#![no_main]

use libfuzzer_sys::fuzz_target;
use outlay_price::{Caching, Change, ModelRef, PriceQuery, Prices, Tier, Usage, Used};

fuzz_target!(|text: &str| {
    let Ok(model) = ModelRef::parse(text) else {
        return;
    };
    assert_eq!(model.as_str(), text);
    assert!(model.base_id().is_none_or(|base| text.ends_with(base)));
    let _ = (model.short_name(), model.provider(), model.family(), model.account());
    let prices = Prices::bundled();
    let query = PriceQuery::new(model, "2026-11-20T00:00:00Z".parse().expect("a time"));
    let used = Used::from(Usage::new().with_uncached_input(u64::MAX).with_output(u64::MAX));
    assert_eq!(
        prices.charge(&query, &used).is_priced(),
        prices.lookup(&query).is_some_and(|price| { price.charge(&used.tokens).is_priced() })
    );
    let other = ModelRef::parse("us.anthropic.claude-sonnet-5").expect("an id");
    for change in [Change::new().with_model(other), Change::new().with_tier(Tier::Flex).with_caching(Caching::Off)] {
        let what_if = prices.what_if(&query, &used, &change);
        assert!(!what_if.high().is_priced() || what_if.low().total() <= what_if.high().total());
    }
});
