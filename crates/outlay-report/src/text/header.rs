//! The first lines: the task's name, outcome, cost and dimensions.

use outlay_ledger::{Amount, BudgetStatus, OutcomeKind};
use unicode_width::UnicodeWidthStr;

use super::figures::{Figures, Pending};
use super::line::{Piece, wrap};
use super::numbers::{count, grouped, time};
use super::rounded_usd::{RoundedUsd, limit};
use super::theme::Theme;
use super::tree::Tree;
use crate::Report;

/// The minimum number of columns for a task's name.
const MIN_NAME: usize = 16;
/// The maximum number of columns of a dimension's name and value together.
const MAX_DIMENSION: usize = 44;
const MAX_LINES: usize = 2;

pub(super) fn lines(report: &Report, tree: &Tree<'_>, theme: &Theme) -> Vec<String> {
    let mut lines = wrap("", summary(report, tree, theme), 2, MAX_LINES, theme);
    let dimensions = dimensions(report, theme);
    if !dimensions.is_empty() {
        lines.extend(wrap("", dimensions, 0, MAX_LINES, theme));
    }
    lines.into_iter().map(|line| line.finish(theme)).collect()
}

/// Returns the line with the outcome, the cost and the time.
fn summary(report: &Report, tree: &Tree<'_>, theme: &Theme) -> Vec<Piece> {
    let (record, totals, outcome) = (report.record(), report.totals(), report.outcome());
    let figures = Figures { pending: Pending::of(totals), ..tree.root().figures };
    let ended = match outcome.value_usd() {
        Some(worth) => format!("{} worth {}", outcome.kind().as_str(), limit(worth)),
        None => outcome.kind().as_str().to_owned(),
    };
    let is_running = record.root.ended.is_none();
    // A running task has the outcome `abandoned` until another one is set.
    let ended = if is_running && outcome.kind() == OutcomeKind::Abandoned { "running".to_owned() } else { ended };
    let mut pieces = vec![
        Piece::new(2, ended).red_if(outcome.kind() == OutcomeKind::Failure),
        Piece::new(2, figures.cost_text(RoundedUsd::new(figures.cost), "$", theme)),
    ];
    pieces.extend(certainty(&figures).map(|certainty| Piece::new(2, certainty)));
    let mut calls = count(totals.calls(), "call");
    if totals.attempts() != totals.calls() {
        calls = format!("{calls}, {}", count(totals.attempts(), "attempt"));
    }
    pieces.push(Piece::new(3, calls));
    pieces.extend(record.root.duration().map(|d| Piece::new(3, time(d, " "))));
    pieces.extend(report.budget().map(budget));
    let taken: usize = pieces.iter().map(|piece| piece.gap + piece.text.width()).sum();
    let name = theme.clean(&record.root.name);
    let name = theme.cut(&name, theme.width.saturating_sub(taken).max(MIN_NAME)).into_owned();
    pieces.insert(0, Piece::new(0, name));
    pieces
}

/// Returns how certain the total is, or `None` if the total itself is a word for that.
fn certainty(figures: &Figures) -> Option<String> {
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
    let usage = match percent {
        None if over => "over budget".to_owned(),
        Some(percent) if over => format!("over budget, {}%", grouped(percent)),
        percent => format!("budget {}%", percent.unwrap_or(0)),
    };
    let limit = match status.limit {
        Amount::Usd(usd) => limit(usd),
        counted => counted.to_string(),
    };
    Piece::new(3, format!("{usage} of {limit}")).red_if(over)
}

/// Returns the task's dimensions and its trace id.
fn dimensions(report: &Report, theme: &Theme) -> Vec<Piece> {
    let dimensions = &report.record().dimensions;
    let known = dimensions.known().map(|(dimension, value)| (dimension.as_str(), value));
    let custom = dimensions.custom().map(|(key, value)| (&**key, value));
    let pair = |(key, value): (&str, _)| {
        let text = theme.clean(&format!("{key}={value}"));
        Piece::new(2, theme.cut(&text, MAX_DIMENSION).into_owned())
    };
    // The trace comes before the custom dimensions, which may be many.
    let trace = report.trace_id().map(|id| {
        let (first, last) = (&id[..4], &id[id.len() - 4..]);
        Piece::new(3, format!("trace {first}{}{last}", theme.ellipsis))
    });
    known.map(pair).chain(trace).chain(custom.map(pair)).collect()
}
