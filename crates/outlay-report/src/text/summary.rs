//! The last lines: the total by model and direction, wasted cost, cache savings and how certain the total is.

use std::cmp::Reverse;
use std::mem::discriminant;

use outlay_ledger::{Amount, BudgetExceeded, Refusal, RefusalReason, Totals};
use outlay_price::{CostStatus, Usd};

use super::failure_causes;
use super::figures::{Figures, known_cost};
use super::line::{LABEL_WIDTH, Piece, gap, wrap};
use super::model_rows;
use super::numbers::{count, grouped};
use super::rounded_usd::{RoundedUsd, Scale, Share};
use super::theme::Theme;
use super::tree::Tree;
use crate::Report;

/// The maximum number of price table versions named.
const MAX_VERSIONS: usize = 3;

pub(super) fn lines(report: &Report, tree: &Tree<'_>, theme: &Theme) -> Vec<String> {
    let totals = report.totals();
    let cost = known_cost(totals);
    let mut lines = Vec::new();
    let mut line = |label: &str, max_lines: usize, pieces: Vec<Piece>| {
        if !pieces.is_empty() {
            let label = format!("{label:LABEL_WIDTH$}");
            lines
                .extend(wrap(&label, pieces, LABEL_WIDTH, max_lines, theme).into_iter().map(|line| line.finish(theme)));
        }
    };
    line("by model", 2, model_rows::by_model(totals, cost, theme));
    line("by direction", 2, by_direction(totals, cost));
    line("wasted", 2, wasted(tree, totals, cost, theme));
    line("caching", 2, caching(totals));
    line("remote", 2, remote(totals, cost));
    line("sure of", 2, by_status(tree, totals, cost, theme));
    line("refused", 3, refused(report, theme));
    let (label, pieces) = other_refusals(report, theme);
    line(label, 2, pieces);
    line("pending", 2, pending(totals));
    if let Some(hint) = report.hint() {
        // Not cut, so that it can be copied.
        lines.push(format!("{:LABEL_WIDTH$}{}", "see it", theme.clean_whole(hint)));
    }
    lines
}

fn by_direction(totals: &Totals, cost: Usd) -> Vec<Piece> {
    if cost.picos() <= 0 {
        return Vec::new();
    }
    let [mut tokens @ .., external, other] = totals.by_direction().parts();
    tokens.sort_by_key(|(_, cost)| Reverse(*cost));
    let parts = || tokens.iter().chain([&other, &external]);
    let mut costs: Vec<Usd> = parts().map(|(_, cost)| *cost).collect();
    let whole = Share::whole(Scale::Percent);
    // External charges also appear among the models, with the same share.
    let (external_cost, share) = model_rows::external(totals, cost);
    let shares = if external_cost == external.1 {
        costs.pop();
        let mut shares = whole.minus(share).split(&costs, cost);
        shares.push(share);
        shares
    } else {
        whole.split(&costs, cost)
    };
    let used = parts().zip(shares).filter(|((_, cost), _)| !cost.is_zero());
    used.enumerate()
        .map(|(i, ((name, _), share))| Piece::new(gap(i), format!("{} {}", name.replace('_', " "), share.text())))
        .collect()
}

fn wasted(tree: &Tree<'_>, totals: &Totals, cost: Usd, theme: &Theme) -> Vec<Piece> {
    let failed = totals.failed_cost();
    let causes = failure_causes::causes(tree, failed, theme);
    if causes.is_empty() {
        return Vec::new();
    }
    let costs: Vec<Usd> = causes.iter().map(|cause| cause.figures.cost).collect();
    let figures = causes.iter().fold(Figures::default(), |sum, cause| sum.plus(cause.figures));
    let whole = RoundedUsd::new(failed);
    let amounts = whole.split(&costs);
    let amount = |figures: &Figures, shown: RoundedUsd| match figures.cost_text(shown, "$", theme) {
        text if text == "$0.000000" => "$0".to_owned(),
        text => text,
    };
    let mut text = amount(&figures, whole);
    if cost.picos() > 0 && !figures.is_unknown() {
        let share = Share::whole(Scale::Percent).split(&[failed, cost - failed], cost)[0];
        text = format!("{text} ({})", share.text());
    }
    if let [only] = &*causes {
        return vec![Piece::new(0, format!("{text} {}", only.text))];
    }
    let each = causes.iter().zip(amounts);
    let each = each.map(|(cause, shown)| Piece::new(3, format!("{} {}", amount(&cause.figures, shown), cause.text)));
    std::iter::once(Piece::new(0, text)).chain(each).collect()
}

fn caching(totals: &Totals) -> Vec<Piece> {
    let savings = totals.cache_savings();
    let text = match savings.picos() {
        0 => return Vec::new(),
        1.. => format!("saved {} net of writes", RoundedUsd::new(savings).brief()),
        _ => format!("cost {} more than it saved", RoundedUsd::new(-savings).brief()),
    };
    vec![Piece::new(0, text)]
}

fn by_status(tree: &Tree<'_>, totals: &Totals, cost: Usd, theme: &Theme) -> Vec<Piece> {
    if totals.calls() == 0 && cost.is_zero() {
        return Vec::new();
    }
    let partial = tree.root().figures.partial;
    let parts = [totals.exact(), totals.estimated(), totals.bounded() - partial, partial];
    let [exact, estimated, bounded, partial] =
        <[RoundedUsd; 4]>::try_from(RoundedUsd::new(cost).split(&parts)).unwrap_or_default();
    let mut unpriced = format!("unpriced {}", count(totals.unpriced_calls(), "call"));
    if partial != RoundedUsd::default() {
        unpriced = format!("{unpriced} ({} of it known)", partial.brief());
    } else if totals.unpriced_calls() == 0 && totals.cost().status() == CostStatus::Unpriced {
        // A charge of unknown amount, or a call that never ended.
        unpriced = "unpriced in part".to_owned();
    }
    let mut pieces = vec![
        Piece::new(0, format!("exact {}", exact.brief())),
        Piece::new(3, format!("estimated {}", estimated.brief())),
        Piece::new(3, format!("bounded {}", bounded.brief())),
        Piece::new(3, unpriced),
    ];
    pieces.extend(price_versions(tree, theme).map(|versions| Piece::new(3, format!("prices {versions}"))));
    pieces
}

