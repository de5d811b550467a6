//! The table of the tree: its rows, and how they are laid out.

use outlay_ledger::{ScopeKind, ScopeRecord};
use unicode_width::UnicodeWidthStr;

use super::figures::{Figures, Tokens};
use super::fold::Shown as ShownNodes;
use super::line::Line;
use super::look::Look;
use super::money::{Scale, Share, Shown};
use super::notes;
use super::numbers::{count, grouped, tokens};
use super::tree::{Rest, Tree, What};

/// Kinds of step, the user's own included, take at most this many columns.
const MAX_KIND: usize = 12;
/// The name's column keeps two thirds of what the numbers leave, if names need it.
const NAME_PART: (usize, usize) = (2, 3);
const HEADS: [&str; 5] = ["cost", "share", "in tok", "read", "out"];
/// How far each number stands from what is before it.
const GAPS: [usize; 5] = [1, 2, 2, 2, 2];
const TAIL_GAP: usize = 3;
const MARK_GAP: usize = 2;
/// The columns of numbers that are shown, of which the first set is taken that leaves this much room for words.
const COLUMNS: [&[usize]; 3] = [&[0, 1, 2, 3, 4], &[0, 1, 2, 4], &[0, 1]];
const MIN_ROOM: usize = 44;
const CACHED: usize = 3;

/// A row, not yet laid out.
#[derive(Debug)]
struct Row {
    name: String,
    failed: bool,
    /// In the order of `HEADS`.
    numbers: [String; 5],
    tail: String,
}

/// The table, in at most `rows` rows under its head.
pub(super) fn lines(tree: &Tree<'_>, rows: usize, look: &Look) -> Vec<String> {
    let figures = tree.root().figures;
    let mut table = Table { tree, shown: ShownNodes::select(tree, rows), look, rows: Vec::new() };
    let share = (figures.cost.picos() > 0).then(|| Share::whole(Scale::PerMille));
    table.node(0, Place::default(), Shown::rounded(figures.cost), share);
    table.lay_out()
}

#[derive(Debug)]
struct Table<'a> {
    tree: &'a Tree<'a>,
    shown: ShownNodes,
    look: &'a Look,
    rows: Vec<Row>,
}

/// Where a row hangs.
#[derive(Clone, Debug, Default)]
struct Place {
    /// What stands before the row's name.
    before: String,
    /// What stands before the names below it.
    below: String,
    /// The width of the kinds beside it.
    kind: usize,
}

impl Place {
    fn under(&self, is_last: bool, kind: usize, look: &Look) -> Self {
        let (connector, bar) = if is_last { (look.last, "   ") } else { (look.branch, look.bar) };
        Self { before: format!("{}{connector}", self.below), below: format!("{}{bar}", self.below), kind }
    }
}

