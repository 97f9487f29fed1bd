//! Tables as people read them.

use crate::table::{Bar, Row, Table, Verdict};
use core::fmt;

/// What less than this of the CPU did is not told.
const PART_LEAST: f64 = 0.05;

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{} ({} rounds)", self.title, self.rounds)?;
        self.about.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        if !self.missing.is_empty() {
            writeln!(f, "  not here, and so not compared with: {}", self.missing.join(", "))?;
        }
        writeln!(f, "\n{:38}{:>9}{:>17}{:>9}{:>11}   CPU of", "", "wall s", "(spread)", "CPU s", "MB")?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))?;
        writeln!(f)?;
        self.verdicts.iter().try_for_each(|verdict| writeln!(f, "{verdict}"))?;
        write!(f, "\nagain: {}", self.command)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spread = format!("({:.3}-{:.3})", self.wall.least, self.wall.most);
        let bytes = self.bytes.map_or_else(String::new, |bytes| format!("{:.2}", bytes.median / 1e6));
        let parts = self.parts.iter().filter(|(_, cpu)| *cpu >= PART_LEAST);
        let parts: Vec<String> = parts.map(|(name, cpu)| format!("{name} {cpu:.2}")).collect();
        let (name, wall, cpu) = (&self.name, self.wall.median, self.cpu.median);
        let line = format!("{name:38}{wall:>9.3}{spread:>17}{cpu:>9.2}{bytes:>11}   {}", parts.join(", "));
        f.write_str(line.trim_end())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, value, unit, .. } = self;
        write!(f, "{what:58}{value:>9.3} {unit:9}")?;
        if let Some(bar) = self.bar {
            write!(f, "{:11}{:7}", bar.to_string(), self.word())?;
        }
        self.cpu_share.map_or(Ok(()), |share| write!(f, "CPU {share:.2}x"))
    }
}

impl Verdict {
    /// What is missed stands out.
    pub(crate) fn word(&self) -> &'static str {
        match self.is_met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, ">= {least:.3}"),
            Self::AtMost(most) => write!(f, "<= {most:.3}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::table::tests::table;

    #[test]
    fn a_table_is_told() {
        insta::assert_snapshot!(table().to_string());
    }
}
