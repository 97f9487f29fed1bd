//! Tables as one page of HTML that needs nothing else: no script, no font, no other file.

use crate::report::Report;
use crate::table::{Row, Table, Verdict};

/// A page must not load, send or run anything, whatever stands in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const STYLE: &str = include_str!("page.css");

/// The whole page.
pub(crate) fn html(report: &Report) -> String {
    let mut page = Page::default();
    page.add("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>");
    page.add("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>");
    page.add(&format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"/>"));
    page.add(&format!("<title>Pollux, measured</title><style>{STYLE}</style></head><body><main>"));
    page.line("h1", "Pollux, measured");
    report.about().iter().for_each(|line| page.line("p", line));
    report.tables.iter().for_each(|table| page.table(table));
    page.add("</main></body></html>\n");
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn add(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    /// Text from anywhere.
    fn text(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '&' => self.add("&amp;"),
                '<' => self.add("&lt;"),
                '>' => self.add("&gt;"),
                '"' => self.add("&quot;"),
                '\'' => self.add("&#39;"),
                letter => self.0.push(letter),
            }
        }
    }

    fn line(&mut self, name: &str, text: &str) {
        self.add(&format!("<{name}>"));
        self.text(text);
        self.add(&format!("</{name}>\n"));
    }

    fn cell(&mut self, text: &str, class: &str) {
        self.add(&format!("<td class=\"{class}\">"));
        self.text(text);
        self.add("</td>");
    }

    fn table(&mut self, table: &Table) {
        self.add("<section>");
        self.line("h2", &format!("{} ({} rounds)", table.title, table.rounds));
        table.about.iter().for_each(|line| self.line("p", line));
        if !table.missing.is_empty() {
            self.line("p", &format!("Not there, and so not compared with: {}.", table.missing.join(", ")));
        }
        self.verdicts(&table.verdicts);
        self.plots(table);
        self.rows(&table.rows);
        self.line("p", "The command that measures this again:");
        self.line("pre", &table.command);
        self.add("</section>\n");
    }

    fn verdicts(&mut self, verdicts: &[Verdict]) {
        self.head(&["", "measured", "", "bar", "", "CPU"]);
        for verdict in verdicts {
            self.add("<tr>");
            self.row_head(&verdict.what);
            self.cell(&format!("{:.3}", verdict.value), "number");
            self.cell(&verdict.unit, "");
            self.cell(&verdict.bar.map_or_else(String::new, |bar| bar.to_string()), "number");
            self.cell(verdict.word(), if verdict.is_met() == Some(false) { "missed" } else { "met" });
            self.cell(&verdict.cpu_share.map_or_else(String::new, |share| format!("{share:.2}x")), "number");
            self.add("</tr>");
        }
        self.add("</tbody></table></div>\n");
    }

    /// What is measured side by side has one scale: a bar to the median, a line over the spread.
    fn plots(&mut self, table: &Table) {
        let mut rest: &[Row] = &table.rows;
        while let Some(first) = rest.first() {
            let end = rest.iter().position(|row| row.group != first.group).unwrap_or(rest.len());
            let (group, after) = rest.split_at(end);
            self.plot(group);
            rest = after;
        }
    }

    fn plot(&mut self, rows: &[Row]) {
        let most = rows.iter().map(|row| row.wall.most).fold(f64::MIN_POSITIVE, f64::max);
        let share = |seconds: f64| 100.0 * seconds / most;
        self.add("<div class=\"plot\">");
        for row in rows {
            let class = if row.name.starts_with(' ') { "theirs" } else { "ours" };
            self.add("<div class=\"name\">");
            self.text(row.name.trim());
            let (from, to) = (share(row.wall.least), share(row.wall.most));
            let bar =
                format!("<div class=\"bar {class}\" style=\"width:{:.2}%\"></div>", share(row.wall.median));
            let spread =
                format!("<div class=\"spread\" style=\"left:{from:.2}%;width:{:.2}%\"></div>", to - from);
            self.add(&format!("</div><div class=\"track\">{bar}{spread}</div><div class=\"value\">"));
            self.text(&format!("{:.3} s", row.wall.median));
            self.add("</div>");
        }
        self.add("</div>\n");
    }

    fn rows(&mut self, rows: &[Row]) {
        self.head(&["", "wall s", "least", "most", "CPU s", "MB", "command"]);
        for row in rows {
            self.add("<tr>");
            self.row_head(row.name.trim());
            for figure in [row.wall.median, row.wall.least, row.wall.most, row.cpu.median] {
                self.cell(&format!("{figure:.3}"), "number");
            }
            let bytes = row.bytes.map_or_else(String::new, |bytes| format!("{:.2}", bytes.median / 1e6));
            self.cell(&bytes, "number");
            self.cell(&row.command, "command");
            self.add("</tr>");
        }
        self.add("</tbody></table></div>\n");
    }

    /// A wide table scrolls by itself.
    fn head(&mut self, names: &[&str]) {
        self.add("<div class=\"wide\" tabindex=\"0\"><table><thead><tr>");
        for name in names {
            self.add("<th scope=\"col\">");
            self.text(name);
            self.add("</th>");
        }
        self.add("</tr></thead><tbody>");
    }

    fn row_head(&mut self, text: &str) {
        self.add("<th scope=\"row\">");
        self.text(text);
        self.add("</th>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::table;

    fn page(title: &str) -> String {
        html(&Report::of(vec![Table { title: title.to_owned(), ..table() }]))
    }

    #[test]
    fn every_figure_is_on_the_page_and_what_is_missed_stands_out() {
        let page = page("few");
        for part in [
            "few (3 rounds)",
            "2.000",
            "x faster",
            "&gt;= 1.200",
            "class=\"missed\">MISSED",
            "tar -c . | zstd",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert_eq!(page.matches("class=\"bar ").count(), 2);
    }

    #[test]
    fn no_text_gets_out_of_its_place_and_nothing_is_loaded() {
        let page = page("<script>alert('1')</script>");
        assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)") && !page.contains("<script"));
        for word in ["src=", "href=", "url(", "@import", "http:", "https:"] {
            assert!(!page.contains(word), "{word}");
        }
    }
}
