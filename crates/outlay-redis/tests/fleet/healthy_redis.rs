//! Budgets on a healthy Redis.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use outlay_ledger::{AlertKind, Amount, Budget, BudgetRule, Period, RefusalReason, StepKind, StoreCheck, TaskSpec};
use outlay_price::Usd;
use outlay_redis::{RedisBudgets, WhenDown};

use crate::calls::{FixedClock, ledger, open, picos, record, settings, settle, task};
use crate::server::{Server, eventually};

const FLUSH: Duration = Duration::from_secs(10);

#[tokio::test]
async fn two_ledgers_share_a_budget_and_a_refusal_reports_its_figures() {
    let Some(server) = Server::start(&[]) else { return };
    let (first_store, second_store) =
        (settings(&server).connect().await.unwrap(), settings(&server).connect().await.unwrap());
    // Odd amounts that a double would round: $9,007.199254740993 and more.
    let limit = picos(3 * 9_007_199_254_740_993);
    let rule = BudgetRule::new("all", limit).every(Period::Day);
    let (first_task, second_task) = (task(ledger(&first_store, rule.clone())), task(ledger(&second_store, rule)));
    let half = picos(9_007_199_254_740_993);
    let first = open(&first_task, half).await.unwrap();
    settle(open(&second_task, half).await.unwrap(), picos(9_007_199_254_740_991));
    assert!(second_store.flush(FLUSH).await);

    // Two pico-dollars more than is left.
    let refusal = open(&first_task, picos(9_007_199_254_740_996)).await.unwrap_err();
    assert_eq!((refusal.limit(), refusal.scope()), (Amount::Usd(limit), "all"));
    assert_eq!((refusal.spent(), refusal.reserved()), (Amount::Usd(picos(9_007_199_254_740_991)), Amount::Usd(half)));
    assert!(matches!(refusal.reason(), RefusalReason::OverLimit { .. }));
    let last = open(&second_task, picos(9_007_199_254_740_995)).await.unwrap();
    assert_eq!(server.figures(), (9_007_199_254_740_991, 2 * 9_007_199_254_740_994));

    drop(last);
    first.settle(record(picos(1)));
    assert!(first_store.flush(FLUSH).await && second_store.flush(FLUSH).await);
    assert_eq!(server.figures(), (9_007_199_254_740_992, 0));
    assert_eq!(first_task.refusals().len(), 1, "the asking task records the refusal");
}

#[tokio::test]
async fn amounts_beyond_64_bits_are_exact() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).connect().await.unwrap();
    let huge: i128 = 1_000_000_000_000_000_000_000_000_001;
    let task = task(ledger(&budgets, BudgetRule::new("all", picos(huge - 1))));
    settle(open(&task, picos(huge - 2)).await.unwrap(), picos(huge - 4));
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (huge - 4, 0));
    assert!(open(&task, picos(4)).await.is_err());
    drop(open(&task, picos(3)).await.unwrap());
}

#[tokio::test]
async fn unreserved_spending_counts_and_a_credit_is_subtracted() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("all", Usd::from_dollars(1))));
    task.charge("search", outlay_price::Charge::external(picos(5)));
    task.open_call_unchecked().settle(record(picos(7)));
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (12, 0));
    task.charge("refund", outlay_price::Charge::external(picos(-2)));
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (10, 0));
}

#[tokio::test]
async fn task_and_each_call_budgets_stay_in_the_process() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).connect().await.unwrap();
    let each = BudgetRule::each_call("each", picos(5));
    let ledger = ledger(&budgets, BudgetRule::new("all", Budget::calls(10))).budget_rule(each).build();
    let task = ledger.task(TaskSpec::new("t").budget(Budget::calls(2)));
    assert_eq!(open(&task, picos(6)).await.unwrap_err().scope(), "each");
    for _ in 0..2 {
        settle(open(&task.step(StepKind::Act, "a"), picos(1)).await.unwrap(), picos(1));
    }
    assert_eq!(open(&task, picos(1)).await.unwrap_err().scope(), "t");
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (2, 0), "only the calls of the shared budget");
}

#[tokio::test]
async fn an_observing_budget_refuses_nothing_and_reports_what_it_would_have_refused() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).connect().await.unwrap();
    let alerts: Arc<Mutex<Vec<String>>> = Arc::default();
    let recorded = alerts.clone();
    let watched = ledger(&budgets, BudgetRule::new("all", Budget::calls(1).observe())).on_alert(move |alert| {
        if let AlertKind::WouldRefuse(refusal) = alert.kind {
            recorded.lock().unwrap().push(format!("{} {}", alert.name, refusal.reserved()));
        }
    });
    let task = task(watched);
    let held = [open(&task, picos(1)).await.unwrap(), open(&task, picos(1)).await.unwrap()];
    assert_eq!(*alerts.lock().unwrap(), ["all 1 call"]);
    drop(held);
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (0, 0));
}

