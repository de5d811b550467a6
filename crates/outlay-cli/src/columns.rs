//! Text in columns.

use std::fmt::Write as _;

/// Rows of text under a head. Empty columns are left out.
pub(crate) struct Columns {
    head: Vec<&'static str>,
    /// The columns of numbers, which are right-aligned.
    numbers: std::ops::Range<usize>,
    rows: Vec<Vec<String>>,
}

impl Columns {
    pub(crate) fn new(head: Vec<&'static str>, numbers: std::ops::Range<usize>) -> Self {
        Self { head, numbers, rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn text(&self) -> String {
        let width = |column: usize| {
            let widest = self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            if widest == 0 { 0 } else { widest.max(self.head[column].len()) }
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let mut text = String::new();
        let mut line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = String::new();
            for (column, cell) in cells.enumerate().filter(|(column, _)| widths[*column] > 0) {
                let width = widths[column];
                // Writing to a string cannot fail.
                let _ = match self.numbers.contains(&column) {
                    true => write!(line, "{cell:>width$}  "),
                    false => write!(line, "{cell:<width$}  "),
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
        };
        line(&mut self.head.iter().copied());
        for row in &self.rows {
            line(&mut row.iter().map(String::as_str));
        }
        text
    }
}
