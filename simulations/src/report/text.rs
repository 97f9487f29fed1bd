//! The report as people read it. The command that repeats the run comes first and last.

use super::numbers::{Bytes, Percent, Seconds, counted};
use super::{Judged, Report, Traffic};
use crate::scenario::{Figure, Unit};
use core::fmt;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.command)?;
        self.verdict_lines(f)?;
        self.time_lines(f)?;
        self.group_lines(f)?;
        traffic_lines(&self.traffic, f)?;
        self.crossings.iter().try_for_each(|one| {
            writeln!(
                f,
                "crossed     {} to {}: {:.3} copies, {}",
                one.from,
                one.to,
                one.copies,
                Bytes(one.bytes)
            )
        })?;
        writeln!(f, "fairness    Gini {:.3} of what {} nodes gave", self.fairness.gini, self.fairness.nodes)?;
        self.calibration.iter().try_for_each(|one| writeln!(f, "calibrated  {}", one.short()))?;
        self.machine_lines(f)?;
        writeln!(f, "\n{}", self.command)
    }
}

impl Report {
    fn verdict_lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = &self.verdict;
        let word = if verdict.ok { "ok".to_owned() } else { format!("FAILED ({})", verdict.class.name()) };
        let (completed, of, violations) = (verdict.completed, verdict.of, verdict.violations);
        let gone =
            if verdict.gone > 0 { format!(", {} went with their node", verdict.gone) } else { String::new() };
        writeln!(
            f,
            "verdict     {word}: {completed} of {of} restores completed{gone}, {}",
            counted(violations, "violation")
        )?;
        if let Some(stopped) = &verdict.stopped {
            writeln!(f, "stopped     {stopped}")?;
        }
        verdict.first_violations.iter().try_for_each(|one| writeln!(f, "  violation {one}"))?;
        self.notes.iter().try_for_each(|one| writeln!(f, "note        {one}"))?;
        verdict.expectations.iter().try_for_each(|one| writeln!(f, "expected    {one}"))?;
        self.coverage_line(f)
    }

    /// What the run went through, and what it did not that it should have.
    fn coverage_line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.verdict.coverage.iter().filter(|one| one.is_told());
        let told = told.map(|one| {
            let missing = if one.is_missing() { " (MISSING)" } else { "" };
            format!("{} {}{missing}", one.what.name(), one.count)
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() { Ok(()) } else { writeln!(f, "coverage    {}", told.join(", ")) }
    }

    fn time_lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = &self.bound;
        writeln!(f, "published   {} after the start", Seconds(self.publish_us))?;
        writeln!(
            f,
            "bound       {} (seed {}, downlink {}, crowd {})",
            Seconds(bound.total_us),
            Seconds(bound.seed_us),
            Seconds(bound.down_us),
            Seconds(bound.crowd_us)
        )?;
        let Some(took) = &self.completion else { return Ok(()) };
        if u64::from(took.completed) < self.verdict.of {
            writeln!(f, "of those that completed:")?;
        }
        let rows = [
            ("makespan", took.makespan_us, took.makespan_ratio),
            ("p50", took.p50_us, took.p50_ratio),
            ("p99", took.p99_us, took.p99_ratio),
            ("max", took.max_us, took.max_ratio),
        ];
        for (name, micros, ratio) in rows {
            writeln!(f, "{name:<11} {} = {ratio:.3} x the bound", Seconds(micros))?;
        }
        Ok(())
    }

    /// Where there is more than one, or one that is not honest.
    fn group_lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.groups.len() < 2 {
            return Ok(());
        }
        for group in &self.groups {
            write!(f, "  {:<9} {} of {}", group.label(), group.completed(), group.jobs)?;
            let those = if u64::from(group.completed()) < group.jobs { " of those" } else { "" };
            if let Some(took) = &group.completion {
                write!(f, ": p50 {}, p99 {}{those}", Seconds(took.p50_us), Seconds(took.p99_us))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }

    fn machine_lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "trace       {} ({} facts, {} events)",
            self.trace.digest, self.trace.facts, self.events
        )?;
        let Some(speed) = &self.speed else { return Ok(()) };
        writeln!(
            f,
            "simulator   {} of CPU: {} chunk transfers and {} events each second of it",
            Seconds(speed.cpu_us),
            speed.transfers_per_second,
            speed.events_per_second
        )
    }
}

