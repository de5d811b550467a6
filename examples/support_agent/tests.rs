//! Tests of the agent against the simulator. All replies are scripted, so all figures are known.

use outlay::{CostStatus, Outlay, Prices, Report, Usd};
use outlay_ledger::{Record, ScopeKind, ScopeRecord};

use crate::agent::Models;
use crate::options::Options;
use crate::{resolve_ticket, simulated};

async fn report(prices: Prices) -> Report {
    let bedrock = simulated::bedrock().await.unwrap();
    let outlay = Outlay::builder().prices(prices).build();
    let (answer, report) = resolve_ticket(&outlay, simulated::client(&bedrock), &Models::default()).await;
    assert!(answer.unwrap().contains("KB-112"));
    assert_eq!(bedrock.pending(), 0, "the agent used all scripted replies");
    assert_eq!(outlay.unattributed().calls(), 0);
    report
}

/// Renders the tree, with one line for each scope, call and charge.
fn render(scope: &ScopeRecord, depth: usize, lines: &mut Vec<String>) {
    let kind = match &scope.kind {
        ScopeKind::Step(kind) => kind.as_str().to_owned(),
        other => format!("{other:?}").to_lowercase(),
    };
    let failed = if scope.failure.is_some() { " failed" } else { "" };
    lines.push(format!("{:depth$}{kind} {}{failed} {}", "", scope.name, scope.totals.cost()));
    for child in &scope.children {
        match child {
            Record::Scope(scope) => render(scope, depth + 1, lines),
            Record::Call(call) => {
                let statuses: Vec<_> = call.attempts.iter().filter_map(|a| a.status).collect();
                let streamed = if call.streamed { " streamed" } else { "" };
                lines.push(format!("{:1$}chat {statuses:?}{streamed}", "", depth + 1));
            }
            Record::Charge(charge) => lines.push(format!("{:1$}charge {2}", "", depth + 1, charge.name)),
            _ => unreachable!("unknown kind of record"),
        }
    }
}

#[tokio::test]
async fn the_report_has_the_cost_of_each_scope() {
    let report = report(Prices::bundled()).await;
    let mut lines = Vec::new();
    render(&report.record().root, 0, &mut lines);
    assert_eq!(
        lines,
        [
            "task resolve-ticket $0.076680 exact",
            " agent triage $0.076680 exact",
            "  plan read the ticket $0.021325 exact",
            "   chat [200]",
            "  tool search_kb $0.007860 exact",
            "   chat [200]",
            "   charge serp-api",
            "  agent researcher $0.010208 exact",
            "   chat [200]",
            "   chat [429, 200]",
            "  act draft the reply failed $0.020376 exact",
            "   chat [200]",
            "  retry attempt 2 $0.016911 exact",
            "   chat [200] streamed",
        ]
    );
}

#[tokio::test]
async fn totals_by_kind_model_and_tokens_are_exact() {
    let report = report(Prices::bundled()).await;
    let totals = report.totals();
    assert_eq!(totals.cost().usd(), Some(Usd::from_picos(76_679_960_000)));
    assert_eq!(totals.cost().status(), CostStatus::Exact);
    assert_eq!((totals.calls(), totals.attempts(), totals.pending_calls()), (6, 7, 0));
    assert_eq!(totals.failed_cost(), Usd::from_picos(20_376_180_000));
    let usage = totals.usage();
    assert_eq!((usage.input_tokens(), usage.output_tokens()), (24_435, 2_311));
    assert_eq!((usage.cache_read_tokens(), usage.cache_write_tokens()), (8_192, 4_096));

    let kinds: Vec<_> = totals.by_kind().iter().map(|kind| (kind.kind.as_str(), kind.cost)).collect();
    for (kind, pico) in [
        ("plan", 21_324_600_000),
        ("tool", 7_860_000_000),
        ("direct", 10_208_000_000),
        ("act", 20_376_180_000),
        ("retry", 16_911_180_000),
    ] {
        assert!(kinds.contains(&(kind, Usd::from_picos(pico))), "{kind} among {kinds:?}");
    }
    assert_eq!(kinds.len(), 5);

    let models: Vec<_> = totals.by_model().iter().map(|model| (&*model.model, model.cost)).collect();
    let Models { large, small } = Models::default();
    assert!(models.contains(&(&large, Usd::from_picos(58_611_960_000))), "{models:?}");
    assert!(models.contains(&(&small, Usd::from_picos(13_068_000_000))), "{models:?}");
}

#[tokio::test]
async fn custom_prices_change_the_total() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/support_agent/prices.toml");
    let options = Options::parse(["--prices", file].map(str::to_owned).into_iter()).unwrap();
    let report = report(options.prices().unwrap()).await;
    // The small model costs a fifth less.
    assert_eq!(report.totals().cost().usd(), Some(Usd::from_picos(76_679_960_000 - 13_068_000_000 / 5)));
}

#[test]
fn option_and_price_file_errors_are_clear() {
    let parse = |arguments: &[&str]| Options::parse(arguments.iter().map(|&a| a.to_owned()));
    assert_eq!(parse(&["--wat"]).unwrap_err().to_string(), "unknown option `--wat`; see --help");
    assert_eq!(parse(&["--prices"]).unwrap_err().to_string(), "--prices needs a value");
    let options = parse(&["--prices", "/nowhere/prices.toml"]).unwrap();
    assert_eq!(options.prices().unwrap_err().to_string(), "/nowhere/prices.toml: cannot read the price file");
}
