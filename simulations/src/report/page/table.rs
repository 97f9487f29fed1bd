//! Tables: the same numbers for those who do not see the plots, and what is no plot.

use super::markup::{Attributes, Markup};

/// Rows that a plot tells of.
const ROWS_MAX: usize = 12;

/// See the module. The first cell of each row says what the row is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(head: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self { head: head.iter().map(|&text| text.to_owned()).collect(), rows }
    }

    /// Of so many rows only a few, as far apart from each other, the last among them.
    pub(super) fn of_some(head: &[&str], count: usize, row: impl Fn(usize) -> Vec<String>) -> Self {
        let apart = count.div_ceil(ROWS_MAX).max(1);
        let mut places: Vec<usize> = (0..count).rev().step_by(apart).collect();
        places.reverse();
        Self::new(head, places.into_iter().map(row).collect())
    }

    pub(super) fn write(&self, page: &mut Markup) {
        // It may be wider than a narrow window, and scrolls by itself then.
        page.element("div", &[("class", "wide"), ("tabindex", "0")], |page| {
            page.element("table", &[], |page| self.write_rows(page));
        });
    }

    fn write_rows(&self, page: &mut Markup) {
        page.element("thead", &[], |page| {
            page.element("tr", &[], |page| {
                self.head.iter().for_each(|text| page.line("th", &[("scope", "col")], text));
            });
        });
        page.element("tbody", &[], |page| self.rows.iter().for_each(|row| write_row(page, row)));
    }
}

fn write_row(page: &mut Markup, row: &[String]) {
    page.element("tr", &[], |page| {
        let Some((first, rest)) = row.split_first() else { return };
        page.line("th", &[("scope", "row")], first);
        rest.iter().for_each(|text| page.line("td", class(text), text));
    });
}

/// What is well or not stands out.
fn class(text: &str) -> Attributes<'static> {
    match text {
        "met" | "reached" => &[("class", "met")],
        "MISSED" | "MISSING" => &[("class", "missed")],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_rows_some_are_shown_with_the_last() {
        let shown = |count| {
            let table = Table::of_some(&["n"], count, |place| vec![place.to_string()]);
            table.rows.into_iter().flatten().collect::<Vec<_>>()
        };
        assert_eq!(shown(3), ["0", "1", "2"]);
        let many = shown(256);
        assert_eq!((many.len(), many.last().map(String::as_str)), (12, Some("255")));
        assert!(shown(0).is_empty());
    }
}
