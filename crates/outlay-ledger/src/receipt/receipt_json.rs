//! The JSON of a receipt, and the validation of received ones.

use std::sync::Arc;

use outlay_price::{CacheTtl, CostStatus, Usage, Usd};
use serde::{Deserialize, Serialize};

use super::{ParseReceiptError, Receipt};
use crate::task::bounded_name;
use crate::{CostKind, DirectionTotals, KindTotals, ModelTotals, StepKind, Totals};

/// The maximum of a count of calls or tokens, so that sums do not overflow.
const MAX_COUNT: u64 = 1 << 40;
/// The maximum amount of money: one billion dollars.
const MAX_COST: Usd = Usd::from_dollars(1_000_000_000);
/// The maximum number of characters of a model's name. ARNs are shorter.
const MAX_MODEL: usize = 256;

/// Version 1 of the format. Unknown fields are ignored, so that later versions can add some.
#[derive(Serialize, Deserialize)]
pub(super) struct ReceiptJson {
    v: u32,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
    #[serde(rename = "final")]
    is_final: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    totals: Option<Figures>,
}

#[derive(Serialize, Deserialize)]
struct Figures {
    status: String,
    /// In 1e-12 dollars, as decimal text, so that no JSON reader rounds it.
    picousd: Money,
    #[serde(default)]
    tokens: Tokens,
    #[serde(default)]
    count: Counts,
    /// Name, cost, calls.
    #[serde(default)]
    kinds: Vec<(String, Picos, u64)>,
    /// Name, cost, calls, calls without a price, tokens.
    #[serde(default)]
    models: Vec<(String, Picos, u64, u64, Tokens)>,
}

