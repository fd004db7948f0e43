//! Tables for people.

use serde_json::Value;

/// Rows of as many columns as it has titles, each as wide as it must be.
pub(super) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(titles: [&str; N]) -> Self {
        Self {
            rows: vec![titles.map(str::to_owned)],
        }
    }

    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    pub(super) fn print(&self) {
        print!("{}", self.lines());
    }

    fn lines(&self) -> String {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut lines = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(row) {
                line.push_str(&format!("{cell:width$}  "));
            }
            lines.push_str(line.trim_end());
            lines.push('\n');
        }
        lines
    }
}

/// A value as a cell; a dash where there is none.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        // From other machines, and on a terminal: nothing of it steers that.
        Value::String(text) => { text.chars() }
            .map(|c| if c.is_control() { '?' } else { c })
            .collect(),
        other => other.to_string(),
    }
}

/// A moment as a cell, to the second.
pub(super) fn time(value: &Value) -> String {
    match value.as_str().and_then(|text| text.split_once('.')) {
        Some((seconds, _)) => seconds.replace('T', " "),
        None => text(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let mut table = Table::new(["ZONE", "SERIAL"]);
        table.row([text(&json!("example.org")), text(&json!(7))]);
        table.row([text(&json!("a\u{1b}[2J")), text(&Value::Null)]);
        assert_eq!(
            table.lines(),
            "ZONE         SERIAL\nexample.org  7\na?[2J        -\n"
        );
    }

    #[test]
    fn moments_are_to_the_second() {
        assert_eq!(
            time(&json!("2026-11-22T08:00:00.123Z")),
            "2026-11-22 08:00:00"
        );
        assert_eq!(time(&Value::Null), "-");
    }
}
