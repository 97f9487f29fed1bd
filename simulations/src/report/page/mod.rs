//! The report as one page of HTML that needs nothing else: no script, no font, no other file. The command that repeats the
//! run comes first and last, as in the text.
//!
//! ```text
//! mod     the page from top to bottom
//! plots   what is plotted
//! plot    axes, layers, legend, table: as SVG
//! table   axis
//! markup  well-formed, escaped
//! style
//! ```

mod axis;
mod markup;
mod plot;
mod plots;
mod style;
mod table;

use super::numbers::{Bytes, Seconds, counted};
use super::text::Amount;
use super::{Covered, Crossing, GroupReport, Judged, Report};
use crate::scenario::{Amount as Limit, Figure};
use markup::Markup;
use table::Table;

/// A page must not load, send or run anything, whatever stands in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

impl Report {
    /// One page of HTML that needs nothing else.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut page = Markup::default();
        page.raw("<!DOCTYPE html>\n");
        page.element("html", &[("lang", "en")], |page| {
            page.element("head", &[], |page| self.write_head(page));
            page.element("body", &[], |page| page.element("main", &[], |page| self.write_main(page)));
        });
        page.raw("\n");
        page.finish()
    }

    fn write_head(&self, page: &mut Markup) {
        page.empty("meta", &[("charset", "utf-8")]);
        page.empty("meta", &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)]);
        page.empty("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
        page.line("title", &[], &format!("pollux-sim: {}", self.verdict_words()));
        page.element("style", &[], |page| page.raw(style::STYLE));
    }

    fn write_main(&self, page: &mut Markup) {
        self.write_command(page);
        page.line("h1", &[], "A fleet in virtual time");
        page.line("p", &[], &self.scenario.about);
        self.write_verdict(page);
        page.element("div", &[("class", "tables")], |page| {
            self.write_expectations(page);
            self.write_figures(page);
        });
        self.write_plots(page);
        self.write_calibration(page);
        page.line("h2", &[], "The scenario in full");
        page.line("pre", &[("tabindex", "0")], &self.scenario_text());
        self.write_machine(page);
        self.write_command(page);
    }

    fn write_command(&self, page: &mut Markup) {
        page.line("p", &[("class", "soft")], "What repeats this run:");
        page.element("p", &[("class", "command")], |page| page.line("code", &[], &self.command));
    }

    fn verdict_words(&self) -> String {
        let verdict = &self.verdict;
        if verdict.ok { "ok".to_owned() } else { format!("FAILED ({})", verdict.class.name()) }
    }

    fn write_verdict(&self, page: &mut Markup) {
        let verdict = &self.verdict;
        let class = if verdict.ok { "verdict" } else { "verdict failed" };
        let gone =
            if verdict.gone > 0 { format!(", {} went with their node", verdict.gone) } else { String::new() };
        let told = format!(
            "{} of {} restores completed{gone}; {}.",
            verdict.completed,
            verdict.of,
            counted(verdict.violations, "violation")
        );
        page.element("section", &[("class", class), ("id", "verdict")], |page| {
            page.line("strong", &[], &format!("Verdict: {}", self.verdict_words()));
            page.line("p", &[], &told);
            verdict.stopped.iter().for_each(|why| page.line("p", &[], &format!("The run was ended: {why}.")));
            write_violations(page, &verdict.first_violations);
            self.notes
                .iter()
                .for_each(|note| page.line("p", &[("class", "soft")], &format!("Note: {note}.")));
        });
    }

    fn write_expectations(&self, page: &mut Markup) {
        let verdict = &self.verdict;
        if !verdict.expectations.is_empty() {
            let rows = verdict.expectations.iter().map(expectation_row).collect();
            let head = ["figure", "at least", "at most", "came", ""];
            write_table(page, "Expectations", &Table::new(&head, rows));
        }
        let told = verdict.coverage.iter().filter(|one| one.is_told());
        let rows: Vec<Vec<String>> = told.map(coverage_row).collect();
        if !rows.is_empty() {
            write_table(
                page,
                "What the run went through",
                &Table::new(&["what", "how often", "wanted"], rows),
            );
        }
    }

    fn write_figures(&self, page: &mut Markup) {
        let row = |(figure, value): (Figure, f64)| {
            vec![figure.name().to_owned(), Amount(figure, value).to_string()]
        };
        let rows = self.figures.iter().map(row).collect();
        write_table(page, "Figures", &Table::new(&["of the whole run", ""], rows));
        if self.groups.len() > 1 {
            let head = ["group", "jobs", "completed", "p50", "p99", "max", "makespan / bound"];
            write_table(page, "Groups", &Table::new(&head, self.groups.iter().map(group_row).collect()));
        }
        if !self.crossings.is_empty() {
            let rows = self.crossings.iter().map(crossing_row).collect();
            write_table(page, "Between zones", &Table::new(&["from, to", "copies", "bytes"], rows));
        }
    }

    fn write_plots(&self, page: &mut Markup) {
        page.line("h2", &[], "Plots");
        page.element("div", &[("class", "plots")], |page| {
            plots::plots(self).iter().for_each(|plot| plot.write(page));
        });
    }

    fn write_calibration(&self, page: &mut Markup) {
        page.line("h2", &[], "How far the model is from reality");
        self.calibration.iter().for_each(|one| page.line("p", &[], &format!("Measured {one}.")));
    }

    fn scenario_text(&self) -> String {
        toml::to_string(&self.scenario).unwrap_or_else(|error| error.to_string())
    }

    fn write_machine(&self, page: &mut Markup) {
        let trace = format!(
            "Trace {} of {} facts, {} events. Equal digests mean equal runs.",
            self.trace.digest, self.trace.facts, self.events
        );
        page.line("h2", &[], "The run itself");
        page.line("p", &[], &trace);
        if let Some(speed) = &self.speed {
            let told = format!(
                "It took {} of CPU: {} chunk transfers and {} events each second of it.",
                Seconds(speed.cpu_us),
                speed.transfers_per_second,
                speed.events_per_second
            );
            page.line("p", &[], &told);
        }
    }
}