#[derive(Serialize, Deserialize)]
struct Money {
    /// `None` if nothing is priced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<Picos>,
    #[serde(default, skip_serializing_if = "Picos::is_zero")]
    exact: Picos,
    #[serde(default, skip_serializing_if = "Picos::is_zero")]
    estimated: Picos,
    #[serde(default, skip_serializing_if = "Picos::is_zero")]
    bounded: Picos,
    #[serde(default, skip_serializing_if = "Picos::is_zero")]
    failed: Picos,
    #[serde(default, skip_serializing_if = "Picos::is_zero")]
    cache_savings: Picos,
    #[serde(default, skip_serializing_if = "Picos::is_zero")]
    input: Picos,
    #[serde(default, skip_serializing_if = "Picos::is_zero")]
    output: Picos,
    #[serde(default, skip_serializing_if = "Picos::is_zero")]
    cache_read: Picos,
    #[serde(default, skip_serializing_if = "Picos::is_zero")]
    cache_write: Picos,
    #[serde(default, skip_serializing_if = "Picos::is_zero")]
    external: Picos,
    #[serde(default, skip_serializing_if = "Picos::is_zero")]
    other: Picos,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
struct Tokens {
    #[serde(skip_serializing_if = "is_zero")]
    input: u64,
    #[serde(skip_serializing_if = "is_zero")]
    output: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cache_read: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cache_write_5m: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cache_write_30m: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cache_write_1h: u64,
    #[serde(skip_serializing_if = "is_zero")]
    input_audio: u64,
    #[serde(skip_serializing_if = "is_zero")]
    output_audio: u64,
    #[serde(skip_serializing_if = "is_zero")]
    reasoning: u64,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
struct Counts {
    #[serde(skip_serializing_if = "is_zero")]
    calls: u64,
    #[serde(skip_serializing_if = "is_zero")]
    attempts: u64,
    #[serde(skip_serializing_if = "is_zero")]
    failed_calls: u64,
    #[serde(skip_serializing_if = "is_zero")]
    refusals: u64,
    #[serde(skip_serializing_if = "is_zero")]
    unpriced_calls: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pending_calls: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pending_receipts: u64,
    #[serde(skip_serializing_if = "is_zero")]
    lost_receipts: u64,
    #[serde(skip_serializing_if = "is_zero")]
    turns: u64,
}

/// An amount of money as text.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Picos(Usd);

impl Money {
    fn directions(&self) -> DirectionTotals {
        let mut directions = DirectionTotals::ZERO;
        directions.input = self.input.0;
        directions.output = self.output.0;
        directions.cache_read = self.cache_read.0;
        directions.cache_write = self.cache_write.0;
        directions.external = self.external.0;
        directions.other = self.other.0;
        directions
    }
}

impl Picos {
    const fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl From<Picos> for String {
    fn from(amount: Picos) -> Self {
        amount.0.picos().to_string()
    }
}

impl TryFrom<String> for Picos {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let excerpt = || text.chars().take(64).collect::<String>();
        let picos = text.parse().map_err(|_| format!("`{}` is not a whole number of 1e-12 dollars", excerpt()))?;
        let amount = Usd::from_picos(picos);
        match amount <= MAX_COST && amount >= Usd::ZERO.saturating_sub(MAX_COST) {
            true => Ok(Self(amount)),
            false => Err(format!("{} is more than the maximum amount", excerpt())),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl ReceiptJson {
    /// The maximum number of models, and of kinds of step, that a receipt names. The rest is summed as `other`.
    pub(super) const MAX_NAMED: usize = 16;

    pub(super) fn of(receipt: &Receipt, named: usize) -> Self {
        Self {
            v: 1,
            id: receipt.id.to_string(),
            remote: receipt.remote.map(|id| id.to_string()),
            is_final: receipt.is_final(),
            at: receipt.at().map(str::to_owned),
            totals: receipt.totals.as_ref().map(|totals| Figures::of(totals, named)),
        }
    }

    pub(super) fn into_receipt(self) -> Result<Receipt, ParseReceiptError> {
        if self.v != 1 {
            return Err(ParseReceiptError::new(format!("version {} is not supported, only version 1", self.v)));
        }
        let id = self.id.parse().map_err(|error| ParseReceiptError::new(format!("`id`: {error}")))?;
        let remote = self.remote.map(|id| id.parse()).transpose();
        let remote = remote.map_err(|error| ParseReceiptError::new(format!("`remote`: {error}")))?;
        let totals = match (self.is_final, self.totals) {
            (false, _) => None,
            (true, Some(figures)) => Some(figures.into_totals()?),
            (true, None) => return Err(ParseReceiptError::new("a final receipt needs `totals`")),
        };
        let at = self.at.filter(|path| is_path(path)).map(String::into_boxed_str);
        Ok(Receipt { id, remote, totals, at })
    }
}

/// Returns whether the text is only a path, so that the final receipt is fetched from the host that sent this one.
fn is_path(text: &str) -> bool {
    text.starts_with('/') && !text.starts_with("//") && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

impl Figures {
    fn of(totals: &Totals, named: usize) -> Self {
        // By number, so that another direction does not compile before it is in receipts too.
        let [input, output, cache_read, cache_write, external, other] = totals.directions.parts().map(|(_, part)| part);
        Self {
            status: totals.cost().status().as_str().to_owned(),
            picousd: Money {
                total: totals.cost().usd().map(Picos),
                exact: Picos(totals.exact),
                estimated: Picos(totals.estimated),
                bounded: Picos(totals.bounded),
                failed: Picos(totals.failed),
                cache_savings: Picos(totals.cache_savings),
                input: Picos(input),
                output: Picos(output),
                cache_read: Picos(cache_read),
                cache_write: Picos(cache_write),
                external: Picos(external),
                other: Picos(other),
            },
            tokens: Tokens::of(&totals.usage),
            count: Counts {
                calls: totals.calls,
                attempts: totals.attempts,
                failed_calls: totals.failed_calls,
                refusals: totals.refusals,
                unpriced_calls: totals.unpriced_calls,
                pending_calls: totals.pending_calls,
                pending_receipts: totals.pending_receipts,
                lost_receipts: totals.lost_receipts,
                turns: totals.turns,
            },
            kinds: kinds(&totals.by_kind, named),
            models: models(&totals.by_model, named),
        }
    }

    fn into_totals(self) -> Result<Totals, ParseReceiptError> {
        let (money, count) = (&self.picousd, self.count);
        let status = CostStatus::from_name(&self.status)
            .ok_or_else(|| ParseReceiptError::new("`status` is not one of exact, estimated, bounded, unpriced"))?;
        if money.total.is_none() && status != CostStatus::Unpriced {
            return Err(ParseReceiptError::new("without `picousd.total`, the status must be `unpriced`"));
        }
        let mut totals = Totals {
            exact: money.exact.0,
            estimated: money.estimated.0,
            bounded: money.bounded.0,
            failed: money.failed.0,
            remote: Usd::ZERO,
            cache_savings: money.cache_savings.0,
            directions: money.directions(),
            usage: self.tokens.usage(),
            status,
            priced_parts: u64::from(money.total.is_some()),
            calls: count.calls,
            attempts: count.attempts,
            failed_calls: count.failed_calls,
            refusals: count.refusals,
            unpriced_calls: count.unpriced_calls,
            pending_calls: count.pending_calls,
            pending_receipts: count.pending_receipts,
            lost_receipts: count.lost_receipts,
            turns: count.turns,
            by_kind: Vec::new(),
            by_model: Vec::new(),
        };
        self.check(&totals)?;
        for (kind, Picos(cost), calls) in &self.kinds {
            totals.by_kind.push(KindTotals { kind: cost_kind(kind), cost: *cost, calls: *calls });
        }
        for (model, Picos(cost), calls, unpriced_calls, tokens) in &self.models {
            let model: String = model.chars().filter(|c| !c.is_control()).take(MAX_MODEL).collect();
            let (calls, unpriced_calls) = (*calls, *unpriced_calls);
            let usage = tokens.usage();
            totals.by_model.push(ModelTotals { model: Arc::from(model), cost: *cost, usage, calls, unpriced_calls });
        }
        Ok(totals)
    }

    /// Checks that the figures add up and are within the limits.
    fn check(&self, totals: &Totals) -> Result<(), ParseReceiptError> {
        let invalid = |problem: &str| Err(ParseReceiptError::new(problem));
        let whole = totals.known();
        let sum = |parts: &mut dyn Iterator<Item = Usd>| parts.fold(Usd::ZERO, Usd::saturating_add);
        let of_directions = sum(&mut totals.directions.parts().into_iter().map(|(_, part)| part));
        if self.picousd.total.is_some_and(|total| total.0 != whole)
            || (self.picousd.total.is_none() && !whole.is_zero())
        {
            return invalid("`exact`, `estimated` and `bounded` do not add up to `total`");
        }
        if of_directions != whole {
            return invalid("the directions do not add up to the total");
        }
        if sum(&mut self.kinds.iter().map(|(_, cost, _)| cost.0)) != whole {
            return invalid("`kinds` do not add up to the total");
        }
        let of_models = sum(&mut self.models.iter().map(|(_, cost, ..)| cost.0));
        if of_models.saturating_add(totals.directions.external) != whole {
            return invalid("`models` and external charges do not add up to the total");
        }
        if self.kinds.len() > ReceiptJson::MAX_NAMED || self.models.len() > ReceiptJson::MAX_NAMED {
            return invalid("more than 16 models or kinds");
        }
        let Counts { calls, attempts, failed_calls, unpriced_calls, pending_calls, turns, .. } = self.count;
        let Counts { pending_receipts, lost_receipts, refusals, .. } = self.count;
        let of_calls = [calls, attempts, failed_calls, refusals, unpriced_calls, pending_calls, turns];
        let counts = of_calls.into_iter().chain([pending_receipts, lost_receipts]);
        let named = self.kinds.iter().map(|kind| kind.2).chain(self.models.iter().flat_map(|model| [model.2, model.3]));
        let mut of_tokens =
            std::iter::once(&self.tokens).chain(self.models.iter().map(|model| &model.4)).map(Tokens::most);
        if counts.chain(named).any(|n| n > MAX_COUNT) || of_tokens.any(|tokens| tokens > MAX_COUNT) {
            return invalid("a count is above the maximum");
        }
        Ok(())
    }
}

/// Returns the most expensive kinds by name, and the rest as `other`.
fn kinds(by_kind: &[KindTotals], named: usize) -> Vec<(String, Picos, u64)> {
    let mut kinds: Vec<_> = by_kind.iter().map(|k| (k.kind.as_str().to_owned(), Picos(k.cost), k.calls)).collect();
    if kinds.len() > named {
        kinds.sort_by_key(|(_, cost, _)| std::cmp::Reverse(cost.0));
        let rest = kinds.split_off(named - 1);
        let cost = rest.iter().fold(Usd::ZERO, |sum, (_, cost, _)| sum.saturating_add(cost.0));
        kinds.push(("other".to_owned(), Picos(cost), rest.iter().map(|(.., calls)| calls).sum()));
    }
    kinds
}

/// Returns the most expensive models by name, and the rest as `other`.
fn models(by_model: &[ModelTotals], named: usize) -> Vec<(String, Picos, u64, u64, Tokens)> {
    let to_json = |m: &ModelTotals| {
        let name = m.model.chars().take(MAX_MODEL).collect();
        (name, Picos(m.cost), m.calls, m.unpriced_calls, Tokens::of(&m.usage))
    };
    if by_model.len() <= named {
        return by_model.iter().map(to_json).collect();
    }
    let mut models = by_model.to_vec();
    models.sort_by_key(|model| std::cmp::Reverse(model.cost));
    let rest = models.split_off(named - 1);
    let mut all = Totals::default();
    for model in rest {
        all.add(
            &Totals { by_model: vec![ModelTotals { model: Arc::from("other"), ..model }], ..Totals::default() },
            false,
        );
    }
    models.iter().chain(&all.by_model).map(to_json).collect()
}

fn cost_kind(name: &str) -> CostKind {
    match name {
        "direct" => CostKind::Direct,
        name => CostKind::Step(StepKind::from_name(&bounded_name(name))),
    }
}

impl Tokens {
    const fn of(usage: &Usage) -> Self {
        Self {
            input: usage.uncached_input_tokens(),
            output: usage.text_output_tokens(),
            cache_read: usage.cache_read_tokens(),
            cache_write_5m: usage.cache_write_tokens_for(CacheTtl::FiveMinutes),
            cache_write_30m: usage.cache_write_tokens_for(CacheTtl::ThirtyMinutes),
            cache_write_1h: usage.cache_write_tokens_for(CacheTtl::OneHour),
            input_audio: usage.input_audio_tokens(),
            output_audio: usage.output_audio_tokens(),
            reasoning: usage.reasoning_tokens(),
        }
    }

    /// Returns an upper bound on each of the counts.
    fn most(&self) -> u64 {
        self.usage().total_tokens().max(self.reasoning)
    }

    const fn usage(&self) -> Usage {
        Usage::new()
            .with_uncached_input(self.input)
            .with_output(self.output)
            .with_cache_read(self.cache_read)
            .with_cache_write(CacheTtl::FiveMinutes, self.cache_write_5m)
            .with_cache_write(CacheTtl::ThirtyMinutes, self.cache_write_30m)
            .with_cache_write(CacheTtl::OneHour, self.cache_write_1h)
            .with_input_audio(self.input_audio)
            .with_output_audio(self.output_audio)
            .with_reasoning(self.reasoning)
    }
}
