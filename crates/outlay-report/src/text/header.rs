//! The first lines: which task, how it ended, what it cost, whose it is.

use outlay_ledger::{Amount, BudgetStatus, OutcomeKind};
use unicode_width::UnicodeWidthStr;

use super::figures::{Figures, Pending};
use super::line::{Piece, flow};
use super::look::Look;
use super::money::{Shown, limit};
use super::numbers::{count, grouped, time};
use super::tree::Tree;
use crate::Report;

/// However much there is to say, a task's name keeps this many columns.
const MIN_NAME: usize = 16;
/// A dimension's name and value take at most this many columns together.
const MAX_DIMENSION: usize = 44;
const MAX_LINES: usize = 2;

pub(super) fn lines(report: &Report, tree: &Tree<'_>, look: &Look) -> Vec<String> {
    let mut lines = flow("", summary(report, tree, look), 2, MAX_LINES, look);
    let dimensions = dimensions(report, look);
    if !dimensions.is_empty() {
        lines.extend(flow("", dimensions, 0, MAX_LINES, look));
    }
    lines.into_iter().map(|line| line.finish(look)).collect()
}

/// The line that says it all.
fn summary(report: &Report, tree: &Tree<'_>, look: &Look) -> Vec<Piece> {
    let (record, totals, outcome) = (report.record(), report.totals(), report.outcome());
    let figures = Figures { pending: Pending::of(totals), ..tree.root().figures };
    let ended = match outcome.worth() {
        Some(worth) => format!("{} worth {}", outcome.kind().as_str(), limit(worth)),
        None => outcome.kind().as_str().to_owned(),
    };
    let is_running = record.root.ended.is_none();
    // A task that still runs has no outcome yet; until somebody says one, it reads as abandoned.
    let ended = if is_running && outcome.kind() == OutcomeKind::Abandoned { "running".to_owned() } else { ended };
    let mut pieces = vec![
        Piece::new(2, ended).red_if(outcome.kind() == OutcomeKind::Failure),
        Piece::new(2, figures.cost_text(Shown::rounded(figures.cost), "$", look)),
    ];
    pieces.extend(doubt(&figures).map(|doubt| Piece::new(2, doubt)));
    let mut calls = count(totals.calls(), "call");
    if totals.attempts() != totals.calls() {
        calls = format!("{calls}, {}", count(totals.attempts(), "attempt"));
    }
    pieces.push(Piece::new(3, calls));
    pieces.extend(record.root.duration().map(|d| Piece::new(3, time(d, " "))));
    pieces.extend(report.budget().map(budget));
    let taken: usize = pieces.iter().map(|piece| piece.gap + piece.text.width()).sum();
    let name = look.clean(&record.root.name);
    let name = look.cut(&name, look.width.saturating_sub(taken).max(MIN_NAME)).into_owned();
    pieces.insert(0, Piece::new(0, name));
    pieces
}

/// How sure the total is; `None` where the total is the word for it.
fn doubt(figures: &Figures) -> Option<String> {
    if figures.unpriced > 0 && !figures.is_unknown() {
        return Some(format!("{} unpriced", count(figures.unpriced, "call")));
    }
    if let Some(pending) = figures.pending.text() {
        return Some(pending);
    }
    (!figures.is_unknown()).then(|| figures.status.as_str().to_owned())
}

fn budget(status: BudgetStatus) -> Piece {
    let over = status.is_exceeded();
    let percent = status.spent.percent_of(status.limit);
    let use_of = match percent {
        None if over => "over budget".to_owned(),
        Some(percent) if over => format!("over budget, {}%", grouped(percent)),
        percent => format!("budget {}%", percent.unwrap_or(0)),
    };
    let limit = match status.limit {
        Amount::Usd(usd) => limit(usd),
        counted => counted.to_string(),
    };
    Piece::new(3, format!("{use_of} of {limit}")).red_if(over)
}

/// Whose it is, and where its trace is.
fn dimensions(report: &Report, look: &Look) -> Vec<Piece> {
    let dimensions = &report.record().dimensions;
    let known = dimensions.known().map(|(dimension, value)| (dimension.as_str(), value));
    let custom = dimensions.custom().map(|(key, value)| (&**key, value));
    let pair = |(key, value): (&str, _)| {
        let text = look.clean(&format!("{key}={value}"));
        Piece::new(2, look.cut(&text, MAX_DIMENSION).into_owned())
    };
    // The trace comes before the user's own dimensions, of which there may be many.
    let trace = report.trace_id().map(|id| {
        let (first, last) = (&id[..4], &id[id.len() - 4..]);
        Piece::new(3, format!("trace {first}{}{last}", look.more))
    });
    known.map(pair).chain(trace).chain(custom.map(pair)).collect()
}
