//! Lines of a report. Parts of a line may be red.

use unicode_width::UnicodeWidthStr;

use super::theme::Theme;

const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";

#[derive(Debug, Default)]
pub(super) struct Line {
    parts: Vec<Part>,
    width: usize,
}

#[derive(Debug)]
struct Part {
    text: String,
    red: bool,
}

/// A text on a line, and its distance from the text before it.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) gap: usize,
    pub(super) text: String,
    pub(super) red: bool,
}

impl Line {
    pub(super) const fn width(&self) -> usize {
        self.width
    }

    pub(super) fn push(&mut self, text: impl Into<String>) {
        self.push_coloured(text.into(), false);
    }

    pub(super) fn push_red(&mut self, text: impl Into<String>) {
        self.push_coloured(text.into(), true);
    }

    /// Adds spaces up to `column`.
    pub(super) fn pad_to(&mut self, column: usize) {
        self.push(" ".repeat(column.saturating_sub(self.width)));
    }

    /// Adds `text`, right-aligned so that it ends `width` columns from here.
    pub(super) fn push_right(&mut self, text: &str, width: usize) {
        self.pad_to((self.width + width).saturating_sub(text.width()));
        self.push(text);
    }

    pub(super) fn push_piece(&mut self, piece: Piece) {
        self.pad_to(self.width + piece.gap);
        self.push_coloured(piece.text, piece.red);
    }

    /// Returns the line as text, cut to the theme's width and without trailing spaces.
    pub(super) fn finish(mut self, theme: &Theme) -> String {
        while let Some(last) = self.parts.last_mut() {
            last.text.truncate(last.text.trim_end().len());
            if !last.text.is_empty() {
                break;
            }
            self.parts.pop();
        }
        let mut text = String::new();
        let mut room = theme.width;
        for part in &self.parts {
            let kept = theme.cut(&part.text, room);
            if kept.is_empty() {
                break;
            }
            if part.red && theme.colour {
                text.extend([RED, &kept, RESET]);
            } else {
                text.push_str(&kept);
            }
            room = room.saturating_sub(kept.width());
            if kept.len() < part.text.len() {
                break;
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn push_coloured(&mut self, text: String, red: bool) {
        if !text.is_empty() {
            self.width += text.width();
            self.parts.push(Part { text, red });
        }
    }
}

impl Piece {
    pub(super) fn new(gap: usize, text: impl Into<String>) -> Self {
        Self { gap, text: text.into(), red: false }
    }

    pub(super) const fn red_if(mut self, red: bool) -> Self {
        self.red = red;
        self
    }
}

/// The width of the column of labels.
pub(super) const LABEL_WIDTH: usize = 14;

/// Returns the gap before the piece `i` of a line: the first one follows the label.
pub(super) const fn gap(i: usize) -> usize {
    if i == 0 { 0 } else { 3 }
}

/// Lays out pieces after a label on up to `max_lines` lines. The last line says how many pieces do not fit.
pub(super) fn wrap(label: &str, pieces: Vec<Piece>, indent: usize, max_lines: usize, theme: &Theme) -> Vec<Line> {
    let mut line = Line::default();
    line.push(label);
    let mut lines = vec![line];
    let mut begun = false;
    let mut left = pieces.len();
    for mut piece in pieces {
        left -= 1;
        let is_last = lines.len() == max_lines;
        let more = |count: usize| format!("{} {count} more", theme.ellipsis);
        // Keep room for that count while pieces are left.
        let kept = if is_last && left > 0 { 3 + more(left).width() } else { 0 };
        let Some(line) = lines.last_mut() else { break };
        if !begun || line.width() + piece.gap + piece.text.width() + kept <= theme.width {
            piece.gap = if begun { piece.gap } else { 0 };
            line.push_piece(piece);
        } else if is_last {
            line.push_piece(Piece::new(3, more(left + 1)));
            break;
        } else {
            let mut line = Line::default();
            line.pad_to(indent);
            let kept = if lines.len() + 1 == max_lines && left > 0 { 3 + more(left).width() } else { 0 };
            let text = theme.cut(&piece.text, theme.width.saturating_sub(indent + kept)).into_owned();
            line.push_piece(Piece { gap: 0, text, ..piece });
            lines.push(line);
        }
        begun = true;
    }
    lines
}
