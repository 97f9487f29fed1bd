//! What every part of the benchmark comes to: rows of figures, and verdicts on them. Its JSON is this, field for field.

use pollux_tests::stats::{Summary, ratio};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing that is measured: a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    /// As JSON names it; once in a table.
    pub(crate) id: &'static str,
    /// For people; what is compared with something of ours is indented.
    pub(crate) name: &'static str,
    /// What is measured together, side by side: as `--only` names it.
    pub(crate) group: &'static str,
    /// What is run.
    pub(crate) command: &'static str,
}

/// What one run of one thing cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Seconds, start to exit.
    pub(crate) wall: f64,
    /// CPU seconds of the command and what it started.
    pub(crate) command_cpu: f64,
    /// CPU seconds of each daemon, until all were quiet again.
    pub(crate) daemon_cpu: Vec<f64>,
    /// Bytes that it made or sent, where somebody asks.
    pub(crate) bytes: Option<u64>,
}

impl Sample {
    /// CPU seconds of all.
    pub(crate) fn cpu(&self) -> f64 {
        self.command_cpu + self.daemon_cpu.iter().sum::<f64>()
    }
}

/// All samples so far, by row.
pub(crate) type Samples = BTreeMap<&'static str, Vec<Sample>>;

/// What is wanted of two rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) ours: &'static str,
    pub(crate) theirs: &'static str,
    pub(crate) of: Measure,
    /// None: it is only told.
    pub(crate) bar: Option<Bar>,
}

/// How two rows are compared: by their medians.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Their time over ours.
    Faster,
    /// Our bytes over theirs and so many more.
    Bytes { plus: u64 },
    /// Our CPU seconds over theirs.
    Cpu,
}

/// What is aimed for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

impl Bar {
    pub(crate) fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

/// A part of the benchmark, measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Table {
    /// `One machine: node-modules`
    pub(crate) title: String,
    /// What measures it again.
    pub(crate) command: String,
    /// Input, file system, links: whatever one must know to judge the figures.
    pub(crate) about: Vec<String>,
    /// How often everything was done.
    pub(crate) rounds: usize,
    /// Programs to compare with that are not here.
    pub(crate) missing: Vec<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) verdicts: Vec<Verdict>,
}

/// See [`Spec`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) command: String,
    /// Seconds.
    pub(crate) wall: Summary,
    /// CPU seconds of everything.
    pub(crate) cpu: Summary,
    /// CPU seconds of the command alone, then of each daemon: medians.
    pub(crate) parts: Vec<(String, f64)>,
    /// Bytes made or sent.
    pub(crate) bytes: Option<Summary>,
    /// Seconds, round by round.
    pub(crate) walls: Vec<f64>,
}

/// A figure that something is wanted of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// `restore / rsync -a`
    pub(crate) what: String,
    pub(crate) value: f64,
    /// `x`, `MB`, …
    pub(crate) unit: String,
    pub(crate) bar: Option<Bar>,
    /// CPU seconds of ours over theirs, where two are compared by time.
    pub(crate) cpu_share: Option<f64>,
}

impl Verdict {
    /// Of one figure alone.
    pub(crate) fn of(what: impl Into<String>, value: f64, unit: &str, bar: Option<Bar>) -> Self {
        Self { what: what.into(), value, unit: unit.to_owned(), bar, cpu_share: None }
    }

    pub(crate) fn is_met(&self) -> Option<bool> {
        self.bar.map(|bar| bar.is_met(self.value))
    }
}

impl Table {
    /// Rows of all that was measured, and verdicts on what is wanted of them; what is not there, because something was left
    /// out or is not installed, has none.
    pub(crate) fn fill(&mut self, specs: &[Spec], daemons: &[&str], samples: &Samples, wanted: &[Wanted]) {
        self.rows = specs.iter().filter_map(|spec| Row::of(spec, daemons, samples.get(spec.id)?)).collect();
        self.rounds = self.rows.iter().map(|row| row.walls.len()).max().unwrap_or_default();
        self.verdicts = wanted.iter().filter_map(|wanted| self.verdict(*wanted)).collect();
    }

