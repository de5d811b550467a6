//! Two clients, as of two processes, that share one budget on a real Redis.

use std::time::Duration;

use aws_sdk_bedrockruntime::error::SdkError;
use bedrock_sim::{Reply, Tokens};
use outlay::budget::{BudgetRule, Period, RefusalReason};
use outlay::{Outcome, Usd};
use outlay_redis::{RedisBudgets, WhenDown};
use outlay_tests::{Harness, Independent, call_spans, eventually, haiku};

use super::at_most;

/// The cost of 10 input and 10 output tokens, in pico-dollars.
const COST: i128 = 10 * 1_100_000 + 10 * 5_500_000;

struct Member {
    h: Harness,
    budgets: RedisBudgets,
}

impl Member {
    async fn connect(redis: &Independent, when_down: WhenDown) -> Self {
        let settings = RedisBudgets::builder(redis.value("REDIS_URL")).unwrap().when_down(when_down);
        let budgets = settings.time_limit(Duration::from_secs(1)).connect().await.unwrap();
        let rule = BudgetRule::new("team", Usd::from_cents(2)).per("team").every(Period::Month);
        let store = budgets.clone();
        let h = Harness::with(|builder| builder.budget_store(store).budget_rule(rule)).await;
        h.sim.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(10, 10)));
        Self { h, budgets }
    }

    /// Sends a call with at most `tokens` output tokens. 1,600 of them cost at most $0.0088 plus the bound of the prompt.
    async fn ask(&self, tokens: i32) -> Result<(), outlay::budget::BudgetExceeded> {
        let task = self.h.outlay.task("t").team("search").start();
        match task.try_run(haiku(&self.h.client).inference_config(at_most(tokens)).send()).await {
            Ok(_) => {
                task.finish(Outcome::success());
                Ok(())
            }
            Err(error) => {
                assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
                Err(outlay::budget_exceeded(&error).expect("a refusal").clone())
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_one_budget_and_follow_when_down_while_redis_hangs() {
    let Some(redis) = Independent::start("redis.sh", &["REDIS_URL"]) else { return };
    let one = Member::connect(&redis, WhenDown::AllowAndMark).await;
    let other = Member::connect(&redis, WhenDown::Refuse).await;
    for _ in 0..5 {
        for member in [&one, &other] {
            // The budget has room for two bounds, so each settlement is written before the next call.
            member.ask(1_600).await.unwrap();
            assert!(member.budgets.flush(Duration::from_secs(10)).await);
        }
    }
    let spent = |member: &Member| {
        let metrics = member.h.metrics();
        let of_team = metrics
            .iter()
            .find(|point| point.name == "outlay.budget.spent" && point.attribute("outlay.team") == Some("search"));
        of_team.map(|point| Usd::from_picos((point.value * 1e12).round() as i128))
    };
    assert_eq!(spent(&other), Some(Usd::from_picos(10 * COST)), "the metric has the spending of both");
    let refusal = one.ask(4_000).await.unwrap_err();
    assert_eq!(spent(&one), Some(Usd::from_picos(10 * COST)), "the refusal told it");
    assert_eq!(
        (refusal.scope(), refusal.spent()),
        ("team [team=search]", outlay::budget::Amount::Usd(Usd::from_picos(10 * COST)))
    );
    assert_eq!(refusal.reserved(), Usd::ZERO, "all calls have settled");

    let client = redis::Client::open(redis.value("REDIS_URL")).unwrap();
    let mut connection = client.get_connection().unwrap();
    let () = redis::cmd("CLIENT").arg("PAUSE").arg(3_000).arg("ALL").query(&mut connection).unwrap();
    one.ask(4_000).await.unwrap();
    assert_eq!(other.ask(10).await.unwrap_err().reason(), RefusalReason::StoreUnavailable);
    eventually("both reconnect", || one.budgets.is_up() && other.budgets.is_up()).await;
    assert!(one.budgets.flush(Duration::from_secs(10)).await);
    assert_eq!(other.ask(4_000).await.unwrap_err().spent(), outlay::budget::Amount::Usd(Usd::from_picos(11 * COST)));

    let spans = one.h.spans();
    spans.assert_conserved();
    let calls = call_spans(&spans);
    let marks = |mark| calls.iter().filter(|call| call.text("outlay.budget.store") == mark).count();
    assert_eq!((marks(Some("ok")), marks(Some("down")), marks(None)), (6, 1, 0));
}
