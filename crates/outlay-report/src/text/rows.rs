//! The rows of the tree, and their layout as a table.

use outlay_ledger::{ScopeKind, ScopeRecord};
use unicode_width::UnicodeWidthStr;

use super::figures::{Figures, Tokens};
use super::line::Line;
use super::notes;
use super::numbers::{count, grouped, tokens};
use super::rounded_usd::{RoundedUsd, Scale, Share};
use super::theme::Theme;
use super::tree::{NodeKind, Rest, Tree};
use super::visible_nodes::VisibleNodes;

/// The maximum number of columns of a step's kind, built-in or custom.
const MAX_KIND: usize = 12;
/// The share of the room beside the numbers that names keep if they need it: two thirds.
const NAME_SHARE: (usize, usize) = (2, 3);
const HEADS: [&str; 5] = ["cost", "share", "in tok", "read", "out"];
/// The number of spaces before each number.
const GAPS: [usize; 5] = [1, 2, 2, 2, 2];
const TAIL_GAP: usize = 3;
const MARK_GAP: usize = 2;
/// The sets of number columns. The first set that leaves `MIN_TEXT_WIDTH` columns for text is used.
const COLUMNS: [&[usize]; 3] = [&[0, 1, 2, 3, 4], &[0, 1, 2, 4], &[0, 1]];
const MIN_TEXT_WIDTH: usize = 44;
const CACHED: usize = 3;

/// The cells of a row, before layout.
#[derive(Debug)]
struct Row {
    name: String,
    failed: bool,
    /// In the order of `HEADS`.
    numbers: [String; 5],
    tail: String,
}

/// Returns the table, with at most `rows` rows under its head.
pub(super) fn lines(tree: &Tree<'_>, rows: usize, theme: &Theme) -> Vec<String> {
    let figures = tree.root().figures;
    let mut table = Table { tree, shown: VisibleNodes::select(tree, rows), theme, rows: Vec::new() };
    let share = (figures.cost.picos() > 0).then(|| Share::whole(Scale::PerMille));
    table.push_node(0, RowPrefix::default(), RoundedUsd::new(figures.cost), share);
    table.lay_out()
}

#[derive(Debug)]
struct Table<'a> {
    tree: &'a Tree<'a>,
    shown: VisibleNodes,
    theme: &'a Theme,
    rows: Vec<Row>,
}

/// The characters that connect a row to the tree.
#[derive(Clone, Debug, Default)]
struct RowPrefix {
    /// The text before the row's name.
    own: String,
    /// The text before the names of its children.
    children: String,
    /// The width of the widest kind among its siblings.
    kind_width: usize,
}

impl RowPrefix {
    fn child(&self, is_last: bool, kind_width: usize, theme: &Theme) -> Self {
        let (connector, bar) = if is_last { (theme.last_branch, "   ") } else { (theme.branch, theme.bar) };
        Self { own: format!("{}{connector}", self.children), children: format!("{}{bar}", self.children), kind_width }
    }
}