#[tokio::test]
async fn a_soft_limit_is_reported_once_per_fleet() {
    let Some(server) = Server::start(&[]) else { return };
    let alerts: Arc<Mutex<Vec<Amount>>> = Arc::default();
    let mut tasks = Vec::new();
    for _ in 0..2 {
        let budgets = settings(&server).connect().await.unwrap();
        let recorded = alerts.clone();
        let rule = BudgetRule::new("all", Budget::calls(10).soft(50));
        let watched = ledger(&budgets, rule).on_alert(move |alert| {
            if let AlertKind::SoftLimit(status) = alert.kind {
                recorded.lock().unwrap().push(status.spent);
            }
        });
        tasks.push((task(watched), budgets));
    }
    for _ in 0..4 {
        for (task, budgets) in &tasks {
            settle(open(task, picos(1)).await.unwrap(), picos(1));
            assert!(budgets.flush(FLUSH).await);
        }
    }
    eventually("the soft limit is reported", || !alerts.lock().unwrap().is_empty());
    assert_eq!(*alerts.lock().unwrap(), [Amount::Calls(5)]);
}

#[tokio::test]
async fn periods_follow_the_clock_of_redis_not_of_the_process() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).connect().await.unwrap();
    for period in [Period::Hour, Period::Day, Period::Month] {
        let rule = BudgetRule::new(period.as_str(), Budget::calls(2)).every(period);
        let early = FixedClock(SystemTime::UNIX_EPOCH + Duration::from_secs(86_400));
        let late = FixedClock(SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000));
        for clock in [early, late] {
            let task = task(ledger(&budgets, rule.clone()).clock(clock));
            settle(open(&task, picos(1)).await.unwrap(), picos(1));
        }
        let third = task(ledger(&budgets, rule.clone()));
        assert!(open(&third, picos(1)).await.is_err(), "{period}: all spend from one budget");
    }
    assert!(budgets.flush(FLUSH).await);
    let mut connection = server.connection();
    for (key, spent, _) in server.all_figures() {
        assert_eq!(spent, 2);
        let left: i64 = redis::cmd("PTTL").arg(&key).query(&mut connection).unwrap();
        let key = String::from_utf8(key).unwrap();
        let days = (left - 1) / 86_400_000;
        let expected = if key.contains("|month|") { 31 } else { i64::from(key.contains("|day|")) + 1 };
        assert!((expected - 1..=expected).contains(&days), "{key} expires in {days} days");
        let number: i64 = key.rsplit_once([':']).unwrap().1[1..].parse().unwrap();
        let seconds: (i64, i64) = redis::cmd("TIME").query(&mut connection).unwrap();
        let expected = match key.split('|').nth(1).unwrap() {
            "hour" => seconds.0 / 3_600,
            "day" => seconds.0 / 86_400,
            _ => continue,
        };
        assert!((0..=1).contains(&(expected - number)), "{key}");
    }
}

#[test]
fn months_match_the_calendar() {
    let Some(server) = Server::start(&[]) else { return };
    let script = concat!(
        include_str!("../../src/scripts/common.lua"),
        "return {month(tonumber(ARGV[1])), key_at('k', 'month', ARGV[1] * DAY), left_of('month', ARGV[1] * DAY + 1) + 1}"
    );
    let (script, mut connection) = (redis::Script::new(script), server.connection());
    let (mut year, mut month, mut day) = (1970_i64, 1_i64, 1);
    for days in 0..60_000 {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 => 28 + i32::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if day == 1 || day == length {
            let found: (i64, String, i64) = script.arg(days).invoke(&mut connection).unwrap();
            let number = year * 12 + month;
            let left = i64::from(length - day + 1) * 86_400_000;
            assert_eq!(found, (number, format!("k:m{number}"), left), "{year}-{month}-{day}");
        }
        day += 1;
        if day > length {
            (day, month) = (1, month + 1);
        }
        if month > 12 {
            (month, year) = (1, year + 1);
        }
    }
}

#[tokio::test]
async fn hostile_names_work_like_others() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).namespace("a}{b").connect().await.unwrap();
    let names =
        ["{x}", "a\r\nFLUSHALL\r\n", "\0", "*", "a|usd=b%", "ünï", &"long ".repeat(5_000), &"long ".repeat(5_001)];
    for name in names {
        let task = task(ledger(&budgets, BudgetRule::new(name, Budget::calls(1)).every(Period::Day)));
        let call = open(&task, picos(1)).await.unwrap();
        assert_eq!(open(&task, picos(1)).await.unwrap_err().scope(), name, "each name has its own budget");
        settle(call, picos(1));
    }
    assert!(budgets.flush(FLUSH).await);
    let all = server.all_figures();
    assert_eq!(all.len(), names.len());
    assert!(all.iter().all(|(key, spent, reserved)| (*spent, *reserved) == (1, 0) && key.len() < 400), "{all:?}");
}