fn write_violations(page: &mut Markup, violations: &[String]) {
    if !violations.is_empty() {
        page.element("ul", &[], |page| violations.iter().for_each(|one| page.line("li", &[], one)));
    }
}

fn write_table(page: &mut Markup, title: &str, table: &Table) {
    page.element("section", &[], |page| {
        page.line("h2", &[], title);
        table.write(page);
    });
}

fn expectation_row(one: &Judged) -> Vec<String> {
    let expectation = &one.expectation;
    let of = expectation.group.as_ref().map_or_else(String::new, |group| format!(" of {group}"));
    let shown = |value: Option<f64>| {
        value.map_or_else(String::new, |value| Amount(expectation.figure, value).to_string())
    };
    vec![
        format!("{}{of}", expectation.figure.name()),
        shown(expectation.at_least.map(Limit::value)),
        shown(expectation.at_most.map(Limit::value)),
        one.value.map_or_else(|| "none".to_owned(), |value| shown(Some(value))),
        if one.met { "met" } else { "MISSED" }.to_owned(),
    ]
}

fn coverage_row(one: &Covered) -> Vec<String> {
    let wanted = if one.is_missing() {
        "MISSING"
    } else if one.wanted {
        "reached"
    } else {
        ""
    };
    vec![one.what.name().to_owned(), one.count.to_string(), wanted.to_owned()]
}

fn group_row(group: &GroupReport) -> Vec<String> {
    let mut row = vec![group.label(), group.jobs.to_string(), group.completed().to_string()];
    if let Some(took) = &group.completion {
        row.extend([took.p50_us, took.p99_us, took.max_us].map(|time| Seconds(time).to_string()));
        row.push(format!("{:.3}", took.makespan_ratio));
    }
    row
}

fn crossing_row(one: &Crossing) -> Vec<String> {
    let Crossing { from, to, bytes, copies } = one;
    vec![format!("{from} to {to}"), format!("{copies:.3}"), Bytes(*bytes).to_string()]
}

#[cfg(test)]
mod tests;
