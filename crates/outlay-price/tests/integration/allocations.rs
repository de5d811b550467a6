use allocation_counter::measure;
use outlay_price::{CacheTtl, CacheUse, ModelRef, PriceQuery, Prices, Usage};

#[test]
fn parsing_lookup_and_charging_do_not_allocate() {
    let own = "[[discount]]\npercent = 10\n[[price]]\nmodel = \"a.b\"\naccount = \"123456789012\"\ninput = 1";
    for prices in [Prices::bundled(), Prices::from_toml(own).expect("a price file")] {
        assert_no_allocations(&prices);
    }
}

fn assert_no_allocations(prices: &Prices) {
    let at = "2026-11-20T00:00:00Z".parse().expect("a timestamp");
    let usage = Usage::new()
        .with_uncached_input(1_000)
        .with_output(500)
        .with_cache_read(20_000)
        .with_cache_write(CacheTtl::OneHour, 3_000);
    for id in [
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
        "amazon.nova-pro-v1:0:24k",
        "anthropic.nonesuch-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
    ] {
        let info = measure(|| {
            let Ok(model) = ModelRef::parse(id) else {
                return;
            };
            if let Some(price) = prices.lookup(&PriceQuery::new(model, at)) {
                let price = price.clone();
                std::hint::black_box((price.charge(&usage), price.bound(1_000, 1_000, CacheUse::MayWrite)));
            }
        });
        assert_eq!(info.count_total, 0, "{id}");
    }
}