impl Table<'_> {
    /// Adds a node and its shown descendants. Amounts and shares of children add up to those of their parent.
    fn push_node(&mut self, index: usize, prefix: RowPrefix, cost: RoundedUsd, share: Option<Share>) {
        let (tree, theme) = (self.tree, self.theme);
        let node = tree.node(index);
        let (children, rest) = self.shown.children(tree, index);
        let is_folded = children.is_empty();
        let (label, notes) = match node.kind {
            NodeKind::Scope(scope) => {
                let pending = if is_folded { node.figures.pending } else { node.own_pending };
                let folded = if is_folded { notes::hidden_calls(&node.figures) } else { None };
                (scope_label(scope, prefix.kind_width, theme), notes::scope(scope, folded, pending, theme))
            }
            NodeKind::Call(call) => {
                let operation = theme.clean(call.operation);
                (format!("{operation} {}", theme.model(&call.model)), notes::call(call, theme))
            }
            NodeKind::Charge(charge) => {
                (format!("charge {}", theme.clean(&charge.name)), notes::charge(&charge.charge))
            }
            NodeKind::Remote(remote) => (format!("remote {}", theme.clean(&remote.name)), notes::remote(remote)),
        };
        let currency = if index == 0 { "$" } else { "" };
        self.rows.push(Row {
            name: format!("{}{label}", prefix.own),
            failed: node.is_failed(),
            numbers: numbers(&node.figures, cost, share, currency, theme),
            tail: notes.join("  "),
        });

        let mut costs: Vec<_> = children.iter().map(|c| tree.node(*c).figures.cost).collect();
        costs.extend(rest.map(|rest| rest.figures.cost));
        let amounts = cost.split(&costs);
        let total = tree.root().figures.cost;
        let shares = match share {
            Some(share) => share.split(&costs, total).into_iter().map(Some).collect(),
            None => vec![None; costs.len()],
        };
        let kind_width = children.iter().filter_map(|c| kind_width(tree.node(*c).kind, theme)).max().unwrap_or(0);
        for (i, (amount, share)) in amounts.into_iter().zip(shares).enumerate() {
            let prefix = prefix.child(i + 1 == costs.len(), kind_width, theme);
            match (children.get(i), &rest) {
                (Some(child), _) => self.push_node(*child, prefix, amount, share),
                (None, Some(rest)) => self.push_rest(rest, prefix, amount, share),
                (None, None) => {}
            }
        }
    }

    fn push_rest(&mut self, rest: &Rest, prefix: RowPrefix, cost: RoundedUsd, share: Option<Share>) {
        let Rest { records, figures } = rest;
        let (label, note) = match (*records, figures.calls) {
            (0, _) => ("not itemized".to_owned(), String::new()),
            (records, calls) if records == calls => (format!("{} more calls", grouped(calls)), String::new()),
            (records, 0) if records == figures.refusals => {
                (format!("{} more refused", grouped(records)), String::new())
            }
            (records, 0) => (format!("{} more", grouped(records)), String::new()),
            (records, calls) => (format!("{} more", grouped(records)), count(calls, "call")),
        };
        self.rows.push(Row {
            name: format!("{}{} {label}", prefix.own, self.theme.ellipsis),
            failed: false,
            numbers: numbers(figures, cost, share, "", self.theme),
            tail: note,
        });
    }

    fn lay_out(&self) -> Vec<String> {
        let theme = self.theme;
        let mark = theme.failed.width() + MARK_GAP;
        let name = |row: &Row| row.name.width() + if row.failed { mark } else { 0 };
        let names = self.rows.iter().map(name).max().unwrap_or(0);
        let tails = self.rows.iter().map(|row| row.tail.width()).max().unwrap_or(0);
        let (columns, room) = self.columns(names + tails);
        // Long notes shorten the names, down to their share of the room.
        let part = room * NAME_SHARE.0 / NAME_SHARE.1;
        let name = names.min(room.saturating_sub(tails).max(part));

        let mut head = Line::default();
        head.pad_to(name);
        columns.iter().for_each(|column| head.push_right(HEADS[column.index], column.width));
        head.push(format!("{}time", " ".repeat(TAIL_GAP)));
        let mut lines = vec![head.finish(theme)];
        for row in &self.rows {
            let mut line = Line::default();
            let kept = if row.failed { name.saturating_sub(mark) } else { name };
            line.push(theme.cut(&row.name, kept));
            if row.failed {
                line.push(" ".repeat(MARK_GAP));
                line.push_red(theme.failed);
            }
            line.pad_to(name);
            columns.iter().for_each(|column| line.push_right(&row.numbers[column.index], column.width));
            line.push(" ".repeat(TAIL_GAP));
            line.push(theme.cut_words(&row.tail, room - name));
            lines.push(line.finish(theme));
        }
        lines
    }

    /// Returns the number columns that leave enough room for text of this width, and that room.
    fn columns(&self, text_width: usize) -> (Vec<Column>, usize) {
        let column = |index: &usize| {
            // Only the total's `$` may reach into the space after the names.
            let hanging = |i: usize| usize::from(*index == 0 && i > 0);
            let rows = self.rows.iter().enumerate();
            let numbers = rows.map(|(i, row)| row.numbers[*index].width() + hanging(i));
            let width = numbers.chain([HEADS[*index].width()]).max().unwrap_or(0);
            Column { index: *index, width: GAPS[*index] + width }
        };
        let mut best = (Vec::new(), 0);
        for set in COLUMNS {
            let columns: Vec<Column> = set.iter().map(column).collect();
            let taken = columns.iter().map(|column| column.width).sum::<usize>() + TAIL_GAP;
            best = (columns, self.theme.width.saturating_sub(taken));
            // Drop a column of zeros before any text is cut.
            let is_idle = set.contains(&CACHED) && self.rows.iter().all(|row| !has_count(&row.numbers[CACHED]));
            if best.1 >= if is_idle { text_width } else { text_width.min(MIN_TEXT_WIDTH) } {
                break;
            }
        }
        best
    }
}

fn has_count(number: &str) -> bool {
    !matches!(number, "" | "0" | "?")
}

/// A column of numbers, with the space before it.
#[derive(Debug)]
struct Column {
    index: usize,
    width: usize,
}

/// Returns the number cells of a row. An unknown number is a word or `?`; one that does not apply is empty.
fn numbers(figures: &Figures, cost: RoundedUsd, share: Option<Share>, currency: &str, theme: &Theme) -> [String; 5] {
    let share = share.filter(|_| !figures.is_unknown()).map_or_else(String::new, Share::text);
    let Tokens { input, cached, output } = figures.tokens;
    let counts = [input, cached, output].map(|count| match figures {
        Figures { tokens_unknown: true, .. } => "?".to_owned(),
        Figures { calls: 0, .. } => String::new(),
        _ => tokens(count),
    });
    let [input, cached, output] = counts;
    [figures.cost_text(cost, currency, theme), share, input, cached, output]
}

fn scope_label(scope: &ScopeRecord, kind_width: usize, theme: &Theme) -> String {
    let kind = kind_label(scope, theme);
    let gap = match kind_width {
        0 => 1,
        width => width.saturating_sub(kind.width()) + 2,
    };
    format!("{kind}{}{}", " ".repeat(gap), theme.clean(&scope.name))
}

fn kind_width(node: NodeKind<'_>, theme: &Theme) -> Option<usize> {
    match node {
        NodeKind::Scope(scope) => Some(kind_label(scope, theme).width()),
        NodeKind::Call(_) | NodeKind::Charge(_) | NodeKind::Remote(_) => None,
    }
}

/// Returns the kind of a scope, such as `agent` or `plan`.
pub(super) fn kind_label(scope: &ScopeRecord, theme: &Theme) -> String {
    match &scope.kind {
        ScopeKind::Task => "task".to_owned(),
        ScopeKind::Agent => "agent".to_owned(),
        ScopeKind::Step(kind) => theme.cut(&theme.clean(kind.as_str()), MAX_KIND).into_owned(),
    }
}
