//! The last lines: the total by model and direction, what was wasted, what caching did, how sure it all is.

use std::cmp::Reverse;
use std::mem::discriminant;

use outlay_ledger::{Amount, BudgetExceeded, Refusal, RefusalReason, Totals};
use outlay_price::{CostStatus, Usd};

use super::figures::{Figures, known};
use super::line::{Piece, flow};
use super::look::Look;
use super::models;
use super::money::{Scale, Share, Shown};
use super::numbers::{count, grouped};
use super::tree::Tree;
use super::waste;
use crate::Report;

/// The labels' column.
pub(super) const LABEL: usize = 14;
/// As many versions of price tables are named.
const MAX_VERSIONS: usize = 3;

pub(super) fn lines(report: &Report, tree: &Tree<'_>, look: &Look) -> Vec<String> {
    let totals = report.totals();
    let cost = known(totals);
    let mut lines = Vec::new();
    let mut line = |label: &str, most: usize, pieces: Vec<Piece>| {
        if !pieces.is_empty() {
            let label = format!("{label:LABEL$}");
            lines.extend(flow(&label, pieces, LABEL, most, look).into_iter().map(|line| line.finish(look)));
        }
    };
    line("by model", 2, models::by_model(totals, cost, look));
    line("by direction", 2, by_direction(totals, cost));
    line("wasted", 2, wasted(tree, totals, cost, look));
    line("caching", 2, caching(totals));
    line("remote", 2, remote(totals, cost));
    line("sure of", 2, sureness(tree, totals, cost, look));
    line("refused", 3, refused(report, look));
    let (label, pieces) = refused_otherwise(report, look);
    line(label, 2, pieces);
    line("pending", 2, pending(totals));
    if let Some(hint) = report.hint() {
        // Whole, so that it can be copied.
        lines.push(format!("{:LABEL$}{}", "see it", look.clean_whole(hint)));
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
    // External charges stand among the models too, and have the same share here as there.
    let (of_no_model, share) = models::external(totals, cost);
    let shares = if of_no_model == external.1 {
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

fn wasted(tree: &Tree<'_>, totals: &Totals, cost: Usd, look: &Look) -> Vec<Piece> {
    let failed = totals.failed_cost();
    let causes = waste::causes(tree, failed, look);
    if causes.is_empty() {
        return Vec::new();
    }
    let costs: Vec<Usd> = causes.iter().map(|cause| cause.figures.cost).collect();
    let figures = causes.iter().fold(Figures::default(), |sum, cause| sum.and(cause.figures));
    let whole = Shown::rounded(failed);
    let amounts = whole.split(&costs);
    let amount = |figures: &Figures, shown: Shown| match figures.cost_text(shown, "$", look) {
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
        1.. => format!("saved {} net of writes", Shown::rounded(savings).brief()),
        _ => format!("cost {} more than it saved", Shown::rounded(-savings).brief()),
    };
    vec![Piece::new(0, text)]
}

fn sureness(tree: &Tree<'_>, totals: &Totals, cost: Usd, look: &Look) -> Vec<Piece> {
    if totals.calls() == 0 && cost.is_zero() {
        return Vec::new();
    }
    let partial = tree.root().figures.partial;
    let parts = [totals.exact(), totals.estimated(), totals.bounded() - partial, partial];
    let [exact, estimated, bounded, partial] =
        <[Shown; 4]>::try_from(Shown::rounded(cost).split(&parts)).unwrap_or_default();
    let mut unpriced = format!("unpriced {}", count(totals.unpriced_calls(), "call"));
    if partial != Shown::default() {
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
    pieces.extend(price_versions(tree, look).map(|versions| Piece::new(3, format!("prices {versions}"))));
    pieces
}

fn price_versions(tree: &Tree<'_>, look: &Look) -> Option<String> {
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
    let mut texts: Vec<String> = versions.iter().take(MAX_VERSIONS).map(|v| look.clean(v)).collect();
    texts.extend(more.then(|| look.more.to_owned()));
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// What the budget refused: how often by model, and why the first time.
fn refused(report: &Report, look: &Look) -> Vec<Piece> {
    let refusals = report.refusals();
    let listed = refusals.len() as u64;
    let total = report.budget().map_or(listed, |budget| budget.refused.max(listed));
    let total = total.max(report.record().refused_by_budgets);
    if total == 0 {
        return Vec::new();
    }
    // The first of each model, budget and reason.
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
        let times = if is_only { String::new() } else { format!(" {}{times}", look.times) };
        let budget = if one_budget { String::new() } else { format!(" by {}", look.clean(refusal.scope())) };
        let model = look.model(refusal.model());
        Piece::new(3, format!("{}{times}{budget} {}", models::shortest(&model), reason(refusal)))
    });
    let by = if one_budget { "the budget" } else { "budgets" };
    std::iter::once(Piece::new(0, format!("{} by {by}", count(total, "call")))).chain(each).collect()
}

/// Why a stop or the policy refused the first call, and how many they refused.
fn refused_otherwise(report: &Report, look: &Look) -> (&'static str, Vec<Piece>) {
    let Some(refused) = &report.record().refused_otherwise else { return ("", Vec::new()) };
    let (label, why) = match &refused.first {
        Refusal::Stopped(why) => ("stopped", why.reason().to_owned()),
        Refusal::Policy(why) => ("policy", format!("{}: {}", why.rule(), why.violation())),
        other => ("refused", other.to_string()),
    };
    let calls = format!("{} refused", count(refused.calls, "call"));
    (label, vec![Piece::new(0, look.clean(&why)), Piece::new(3, calls)])
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
        Amount::Usd(usd) => Shown::rounded(usd).brief(),
        counted => counted.to_string(),
    }
}

/// What other processes spent.
fn remote(totals: &Totals, cost: Usd) -> Vec<Piece> {
    let (remote, lost) = (totals.remote(), totals.lost_receipts());
    let mut pieces = Vec::new();
    if !remote.is_zero() {
        let share = Share::whole(Scale::Percent).split(&[remote, cost - remote], cost)[0];
        pieces.push(Piece::new(0, format!("{} ({}) by receipt", Shown::rounded(remote).brief(), share.text())));
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

/// A line's pieces stand three apart; the first one follows the label.
pub(super) const fn gap(i: usize) -> usize {
    if i == 0 { 0 } else { 3 }
}