impl Table<'_> {
    /// A node and all that is shown below it. Amounts and shares of siblings add up to those above them.
    fn node(&mut self, index: usize, place: Place, cost: Shown, share: Option<Share>) {
        let (tree, look) = (self.tree, self.look);
        let node = tree.node(index);
        let (children, rest) = self.shown.children(tree, index);
        let is_folded = children.is_empty();
        let (label, notes) = match node.what {
            What::Scope(scope) => {
                let pending = if is_folded { node.figures.pending } else { node.own_pending };
                let folded = if is_folded { notes::hidden_calls(&node.figures) } else { None };
                (scope_label(scope, place.kind, look), notes::scope(scope, folded, pending, look))
            }
            What::Call(call) => {
                let operation = look.clean(call.operation);
                (format!("{operation} {}", look.model(&call.model)), notes::call(call, look))
            }
            What::Charge(charge) => (format!("charge {}", look.clean(&charge.name)), notes::charge(&charge.charge)),
            What::Remote(remote) => (format!("remote {}", look.clean(&remote.name)), notes::remote(remote)),
        };
        let currency = if index == 0 { "$" } else { "" };
        self.rows.push(Row {
            name: format!("{}{label}", place.before),
            failed: node.is_failed(),
            numbers: numbers(&node.figures, cost, share, currency, look),
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
        let kind = children.iter().filter_map(|c| kind_width(tree.node(*c).what, look)).max().unwrap_or(0);
        for (i, (amount, share)) in amounts.into_iter().zip(shares).enumerate() {
            let place = place.under(i + 1 == costs.len(), kind, look);
            match (children.get(i), &rest) {
                (Some(child), _) => self.node(*child, place, amount, share),
                (None, Some(rest)) => self.rest(rest, place, amount, share),
                (None, None) => {}
            }
        }
    }

    fn rest(&mut self, rest: &Rest, place: Place, cost: Shown, share: Option<Share>) {
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
            name: format!("{}{} {label}", place.before, self.look.more),
            failed: false,
            numbers: numbers(figures, cost, share, "", self.look),
            tail: note,
        });
    }

    fn lay_out(&self) -> Vec<String> {
        let look = self.look;
        let mark = look.failed.width() + MARK_GAP;
        let name = |row: &Row| row.name.width() + if row.failed { mark } else { 0 };
        let names = self.rows.iter().map(name).max().unwrap_or(0);
        let tails = self.rows.iter().map(|row| row.tail.width()).max().unwrap_or(0);
        let (columns, room) = self.columns(names + tails);
        // Long names give way to long notes, down to their part of the room.
        let part = room * NAME_PART.0 / NAME_PART.1;
        let name = names.min(room.saturating_sub(tails).max(part));

        let mut head = Line::default();
        head.pad_to(name);
        columns.iter().for_each(|column| head.push_right(HEADS[column.index], column.width));
        head.push(format!("{}time", " ".repeat(TAIL_GAP)));
        let mut lines = vec![head.finish(look)];
        for row in &self.rows {
            let mut line = Line::default();
            let kept = if row.failed { name.saturating_sub(mark) } else { name };
            line.push(look.cut(&row.name, kept));
            if row.failed {
                line.push(" ".repeat(MARK_GAP));
                line.push_red(look.failed);
            }
            line.pad_to(name);
            columns.iter().for_each(|column| line.push_right(&row.numbers[column.index], column.width));
            line.push(" ".repeat(TAIL_GAP));
            line.push(look.cut_words(&row.tail, room - name));
            lines.push(line.finish(look));
        }
        lines
    }

    /// The columns of numbers that leave enough room for names and notes, which want so much; and that room.
    fn columns(&self, wanted: usize) -> (Vec<Column>, usize) {
        let column = |index: &usize| {
            // The total's `$` may reach into the space after the names; nothing else may.
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
            best = (columns, self.look.width.saturating_sub(taken));
            // A column of nothing but zeros gives way before any word does.
            let is_idle = set.contains(&CACHED) && self.rows.iter().all(|row| !has_count(&row.numbers[CACHED]));
            if best.1 >= if is_idle { wanted } else { wanted.min(MIN_ROOM) } {
                break;
            }
        }
        best
    }
}

fn has_count(number: &str) -> bool {
    !matches!(number, "" | "0" | "?")
}

/// A column of numbers that is shown, with the space before it.
#[derive(Debug)]
struct Column {
    index: usize,
    width: usize,
}

/// The cells of a row. What is not known is a word or a question mark, what does not apply is empty.
fn numbers(figures: &Figures, cost: Shown, share: Option<Share>, currency: &str, look: &Look) -> [String; 5] {
    let share = share.filter(|_| !figures.is_unknown()).map_or_else(String::new, Share::text);
    let Tokens { input, cached, output } = figures.tokens;
    let counts = [input, cached, output].map(|count| match figures {
        Figures { tokens_unknown: true, .. } => "?".to_owned(),
        Figures { calls: 0, .. } => String::new(),
        _ => tokens(count),
    });
    let [input, cached, output] = counts;
    [figures.cost_text(cost, currency, look), share, input, cached, output]
}

fn scope_label(scope: &ScopeRecord, kind_width: usize, look: &Look) -> String {
    let kind = kind(scope, look);
    let gap = match kind_width {
        0 => 1,
        width => width.saturating_sub(kind.width()) + 2,
    };
    format!("{kind}{}{}", " ".repeat(gap), look.clean(&scope.name))
}

fn kind_width(what: What<'_>, look: &Look) -> Option<usize> {
    match what {
        What::Scope(scope) => Some(kind(scope, look).width()),
        What::Call(_) | What::Charge(_) | What::Remote(_) => None,
    }
}

/// `agent`, `plan`, ...
pub(super) fn kind(scope: &ScopeRecord, look: &Look) -> String {
    match &scope.kind {
        ScopeKind::Task => "task".to_owned(),
        ScopeKind::Agent => "agent".to_owned(),
        ScopeKind::Step(kind) => look.cut(&look.clean(kind.as_str()), MAX_KIND).into_owned(),
    }
}
