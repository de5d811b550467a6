//! The share of spending that each dimension covers, and the sites of unattributed calls.

use outlay::report::Dimension;
use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness};
use tracing::Instrument as _;

/// The cost of 1,000 input and 100 output tokens.
const CALL: Usd = Usd::from_picos(1_650_000_000);

#[tokio::test]
async fn the_share_of_each_dimension_and_the_unattributed_sites_are_reported() {
    let h = Harness::new().await;
    let empty = h.outlay.attribution();
    assert_eq!((empty.total, empty.share(Dimension::Team)), (Usd::ZERO, None), "nothing was spent");
    let _subscriber = tracing::subscriber::set_default(h.subscriber("info"));
    let task = h.outlay.task("t").team("a").start();
    task.run(h.ask(HAIKU, 1_000, 100)).await;
    task.charge("serp-api", CALL);
    task.finish(Outcome::success());
    h.outlay.task("t").environment("sandbox").start().run(h.ask(HAIKU, 1_000, 100)).await;
    for _ in 0..2 {
        h.ask(HAIKU, 1_000, 100).instrument(tracing::info_span!("nightly")).await;
    }
    h.ask("vendor.no-price", 1_000, 100).await;

    let attribution = h.outlay.attribution();
    assert_eq!(attribution.total.picos(), 5 * CALL.picos());
    assert_eq!(attribution.in_tasks.picos(), 3 * CALL.picos());
    let share = |dimension| attribution.share(dimension);
    assert_eq!((share(Dimension::Team), share(Dimension::Environment)), (Some(0.4), Some(0.2)));
    let sites: Vec<_> = attribution.unattributed.iter().map(|site| (site.calls, site.cost.picos())).collect();
    assert_eq!(sites, [(2, 2 * CALL.picos()), (1, 0)]);
    let site = &attribution.unattributed[0].site;
    assert!(site.starts_with("integration::attribution: nightly (") && site.contains("attribution.rs:"), "{site}");
    assert_eq!(&*attribution.unattributed[1].site, "chat vendor.no-price");
    assert_eq!(h.outlay.unattributed().cost().usd().map(Usd::picos), Some(2 * CALL.picos()), "both totals are equal");

    let metrics = h.metrics();
    let team = |point: &&outlay_tests::MetricPoint| point.attribute("outlay.dimension") == Some("team");
    let ratio = metrics.iter().filter(|point| point.name == "outlay.attribution.ratio").find(team).unwrap();
    assert_eq!(ratio.value, 0.4);
}
