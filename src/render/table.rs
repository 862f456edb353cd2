//! Columns that line up.

use std::fmt;

use super::style::{Style, Tone, clean, columns, wrap};

/// A sentence is not squeezed into fewer columns than this: it is put below its row instead.
const MIN_LAST_COLUMN: usize = 36;

/// Indentation of what is put below a row.
const BELOW: usize = 4;

/// Between two columns.
const GAP: usize = 2;

/// Text with a tone.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

/// A cell with `text` in `tone`.
pub(super) fn cell(tone: Tone, text: impl fmt::Display) -> Cell {
    Cell {
        text: clean(&text.to_string()).into_owned(),
        tone,
    }
}

/// Rows of cells. Every column but the last of a row is as wide as its widest cell; the last one is wrapped.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Appends a row.
    pub(super) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    /// Appends a row of as many cells as there are.
    pub(super) fn row_of(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// All lines, each `indent` columns from the left, without spaces at their end.
    pub(super) fn lines(&self, style: Style, indent: usize) -> Vec<String> {
        let widths = self.widths();
        self.rows
            .iter()
            .flat_map(|row| row_lines(row, &widths, style, indent))
            .collect()
    }

    /// The widest cell of every column, last cells of their rows left out.
    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for row in &self.rows {
            for (column, cell) in row.iter().take(row.len().saturating_sub(1)).enumerate() {
                if widths.len() <= column {
                    widths.push(0);
                }
                widths[column] = widths[column].max(columns(&cell.text));
            }
        }
        widths
    }
}

fn row_lines(row: &[Cell], widths: &[usize], style: Style, indent: usize) -> Vec<String> {
    let Some((last, cells)) = row.split_last() else {
        return vec![String::new()];
    };
    let mut line = " ".repeat(indent);
    let mut start = indent;
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(&style.paint(cell.tone, &cell.text));
        line.push_str(&" ".repeat(width - columns(&cell.text) + GAP));
        start += width + GAP;
    }
    let room = style.width.saturating_sub(start);
    if !cells.is_empty() && room < MIN_LAST_COLUMN.min(columns(&last.text)) {
        let below = indent + BELOW;
        let sentence = wrap(&last.text, style.width.saturating_sub(below));
        let head = std::iter::once(line.trim_end().to_owned()).filter(|head| !head.is_empty());
        return head
            .chain(sentence.iter().map(|text| hanging(below, last.tone, text, style)))
            .collect();
    }
    let mut rest = wrap(&last.text, room).into_iter();
    line.push_str(&style.paint(last.tone, rest.next().unwrap_or_default()));
    let mut lines = vec![line.trim_end().to_owned()];
    lines.extend(rest.map(|text| hanging(start, last.tone, &text, style)));
    lines
}

fn hanging(indent: usize, tone: Tone, text: &str, style: Style) -> String {
    format!("{}{}", " ".repeat(indent), style.paint(tone, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_the_script_and_the_last_one_wraps() {
        let mut table = Table::default();
        table.row([
            cell(Tone::Plain, "日本"),
            cell(Tone::Strong, "x"),
            cell(Tone::Plain, "one"),
        ]);
        table.row([
            cell(Tone::Plain, "a"),
            cell(Tone::Plain, "longer"),
            cell(Tone::Plain, "a sentence that does not fit on this line"),
        ]);
        table.row([cell(Tone::Plain, "alone")]);
        let style = Style {
            color: false,
            width: 52,
        };
        insta::assert_snapshot!(table.lines(style, 2).join("\n"), @"
        日本  x       one
        a     longer  a sentence that does not fit on this
                      line
        alone
        ");
    }

    #[test]
    fn a_sentence_without_room_beside_its_row_stands_below_it() {
        let mut table = Table::default();
        table.row([
            cell(Tone::Strong, "a-rather-long-name"),
            cell(Tone::Plain, "waits"),
            cell(Tone::Plain, "a sentence that does not fit on this line"),
        ]);
        table.row([
            cell(Tone::Strong, "b"),
            cell(Tone::Plain, "on air"),
            cell(Tone::Plain, "short"),
        ]);
        let style = Style {
            color: false,
            width: 44,
        };
        insta::assert_snapshot!(table.lines(style, 2).join("\n"), @"
        a-rather-long-name  waits
            a sentence that does not fit on this
            line
        b                   on air  short
        ");
    }
}
