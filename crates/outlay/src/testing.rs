//! Tests of what an agent costs, without AWS and without a network.
//!
//! [`outlay`] returns an `Outlay` with [pinned prices](pinned_prices), a fixed clock and ids that count up. The simulator of
//! the crate `outlay-bedrock-sim` answers the AWS SDK's own client:
//!
//! ```
//! use outlay::bedrock::Metered as _;
//! use outlay::{Outcome, Usd, testing};
//! # use bedrock_sim as outlay_bedrock_sim;
//! use outlay_bedrock_sim::{BedrockSim, Reply, Tokens};
//!
//! # async fn agent(client: &aws_sdk_bedrockruntime::Client) {
//! #     use aws_sdk_bedrockruntime::types::{ContentBlock, ConversationRole, Message};
//! #     let text = ContentBlock::Text("hello".to_owned());
//! #     let message = Message::builder().role(ConversationRole::User).content(text).build().unwrap();
//! #     let model = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
//! #     client.converse().model_id(model).messages(message).send().await.unwrap();
//! # }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bedrock = BedrockSim::start().await?;
//! bedrock.push(Reply::message().text("done").usage(Tokens::new(1_000, 200)));
//! let outlay = testing::outlay();
//! let client = bedrock.client().metered(&outlay);
//! let task = outlay.task("resolve-ticket").start();
//! task.run(agent(&client)).await;
//! testing::assert_costs_at_most(&task.totals(), Usd::from_cents(1));
//! # task.finish(Outcome::success());
//! # Ok(()) }
//! ```
//!
//! A client of `aws-smithy-mocks` is metered in the same way: its outputs are priced by the usage that they state.
//!
//! To set more, such as a budget, start from [`builder`]. The cost by kind of step is in
//! [`Totals::by_kind`](crate::Totals::by_kind).

mod fixed_clock;
mod sequential_ids;

pub use fixed_clock::FixedClock;
pub use sequential_ids::SequentialIds;

use crate::{Outlay, OutlayBuilder, Prices, Totals, Usd};

/// Returns an `Outlay` for a test.
///
/// # Panics
///
/// If the environment has an invalid setting, such as `OUTLAY_POLICY`.
#[must_use]
#[track_caller]
pub fn outlay() -> Outlay {
    match builder().try_build() {
        Ok(outlay) => outlay,
        Err(error) => panic!("{}", crate::build::with_sources(&error)),
    }
}

/// Returns a builder with [pinned prices](pinned_prices), a [`FixedClock`] and [`SequentialIds`].
pub fn builder() -> OutlayBuilder {
    Outlay::builder().prices(pinned_prices()).clock(FixedClock::default()).ids(SequentialIds::default())
}

/// Returns prices that never change, so that an update of Outlay breaks no assertion: those of common models of Anthropic,
/// Amazon, Meta and OpenAI in us-east-1 on 2026-11-28. They apply in all regions. Other models are unpriced. Put your own
/// above them with [`Prices::over`].
///
/// ```
/// use outlay::{Prices, testing};
///
/// let own = Prices::from_toml("[[price]]\nmodel = \"acme.big\"\ninput = \"1\"\noutput = \"2\"")?.without_bundled();
/// let outlay = testing::builder().prices(own.over(&testing::pinned_prices())).build();
/// # Ok::<(), outlay::prices::LoadPricesError>(())
/// ```
#[must_use]
#[allow(clippy::missing_panics_doc, reason = "the file is part of the crate")]
pub fn pinned_prices() -> Prices {
    Prices::from_toml(PINNED_PRICES).expect("the file is valid").without_bundled()
}

const PINNED_PRICES: &str = include_str!("testing/pinned_prices.toml");

/// Asserts that a cost is known in full, and at most `most`.
///
/// # Panics
///
/// If the cost is higher, or a part of it has no price. A comparison of [`Cost::usd`](crate::Cost::usd) alone would accept
/// a task whose calls are all unpriced.
#[track_caller]
pub fn assert_costs_at_most(totals: &Totals, most: Usd) {
    let cost = totals.cost();
    match cost.usd() {
        Some(usd) if cost.status() != crate::CostStatus::Unpriced => {
            assert!(usd <= most, "the cost is {cost}, and at most {most} is expected; by kind: {:?}", totals.by_kind());
        }
        _ => panic!("the cost is not known in full: {cost}, with {} calls without a price", totals.unpriced_calls()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    #[test]
    fn the_pinned_prices_are_those_that_were_published() {
        // Do not change this figure: it stands for the promise that the prices stay as they are.
        let sum = PINNED_PRICES
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        assert_eq!(format!("{sum:016x}"), "f1f8ce3c424c4275");
    }

    #[test]
    fn an_unpriced_or_higher_cost_fails_the_assertion() {
        let outlay = outlay();
        let costs = |model: &str, most: Usd| {
            let task = outlay.task("t").start();
            let usage = crate::Usage::new().with_uncached_input(1_000).with_output(200);
            task.run_sync(|| crate::call(model).usage(usage).record());
            let totals = task.finish(Outcome::success()).totals().clone();
            std::panic::catch_unwind(move || assert_costs_at_most(&totals, most)).is_ok()
        };
        let haiku = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
        assert!(costs(haiku, Usd::from_micros(2_200)));
        assert!(!costs(haiku, Usd::from_micros(2_199)));
        assert!(!costs("acme.unknown-v1:0", Usd::from_dollars(1)));
        assert!(!costs("anthropic.claude-v2:1", Usd::from_dollars(1)), "the bundled prices are not used");
    }

    #[test]
    fn two_runs_have_the_same_ids_and_times() {
        let run = || {
            let outlay = outlay();
            let task = outlay.task("t").start();
            let age = outlay.open_tasks()[0].age;
            (task.id().to_string(), age)
        };
        assert_eq!(run(), run());
    }
}
