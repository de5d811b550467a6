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
    scope.open_call(&ask).expect("no budget holds it").settle(CallRecord::answered(
        model.clone(),
        usage,
        charge,
        SystemTime::UNIX_EPOCH,
    ));
}

fn task() -> Scope {
    let task: crate::TaskId = ID.parse().expect("it is an id");
    let caller = Caller::new(task, "resolve-ticket").remote(ID.parse().expect("it is an id"));
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
fn a_receipt_survives_its_text_to_the_last_unit() {
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
    let (mut there, here) = (receipt.totals().unwrap().clone(), back.totals().unwrap());
    // How many parts are priced stays behind: that any is, says the amount.
    there.priced_parts = here.priced_parts;
    assert_eq!(&there, here);
    assert_eq!((back.id(), back.remote_id()), (receipt.id(), receipt.remote_id()));
    assert_eq!(here.cost().status(), CostStatus::Unpriced);
    assert_eq!(here.failed_cost(), Usd::from_picos(3));
}

#[test]
fn what_is_not_priced_at_all_stays_unknown() {
    let receipt = finished(|task| call(task, "m", Charge::unpriced()));
    let back: Receipt = receipt.to_string().parse().unwrap();
    assert_eq!(back.totals().unwrap().cost().usd(), None);
}

#[test]
fn a_receipt_of_an_open_task_has_no_figures() {
    let task = task();
    task.charge("x", Charge::external(Usd::from_cents(1)));
    let receipt: Receipt = task.receipt().to_string().parse().unwrap();
    assert!(!receipt.is_final());
    assert_eq!(receipt.totals(), None);
}

#[test]
fn however_many_models_and_kinds_there_are_it_fits_a_header_and_adds_up() {
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
fn a_receipt_that_cannot_be_is_refused_and_says_why() {
    let good = r#"{"v":1,"id":"ID","final":true,"totals":{"status":"exact","picousd":{"total":"5","exact":"5","external":"5"},"kinds":[["direct","5",0]]}}"#;
    let good = good.replace("ID", ID);
    assert!(good.parse::<Receipt>().is_ok());
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replace(from, to).parse::<Receipt>().unwrap_err().to_string()
    };
    for (from, to, why) in [
        ("\"v\":1", "\"v\":2", "version 2"),
        (ID, "x", "`id`: `x` is no receipt id"),
        ("\"id\"", "\"remote\":\"y\",\"id\"", "`remote`: `y` is no remote id"),
        ("exact\",", "sure\",", "`status` is none of"),
        ("\"total\":\"5\",", "", "no `picousd.total`"),
        ("\"exact\":\"5\"", "\"exact\":\"6\"", "do not add up to `total`"),
        ("\"external\":\"5\"", "\"external\":\"5\",\"input\":\"1\"", "directions do not add up"),
        ("[[\"direct\",\"5\",0]]", "[]", "`kinds` do not add up"),
        ("\"external\":\"5\"", "\"input\":\"5\"", "`models` and external charges"),
        ("\"external\":\"5\"", "\"external\":\"6\",\"input\":\"-1\"", "`models` and external charges"),
        ("\"5\",\"exact\"", "5,\"exact\"", "invalid type: integer"),
        ("\"5\",\"exact\"", "\"5.0\",\"exact\"", "`5.0` is no whole number"),
        ("\"5\",\"exact\"", "\"99999999999999999999999999\",\"exact\"", "more than any task costs"),
        ("\"kinds\"", "\"count\":{\"calls\":18446744073709551615},\"kinds\"", "a count is higher"),
        ("\"kinds\"", "\"tokens\":{\"input\":18446744073709551615},\"kinds\"", "a count is higher"),
        ("}}", "}", "EOF"),
        (",\"totals\"", ",\"other\"", "it is final, and has no `totals`"),
    ] {
        let error = changed(from, to);
        assert!(error.starts_with("no receipt: ") && error.contains(why), "{from} -> {to}: {error}");
    }
    assert!(" ".repeat(20_000).parse::<Receipt>().unwrap_err().to_string().contains("20000 bytes"));
    assert!("".parse::<Receipt>().is_err());
}