impl fmt::Display for Judged {
    /// `p99-ratio of crowd at most 1.3: 1.214, met`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = &self.expectation;
        f.write_str(one.figure.name())?;
        one.group.iter().try_for_each(|group| write!(f, " of {group}"))?;
        let limit = |amount: crate::scenario::Amount| Amount(one.figure, amount.value());
        one.at_least.iter().try_for_each(|least| write!(f, " at least {}", limit(*least)))?;
        one.at_most.iter().try_for_each(|most| write!(f, " at most {}", limit(*most)))?;
        match self.value {
            None => f.write_str(": there is none")?,
            Some(value) => write!(f, ": {}", Amount(one.figure, value))?,
        }
        f.write_str(if self.met { ", met" } else { ", MISSED" })
    }
}

/// A figure's value, in its unit.
pub(super) struct Amount(pub(super) Figure, pub(super) f64);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(figure, value) = *self;
        match figure.unit() {
            Unit::Seconds => write!(f, "{} s", trimmed(value, 3)),
            Unit::Share => write!(f, "{} %", trimmed(value * 100.0, 2)),
            Unit::Times | Unit::Number => f.write_str(&trimmed(value, 3)),
        }
    }
}

/// Without zeros at the end.
fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    trimmed.to_owned()
}

fn traffic_lines(traffic: &Traffic, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "seed gave   {:.3} copies of {}", traffic.seed_copies, Bytes(traffic.copy_bytes))?;
    writeln!(
        f,
        "jobs got    {} from peers, {} from the seed, {} from their own node",
        Bytes(traffic.peer_bytes),
        Bytes(traffic.seed_bytes),
        Bytes(traffic.local_bytes)
    )?;
    writeln!(
        f,
        "waste       {} twice, {} too late: {}; {} of junk",
        Bytes(traffic.duplicate_bytes),
        Bytes(traffic.late_bytes),
        Percent(traffic.waste_share),
        Bytes(traffic.junk_bytes)
    )?;
    writeln!(
        f,
        "control     {} messages, {}: {} of the chunks' bytes, {:.1} for each node and second",
        traffic.messages,
        Bytes(traffic.message_bytes),
        Percent(traffic.message_share),
        traffic.messages_per_node_second
    )
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn the_report_as_people_read_it() {
        insta::assert_snapshot!(fixture::report().to_string());
    }

    #[test]
    fn a_run_of_which_nothing_came() {
        insta::assert_snapshot!(fixture::nothing().to_string());
    }

    #[test]
    fn who_did_not_complete_is_told_of_by_group() {
        let text = fixture::in_part().to_string();
        let lines = [
            "3 of 9 restores completed, 6 violations\n",
            "  violation thin: 3 of 3 jobs gave up",
            "of those that completed:\nmakespan ",
            "  crowd     3 of 6: p50 2.000 s, p99 2.500 s of those\n",
            "  thin      0 of 3\n  liars (junk, not counted) 0 of 3\n",
        ];
        for line in lines {
            assert!(text.contains(line), "{line}: {text}");
        }
    }

    #[test]
    fn amounts_have_their_units() {
        let shown = |figure, value| Amount(figure, value).to_string();
        assert_eq!(shown(Figure::P50, 1.25), "1.25 s");
        assert_eq!(shown(Figure::JunkShare, 0.0123), "1.23 %");
        assert_eq!(shown(Figure::Bans, 100.0), "100");
        assert_eq!(shown(Figure::P50Ratio, 1.0), "1");
    }
}