#[tokio::test]
async fn a_zero_byte_does_not_truncate_a_key() {
    use outlay_ledger::{BudgetStore as _, StoreAnswer, StoreAsk, StoreBudget, StoreHold};
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).connect().await.unwrap();
    let answer = async |id: u64, key: &str, period| {
        let mut budget = StoreBudget::new(key.into(), Amount::Calls(1));
        budget.period = period;
        let ask = StoreAsk::new(id, vec![StoreHold::new(budget, Amount::Calls(1))]);
        budgets.reserve(&ask).await
    };
    for (id, period) in (0..).step_by(3).zip([None, Some(Period::Hour), Some(Period::Day), Some(Period::Month)]) {
        assert_eq!(answer(id, "talk \0 one", period).await, StoreAnswer::Admitted(Vec::new()), "{period:?}");
        assert_eq!(answer(id + 1, "talk \0 other", period).await, StoreAnswer::Admitted(Vec::new()), "{period:?}");
        assert!(matches!(answer(id + 2, "talk \0 one", period).await, StoreAnswer::Refused(_)), "{period:?}");
    }
}

#[test]
fn a_withdrawn_ask_that_arrives_again_reserves_nothing() {
    let Some(server) = Server::start(&[]) else { return };
    let mut connection = server.connection();
    let common = [include_str!("../../src/scripts/common.lua"), include_str!("../../src/scripts/expire.lua")].concat();
    let script = |source: &str| redis::Script::new(&[&common, source].concat());
    let (reserve, settle) =
        (script(include_str!("../../src/scripts/reserve.lua")), script(include_str!("../../src/scripts/settle.lua")));
    let prefix = "{outlay:test}:";
    let own_key = |name: &str| format!("{prefix}{name}:me");
    let owners = format!("{prefix}owners");
    let mut reserve = || -> (i64,) {
        let mut call = reserve.key(&owners);
        call.key(own_key("held")).key(own_key("voided")).key(format!("{prefix}budget:b"));
        call.arg("me").arg(7).arg(60_000).arg(60_000).arg("day").arg(1).arg(10).arg(0);
        let reply: Vec<redis::Value> = call.invoke(&mut connection).unwrap();
        (redis::from_redis_value(reply[0].clone()).unwrap(),)
    };
    assert_eq!(reserve(), (0,));
    let mut other = server.connection();
    let mut call = settle.key(&owners);
    for name in ["held", "voided", "expired", "batch"] {
        call.key(own_key(name));
    }
    call.arg("me").arg(1).arg(60_000).arg(60_000).arg("spend").arg(prefix).arg(0);
    // Ask 7, which may still be reserved, with age 0 and one budget, on which nothing is spent.
    call.arg(7).arg(1).arg(0).arg(1).arg(format!("{prefix}budget:b")).arg("day").arg(0).arg("");
    let _: redis::Value = call.invoke(&mut other).unwrap();
    assert_eq!(reserve(), (2,), "the same command, resent as by a cluster client");
    assert_eq!(server.figures(), (0, 0));
    let ttl: i64 = redis::cmd("PTTL").arg(own_key("voided")).query(&mut other).unwrap();
    assert!((1..=300_000).contains(&ttl), "the ask is not remembered forever: {ttl}");
}

#[tokio::test]
async fn flushed_scripts_are_loaded_again() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("all", Budget::calls(10))));
    for _ in 0..3 {
        let () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut server.connection()).unwrap();
        let call = open(&task, picos(1)).await.unwrap();
        let () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut server.connection()).unwrap();
        let settled = call.settle(record(picos(1)));
        assert_eq!(settled.store_check, Some(StoreCheck::Done));
        assert!(budgets.flush(FLUSH).await);
    }
    assert_eq!(server.figures(), (3, 0));
}

#[tokio::test]
async fn a_key_with_other_data_affects_only_its_budget() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).when_down(WhenDown::AllowAndMark).connect().await.unwrap();
    let bad = task(ledger(&budgets, BudgetRule::new("bad", Budget::calls(1))));
    let good = task(ledger(&budgets, BudgetRule::new("good", Budget::calls(1))));
    let key = "{outlay:test}:budget:calls|ever|bad:e";
    let () = redis::cmd("SET").arg(key).arg("mine").query(&mut server.connection()).unwrap();
    for _ in 0..3 {
        let call = open(&bad, picos(1)).await.unwrap();
        assert_eq!(call.settle(record(picos(1))).store_check, Some(StoreCheck::Missed));
    }
    let call = open(&good, picos(1)).await.unwrap();
    assert!(open(&good, picos(1)).await.is_err());
    assert_eq!(call.settle(record(picos(1))).store_check, Some(StoreCheck::Done));
    assert!(!budgets.flush(FLUSH).await, "a loss is reported");
    assert!(budgets.flush(FLUSH).await && budgets.is_up());
    assert_eq!(server.figures(), (1, 0));
    let value: String = redis::cmd("GET").arg(key).query(&mut server.connection()).unwrap();
    assert_eq!(value, "mine");
}

