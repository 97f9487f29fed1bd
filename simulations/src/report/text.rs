//! The report as people read it. The command that repeats the run comes first and last.

use super::{Report, Traffic};
use core::fmt;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.command)?;
        self.verdict_lines(f)?;
        self.time_lines(f)?;
        self.group_lines(f)?;
        traffic_lines(&self.traffic, f)?;
        self.machine_lines(f)?;
        writeln!(f, "\n{}", self.command)
    }
}

impl Report {
    fn verdict_lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = &self.verdict;
        let word = if verdict.ok { "ok" } else { "FAILED" };
        let (completed, of, faults) = (verdict.completed, verdict.of, verdict.faults);
        writeln!(f, "verdict     {word}: {completed} of {of} restores completed, {faults} faults")?;
        if let Some(stopped) = &verdict.stopped {
            writeln!(f, "stopped     {stopped}")?;
        }
        verdict.first_faults.iter().try_for_each(|fault| writeln!(f, "  fault     {fault}"))
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
        let rows = [
            ("makespan", took.makespan_us, took.makespan_ratio),
            ("p50", took.p50_us, took.p50_ratio),
            ("p99", took.p99_us, took.p99_ratio),
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
            let jobs = group.jobs;
            match &group.completion {
                None => writeln!(f, "  {:<9} 0 of {jobs}", group.name)?,
                Some(took) => writeln!(
                    f,
                    "  {:<9} {} of {jobs}: p50 {}, p99 {}",
                    group.name,
                    took.completed,
                    Seconds(took.p50_us),
                    Seconds(took.p99_us)
                )?,
            }
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

fn traffic_lines(traffic: &Traffic, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "seed gave   {:.3} copies of {} bytes", traffic.seed_copies, traffic.copy_bytes)?;
    writeln!(
        f,
        "jobs got    {} bytes from peers, {} from the seed, {} from their own node",
        traffic.peer_bytes, traffic.seed_bytes, traffic.local_bytes
    )?;
    writeln!(
        f,
        "waste       {} bytes twice, {} too late: {}; {} of junk",
        traffic.duplicate_bytes,
        traffic.late_bytes,
        Percent(traffic.waste_share),
        traffic.junk_bytes
    )?;
    writeln!(
        f,
        "control     {} messages, {} bytes: {} of the chunks' bytes, {:.1} for each node and second",
        traffic.messages,
        traffic.message_bytes,
        Percent(traffic.message_share),
        traffic.messages_per_node_second
    )
}

/// Microseconds, shown in seconds.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0 / 1_000_000, self.0 / 1_000 % 1_000)
    }
}

struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} %", self.0 * 100.0)
    }
}