    fn row(&self, id: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id)
    }

    fn verdict(&self, wanted: Wanted) -> Option<Verdict> {
        let (ours, theirs) = (self.row(wanted.ours)?, self.row(wanted.theirs)?);
        let bytes = |row: &Row| row.bytes.map(|bytes| bytes.median);
        let cpu_share = ratio(ours.cpu.median, theirs.cpu.median);
        let (sort, value) = match wanted.of {
            Measure::Faster => ("", ratio(theirs.wall.median, ours.wall.median)),
            Measure::Cpu => ("CPU of ", cpu_share),
            Measure::Bytes { plus } => {
                ("bytes of ", ratio(bytes(ours)?, bytes(theirs)? + pollux_tests::stats::float(plus)))
            }
        };
        let is_time = wanted.of == Measure::Faster;
        Some(Verdict {
            what: format!("{sort}{} / {}", ours.name.trim(), theirs.name.trim()),
            value,
            unit: if is_time { "x faster" } else { "x" }.to_owned(),
            bar: wanted.bar,
            cpu_share: is_time.then_some(cpu_share),
        })
    }
}

impl Row {
    fn of(spec: &Spec, daemons: &[&str], samples: &[Sample]) -> Option<Self> {
        let of = |figure: fn(&Sample) -> f64| Summary::of(samples.iter().map(figure));
        let daemon = |(place, name): (usize, &&str)| {
            let cpu = samples.iter().filter_map(|sample| sample.daemon_cpu.get(place).copied());
            ((*name).to_owned(), Summary::of(cpu).median)
        };
        let command = ("command".to_owned(), of(|sample| sample.command_cpu).median);
        let bytes: Vec<f64> =
            samples.iter().filter_map(|sample| sample.bytes).map(pollux_tests::stats::float).collect();
        (!samples.is_empty()).then(|| Self {
            id: spec.id.to_owned(),
            name: spec.name.to_owned(),
            group: spec.group.to_owned(),
            command: spec.command.to_owned(),
            wall: of(|sample| sample.wall),
            cpu: of(Sample::cpu),
            parts: [command].into_iter().chain(daemons.iter().enumerate().map(daemon)).collect(),
            bytes: (!bytes.is_empty()).then(|| Summary::of(bytes)),
            walls: samples.iter().map(|sample| sample.wall).collect(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const SPECS: [Spec; 3] = [
        Spec { id: "save", name: "save", group: "save", command: "pollux save" },
        Spec { id: "pack", name: "  tar | zstd", group: "save", command: "tar -c . | zstd" },
        Spec { id: "casync", name: "  casync make", group: "save", command: "casync make" },
    ];

    fn sample(wall: f64, bytes: u64) -> Sample {
        Sample { wall, command_cpu: 2.0 * wall, daemon_cpu: vec![0.5, 0.25], bytes: Some(bytes) }
    }

    /// Two rows, of which ours is twice as fast and makes a tenth more.
    pub(crate) fn table() -> Table {
        let samples = Samples::from([
            ("save", vec![sample(2.0, 110), sample(50.0, 110), sample(2.0, 110)]),
            ("pack", vec![sample(3.0, 100), sample(4.0, 100), sample(5.0, 100)]),
        ]);
        let wanted = |theirs, of, bar| Wanted { ours: "save", theirs, of, bar: Some(bar) };
        let wanted = [
            wanted("pack", Measure::Faster, Bar::AtLeast(1.2)),
            wanted("pack", Measure::Bytes { plus: 0 }, Bar::AtMost(1.05)),
            wanted("casync", Measure::Faster, Bar::AtLeast(5.0)),
        ];
        let mut table = Table {
            title: "One machine: few".to_owned(),
            command: "bench machine".to_owned(),
            ..Table::default()
        };
        table.fill(&SPECS, &["seed", "saver"], &samples, &wanted);
        table
    }

    #[test]
    fn medians_are_compared_and_what_was_not_measured_is_left_out() {
        let table = table();
        assert_eq!((table.rounds, table.rows.len(), table.verdicts.len()), (3, 2, 2));
        let [faster, bytes] = [0, 1].map(|place| table.verdicts[place].clone());
        assert_eq!((faster.value, faster.is_met()), (2.0, Some(true)));
        assert_eq!((bytes.value, bytes.is_met()), (1.1, Some(false)));
        assert_eq!(faster.what, "save / tar | zstd");
        assert!((faster.cpu_share.unwrap() - 4.75 / 8.75).abs() < 1e-9);
        assert_eq!(
            table.rows[0].parts,
            [("command", 4.0), ("seed", 0.5), ("saver", 0.25)].map(|(name, cpu)| (name.to_owned(), cpu))
        );
    }

    #[test]
    fn a_table_reads_back() {
        let json = serde_json::to_string(&table()).unwrap();
        assert_eq!(serde_json::from_str::<Table>(&json).unwrap(), table());
    }
}