#[tokio::test]
async fn all_keys_of_a_call_are_in_one_cluster_slot() {
    let Some(server) = Server::start(&["--cluster-enabled", "yes"]) else { return };
    let mut connection = server.connection();
    let () = redis::cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(0).arg(16_383).query(&mut connection).unwrap();
    eventually("the cluster is healthy", || {
        let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut connection).unwrap();
        info.contains("cluster_state:ok")
    });
    let budgets = settings(&server).connect().await.unwrap();
    let ledger = ledger(&budgets, BudgetRule::new("{a}", Budget::calls(2)));
    let task = task(ledger.budget_rule(BudgetRule::new("{b}", Usd::from_dollars(1)).every(Period::Month)));
    settle(open(&task, picos(1)).await.unwrap(), picos(1));
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.all_figures().len(), 2);
}

#[cfg(feature = "cluster")]
#[tokio::test]
async fn a_cluster_is_asked_at_the_node_of_the_namespace() {
    let Some(one) = Server::start(&["--cluster-enabled", "yes"]) else { return };
    let others = [0, 1].map(|_| Server::start(&["--cluster-enabled", "yes"]).unwrap());
    for (server, slots) in
        [&one, &others[0], &others[1]].into_iter().zip([[0, 5_000], [5_001, 10_000], [10_001, 16_383]])
    {
        let mut connection = server.connection();
        let () = redis::cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(&slots).query(&mut connection).unwrap();
        let () = redis::cmd("CLUSTER").arg("MEET").arg("127.0.0.1").arg(one.port()).query(&mut connection).unwrap();
    }
    for server in [&one, &others[0], &others[1]] {
        let mut connection = server.connection();
        eventually("the cluster is healthy", || {
            let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut connection).unwrap();
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        });
    }
    // Their slots are on several nodes.
    for namespace in ["a", "b", "c", "d", "e", "f"] {
        let settings = RedisBudgets::cluster([one.url()]).unwrap().namespace(namespace).when_down(WhenDown::Refuse);
        let budgets = settings.time_limit(Duration::from_secs(5)).connect().await.unwrap();
        let task = task(ledger(&budgets, BudgetRule::new("all", Budget::calls(1))));
        settle(open(&task, picos(1)).await.unwrap(), picos(1));
        let () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut others[0].connection()).unwrap();
        assert!(matches!(open(&task, picos(1)).await.unwrap_err().reason(), RefusalReason::OverLimit { .. }));
        assert!(budgets.flush(FLUSH).await);
    }
    let figures = [&one, &others[0], &others[1]].map(Server::all_figures);
    assert_eq!(figures.iter().flatten().filter(|(_, spent, _)| *spent == 1).count(), 6);
    assert!(figures.iter().filter(|node| !node.is_empty()).count() > 1, "budgets are on several nodes");
}

#[tokio::test]
async fn an_unreachable_redis_fails_connect_but_not_connect_lazily() {
    let Some(mut server) = Server::stopped(&[]) else { return };
    assert!(RedisBudgets::builder("not an address").unwrap_err().is_address());
    let lazy = settings(&server).when_down(WhenDown::Refuse).connect_lazily().unwrap();
    let task = task(ledger(&lazy, BudgetRule::new("all", Budget::calls(5))));
    let refusal = open(&task, picos(1)).await.unwrap_err();
    assert_eq!(refusal.reason(), RefusalReason::StoreUnavailable);
    assert!(refusal.to_string().contains("could not be asked in time"), "{refusal}");
    let error = settings(&server).connect().await.unwrap_err();
    assert!(!error.is_address() && error.to_string().contains("cannot reach Redis"), "{error}");
    server.restart();
    eventually("it is up", || lazy.is_up());
    settle(open(&task, picos(1)).await.unwrap(), picos(1));
    assert!(lazy.flush(FLUSH).await);
    assert_eq!(server.figures(), (1, 0));
}

#[test]
fn address_errors_say_what_is_expected() {
    let error = RedisBudgets::builder("rediss://me:secret@host:6379").err().map(|error| error.to_string());
    match cfg!(feature = "tls") {
        true => assert_eq!(error, None),
        false => assert_eq!(
            error.as_deref(),
            Some("a rediss:// address needs TLS: enable the feature `tls` of outlay-redis")
        ),
    }
    let error = RedisBudgets::builder("http://host").err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("invalid Redis address: expected redis://host:port"));
}
