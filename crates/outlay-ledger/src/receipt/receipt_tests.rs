use std::sync::Arc;
use std::time::SystemTime;

use outlay_price::{CacheTtl, Charge, CostStatus, Usage, Usd};

use crate::{Ask, CallRecord, Caller, Ledger, Outcome, Receipt, Scope, StepKind, TaskSpec};

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn call(scope: &Scope, model: &str, charge: Charge) {
    let usage = Usage::new()
        .with_uncached_input(100)
        .with_output(20)
        .with_cache_write(CacheTtl::OneHour, 7)
        .with_cache_read(5)
        .with_reasoning(3);
    let model: Arc<str> = Arc::from(model);
    let ask = Ask {
        model: &model,
        input: 100,
        max_output: None,
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| None,
    };
    scope.open_call(&ask).expect("there is no budget").settle(CallRecord::answered(
        model.clone(),
        usage,
        charge,
        SystemTime::UNIX_EPOCH,
    ));
}

fn task() -> Scope {
    let task: crate::TaskId = ID.parse().expect("a valid id");
    let caller = Caller::new(task, "resolve-ticket").remote(ID.parse().expect("a valid id"));
    Ledger::default().task(TaskSpec::new("research").caller(caller))
}

fn finished(fill: impl FnOnce(&Scope)) -> Receipt {
    let task = task();
    fill(&task);
    task.set_outcome(Outcome::success());
    task.finish();
    task.receipt()
}

#[test]
fn a_receipt_round_trips_exactly_through_its_text() {
    let receipt = finished(|task| {
        task.charge("serp-api", Charge::external(Usd::from_picos(4_200_000_000_000_000_001)));
        let plan = task.step(StepKind::Plan, "read");
        call(&plan, "us.claude", Charge::external(Usd::ZERO));
        call(&plan, "мистраль \"7\"", Charge::unpriced());
        plan.finish();
        let own = task.step(StepKind::from_name("критика"), "x");
        own.charge("y", Charge::external(Usd::from_picos(3)).with_status(CostStatus::Bounded));
        own.fail("no");
        own.finish();
    });
    let text = receipt.to_string();
    assert!(text.is_ascii() && !text.contains('\n'), "{text}");
    let back: Receipt = text.parse().unwrap();
    let (mut expected, parsed) = (receipt.totals().unwrap().clone(), back.totals().unwrap());
    // The number of priced parts is not sent. The presence of the amount shows whether there is any.
    expected.priced_parts = parsed.priced_parts;
    assert_eq!(&expected, parsed);
    assert_eq!((back.id(), back.remote_id()), (receipt.id(), receipt.remote_id()));
    assert_eq!(parsed.cost().status(), CostStatus::Unpriced);
    assert_eq!(parsed.failed_cost(), Usd::from_picos(3));
}

#[test]
fn an_unpriced_cost_stays_unknown() {
    let receipt = finished(|task| call(task, "m", Charge::unpriced()));
    let back: Receipt = receipt.to_string().parse().unwrap();
    assert_eq!(back.totals().unwrap().cost().usd(), None);
}

#[test]
fn a_receipt_of_an_open_task_has_no_totals() {
    let task = task();
    task.charge("x", Charge::external(Usd::from_cents(1)));
    let receipt: Receipt = task.receipt().to_string().parse().unwrap();
    assert!(!receipt.is_final());
    assert_eq!(receipt.totals(), None);
}

#[test]
fn a_receipt_with_many_models_and_kinds_fits_a_header_and_adds_up() {
    for (kind, model, named) in
        [("k", "m", 16), ("k", &*"m".repeat(300), 8), (&*"😀".repeat(64), &*"😀\u{7f}".repeat(300), 1)]
    {
        let receipt = finished(|task| {
            for i in 0..60 {
                let step = task.step(StepKind::from_name(&format!("{i}{kind}")), "x");
                call(&step, &format!("{i}{model}"), Charge::external(Usd::ZERO));
                step.charge("y", Charge::external(Usd::from_picos(i)));
                step.finish();
            }
        });
        let text = receipt.to_string();
        assert!(text.len() <= 3_072 && text.bytes().all(|b| b.is_ascii_graphic() || b == b' '), "{}", text.len());
        let back: Receipt = text.parse().unwrap();
        let totals = back.totals().unwrap();
        assert_eq!(totals.cost().usd(), Some(Usd::from_picos(59 * 60 / 2)));
        assert_eq!(totals.by_model().iter().map(|m| m.calls).sum::<u64>(), 60);
        assert_eq!(totals.by_kind().iter().map(|k| k.calls).sum::<u64>(), 60);
        assert_eq!(totals.by_model().len(), named);
    }
}

#[test]
fn a_refund_is_part_of_a_receipt() {
    let receipt = finished(|task| {
        let step = task.step(StepKind::Tool, "x");
        step.charge("paid", Charge::external(Usd::from_cents(2)));
        step.fail("no");
        step.finish();
        task.charge("refund", Charge::external(Usd::from_cents(-3)));
    });
    let back: Receipt = receipt.to_string().parse().unwrap();
    assert_eq!(back.totals().unwrap().cost().usd(), Some(Usd::from_cents(-1)));
}

#[test]
fn an_invalid_receipt_is_an_error_with_the_problem() {
    let good = r#"{"v":1,"id":"ID","final":true,"totals":{"status":"exact","picousd":{"total":"5","exact":"5","external":"5"},"kinds":[["direct","5",0]]}}"#;
    let good = good.replace("ID", ID);
    assert!(good.parse::<Receipt>().is_ok());
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replace(from, to).parse::<Receipt>().unwrap_err().to_string()
    };
    for (from, to, problem) in [
        ("\"v\":1", "\"v\":2", "version 2"),
        (ID, "x", "`id`: invalid receipt id `x`"),
        ("\"id\"", "\"remote\":\"y\",\"id\"", "`remote`: invalid remote id `y`"),
        ("exact\",", "sure\",", "`status` is not one of"),
        ("\"total\":\"5\",", "", "without `picousd.total`"),
        ("\"exact\":\"5\"", "\"exact\":\"6\"", "do not add up to `total`"),
        ("\"external\":\"5\"", "\"external\":\"5\",\"input\":\"1\"", "directions do not add up"),
        ("[[\"direct\",\"5\",0]]", "[]", "`kinds` do not add up"),
        ("\"external\":\"5\"", "\"input\":\"5\"", "`models` and external charges"),
        ("\"external\":\"5\"", "\"external\":\"6\",\"input\":\"-1\"", "`models` and external charges"),
        ("\"5\",\"exact\"", "5,\"exact\"", "invalid type: integer"),
        ("\"5\",\"exact\"", "\"5.0\",\"exact\"", "`5.0` is not a whole number"),
        ("\"5\",\"exact\"", "\"99999999999999999999999999\",\"exact\"", "more than the maximum amount"),
        ("\"kinds\"", "\"count\":{\"calls\":18446744073709551615},\"kinds\"", "a count is above"),
        ("\"kinds\"", "\"tokens\":{\"input\":18446744073709551615},\"kinds\"", "a count is above"),
        ("}}", "}", "EOF"),
        (",\"totals\"", ",\"other\"", "a final receipt needs `totals`"),
    ] {
        let error = changed(from, to);
        assert!(error.starts_with("invalid receipt: ") && error.contains(problem), "{from} -> {to}: {error}");
    }
    assert!(" ".repeat(20_000).parse::<Receipt>().unwrap_err().to_string().contains("20000 bytes"));
    assert!("".parse::<Receipt>().is_err());
}