fn price_versions(tree: &Tree<'_>, theme: &Theme) -> Option<String> {
    let mut versions: Vec<&str> = Vec::new();
    for version in tree.calls().filter_map(|call| call.price_version.as_deref()) {
        if !versions.contains(&version) {
            versions.push(version);
        }
        if versions.len() > MAX_VERSIONS {
            break;
        }
    }
    let more = versions.len() > MAX_VERSIONS;
    let mut texts: Vec<String> = versions.iter().take(MAX_VERSIONS).map(|v| theme.clean(v)).collect();
    texts.extend(more.then(|| theme.ellipsis.to_owned()));
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// Returns what budgets refused: the number of calls by model, and the reason of the first one.
fn refused(report: &Report, theme: &Theme) -> Vec<Piece> {
    let refusals = report.refusals();
    let listed = refusals.len() as u64;
    let total = report.budget().map_or(listed, |budget| budget.refused.max(listed));
    let total = total.max(report.record().refused_by_budgets);
    if total == 0 {
        return Vec::new();
    }
    // One of each model, budget and reason.
    let kind = |why: &BudgetExceeded| (why.model().to_owned(), why.scope().to_owned(), discriminant(&why.reason()));
    let mut kinds: Vec<(u64, &BudgetExceeded)> = Vec::new();
    for refusal in refusals {
        match kinds.iter_mut().find(|(_, known)| kind(known) == kind(refusal)) {
            Some((times, _)) => *times += 1,
            None => kinds.push((1, refusal)),
        }
    }
    let (is_only, first) = (kinds.len() == 1, kinds.first().map(|(_, first)| first.scope().to_owned()));
    let one_budget = kinds.iter().all(|(_, refusal)| Some(refusal.scope()) == first.as_deref());
    let each = kinds.into_iter().map(|(times, refusal)| {
        let times = if is_only { String::new() } else { format!(" {}{times}", theme.times) };
        let budget = if one_budget { String::new() } else { format!(" by {}", theme.clean(refusal.scope())) };
        let model = theme.model(refusal.model());
        Piece::new(3, format!("{}{times}{budget} {}", model_rows::shortest(&model), reason(refusal)))
    });
    let by = if one_budget { "the budget" } else { "budgets" };
    std::iter::once(Piece::new(0, format!("{} by {by}", count(total, "call")))).chain(each).collect()
}

/// Returns why a stop or the policy refused the first call, and how many they refused.
fn other_refusals(report: &Report, theme: &Theme) -> (&'static str, Vec<Piece>) {
    let Some(refused) = &report.record().non_budget_refusals else { return ("", Vec::new()) };
    let (label, why) = match &refused.first {
        Refusal::Stopped(why) => ("stopped", why.reason().to_owned()),
        Refusal::Policy(why) => ("policy", format!("{}: {}", why.rule(), why.violation())),
        other => ("refused", other.to_string()),
    };
    let calls = format!("{} refused", count(refused.calls, "call"));
    (label, vec![Piece::new(0, theme.clean(&why)), Piece::new(3, calls)])
}

fn reason(refusal: &BudgetExceeded) -> String {
    match refusal.reason() {
        RefusalReason::OverLimit { bound, assumed_output } => {
            let assumed = match assumed_output {
                Some(tokens) => format!(" (no max_tokens: {} assumed)", grouped(tokens)),
                None => String::new(),
            };
            let verb = if bound.usd().is_some() { "may cost" } else { "may come to" };
            format!("{verb} {}, {} left{assumed}", brief(bound), brief(refusal.left()))
        }
        _ => "has no price".to_owned(),
    }
}

fn brief(amount: Amount) -> String {
    match amount {
        Amount::Usd(usd) => RoundedUsd::new(usd).brief(),
        counted => counted.to_string(),
    }
}

/// Returns what other processes spent.
fn remote(totals: &Totals, cost: Usd) -> Vec<Piece> {
    let (remote, lost) = (totals.remote(), totals.lost_receipts());
    let mut pieces = Vec::new();
    if !remote.is_zero() {
        let share = Share::whole(Scale::Percent).split(&[remote, cost - remote], cost)[0];
        pieces.push(Piece::new(0, format!("{} ({}) by receipt", RoundedUsd::new(remote).brief(), share.text())));
    }
    if lost > 0 {
        pieces.push(Piece::new(gap(pieces.len()), format!("{} lost: that cost is not known", count(lost, "receipt"))));
    }
    pieces
}

fn pending(totals: &Totals) -> Vec<Piece> {
    let open = |n: u64, one: &str, many: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}: its cost is not in these figures")),
        n => Some(format!("{} {many}: their cost is not in these figures", grouped(n))),
    };
    let calls = open(totals.pending_calls(), "call has not ended", "calls have not ended");
    let receipts = open(totals.pending_receipts(), "receipt has not come", "receipts have not come");
    calls.into_iter().chain(receipts).enumerate().map(|(i, text)| Piece::new(gap(i), text)).collect()
}
