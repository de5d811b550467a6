//! The cost tree as text: a header, the table of the tree, a summary.

mod figures;
mod fold;
mod header;
mod line;
mod look;
mod models;
mod money;
mod notes;
mod numbers;
mod summary;
mod table;
mod tree;
mod waste;

use crate::{Report, Style};
use look::Look;
use tree::Tree;

/// However few lines are asked for, the table has this many rows if the tree does.
const MIN_ROWS: usize = 5;

pub(crate) fn render(report: &Report, style: Style) -> String {
    let look = Look::new(style);
    let tree = Tree::of(&report.record().root);
    let mut lines = header::lines(report, &tree, &look);
    let summary = summary::lines(report, &tree, &look);
    // Blank lines before and after the table, and its head.
    let around = lines.len() + summary.len() + 3;
    let rows = style.max_lines.saturating_sub(around).max(MIN_ROWS);
    lines.push(String::new());
    if tree.root().is_empty_task() {
        lines.push("nothing was called and nothing charged".to_owned());
    } else {
        lines.extend(table::lines(&tree, rows, &look));
    }
    if !summary.is_empty() {
        lines.push(String::new());
        lines.extend(summary);
    }
    lines.join("\n")
}
