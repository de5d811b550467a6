//! The cost tree as text: a header, the table of the tree, a summary.

mod failure_causes;
mod figures;
mod header;
mod line;
mod model_rows;
mod notes;
mod numbers;
mod rounded_usd;
mod rows;
mod summary;

mod theme;
mod tree;
mod visible_nodes;

use std::fmt;

use crate::{Report, Style};
use theme::Theme;
use tree::Tree;

/// The minimum number of rows of the table, if the tree has as many.
const MIN_ROWS: usize = 5;

impl Report {
    /// Returns the cost tree as text, without a trailing newline.
    pub fn render(&self, style: Style) -> String {
        let theme = Theme::new(style);
        let tree = Tree::new(&self.record().root);
        let mut lines = header::lines(self, &tree, &theme);
        let summary = summary::lines(self, &tree, &theme);
        // The blank lines before and after the table, and its head.
        let around = lines.len() + summary.len() + 3;
        let rows = style.max_lines.saturating_sub(around).max(MIN_ROWS);
        lines.push(String::new());
        if tree.root().is_empty_task() {
            lines.push("nothing was called and nothing charged".to_owned());
        } else {
            lines.extend(rows::lines(&tree, rows, &theme));
        }
        if !summary.is_empty() {
            lines.push(String::new());
            lines.extend(summary);
        }
        lines.join("\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Style::detect()))
    }
}
