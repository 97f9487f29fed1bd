//! The table and the JSON.

use crate::BenchError;
use crate::input::Input;
use crate::limit::Limit;
use crate::place::Place;
use crate::round::{DAEMONS, Results};
use crate::task::{Comparison, MEMORY_FLOOR, STORED_BAR, Task};
use crate::words::size;
use pollux_tests::stats::{Summary, float, ratio};
use serde::Serialize;
use std::fs;
use std::path::Path;
use std::thread::available_parallelism;

/// Everything that was found out. Its JSON is this, field for field.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Of this format.
    version: u32,
    machine: Machine,
    /// What it was written to.
    file_system: String,
    input: InputFacts,
    rounds: usize,
    tasks: Vec<TaskFacts>,
    comparisons: Vec<ComparisonFacts>,
    stored: StoredFacts,
    memory: Vec<MemoryFacts>,
    #[serde(skip)]
    results: Vec<Results>,
}

#[derive(Debug, Serialize)]
struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
    /// What else was going on when it began: the load of the last minute.
    load: String,
}

#[derive(Debug, Serialize)]
struct InputFacts {
    origin: String,
    files: usize,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct TaskFacts {
    task: Task,
    command: &'static str,
    /// Seconds.
    wall: Summary,
    /// CPU seconds of everything.
    cpu: Summary,
    /// CPU seconds of the command alone, and of each daemon: medians.
    command_cpu: f64,
    daemon_cpu: Vec<f64>,
    /// Seconds, round by round.
    walls: Vec<f64>,
}

#[derive(Debug, Serialize)]
struct ComparisonFacts {
    ours: Task,
    theirs: Task,
    /// By median wall times.
    times_faster: f64,
    /// CPU seconds of ours, by those of theirs.
    cpu_share: f64,
    floor: Option<f64>,
    bar: Option<f64>,
}

#[derive(Debug, Default, Serialize)]
struct StoredFacts {
    frame_bytes: u64,
    tar_zst_bytes: u64,
    seed_disk_bytes: u64,
    share: f64,
    bar: f64,
}

#[derive(Debug, Serialize)]
struct MemoryFacts {
    daemon: &'static str,
    /// Resident bytes at the highest in any round.
    highest: u64,
    /// Resident bytes at the end, at most in any round.
    after: u64,
    floor: u64,
}

impl Report {
    /// Without figures yet.
    pub(crate) fn new(input: &Input, limit: &Limit, bytes: u64, place: &Place) -> Result<Self, BenchError> {
        Ok(Self {
            version: 1,
            machine: Machine::this()?,
            file_system: place.file_system.clone(),
            input: InputFacts { origin: input.origin.clone(), files: limit.files(), bytes },
            rounds: 0,
            tasks: Vec::new(),
            comparisons: Vec::new(),
            stored: StoredFacts::default(),
            memory: Vec::new(),
            results: Vec::new(),
        })
    }

    /// Takes what one more round found out.
    pub(crate) fn add(&mut self, results: Results) {
        self.results.push(results);
        self.rounds = self.results.len();
        self.tasks = Task::ALL.iter().map(|task| self.task(*task)).collect();
        self.comparisons =
            Comparison::ALL.iter().filter_map(|comparison| self.comparison(*comparison)).collect();
        self.stored = self.stored();
        self.memory = DAEMONS.iter().enumerate().map(|(index, daemon)| self.memory(index, daemon)).collect();
    }

    /// As JSON, into a file.
    pub(crate) fn write(&self, file: &Path) -> Result<(), BenchError> {
        let json =
            serde_json::to_vec_pretty(self).map_err(|error| BenchError::step("writing JSON", error))?;
        fs::write(file, json).map_err(|error| BenchError::step(format!("writing {}", file.display()), error))
    }

    fn task(&self, task: Task) -> TaskFacts {
        let samples: Vec<_> = self.results.iter().filter_map(|results| results.samples.get(&task)).collect();
        let daemon = |index: usize| {
            let cpu = samples.iter().filter_map(|sample| sample.daemon_cpu.get(index).copied());
            Summary::of(cpu).median
        };
        TaskFacts {
            task,
            command: task.command(),
            wall: Summary::of(samples.iter().map(|sample| sample.wall)),
            cpu: Summary::of(samples.iter().map(|sample| sample.cpu())),
            command_cpu: Summary::of(samples.iter().map(|sample| sample.command_cpu)).median,
            daemon_cpu: (0..DAEMONS.len()).map(daemon).collect(),
            walls: samples.iter().map(|sample| sample.wall).collect(),
        }
    }

    fn comparison(&self, comparison: Comparison) -> Option<ComparisonFacts> {
        let Comparison { ours, theirs, floor, bar } = comparison;
        let facts = |task| self.tasks.iter().find(|facts| facts.task == task);
        let (our, their) = (facts(ours)?, facts(theirs)?);
        let times_faster = ratio(their.wall.median, our.wall.median);
        let cpu_share = ratio(our.cpu.median, their.cpu.median);
        Some(ComparisonFacts { ours, theirs, times_faster, cpu_share, floor, bar })
    }

    fn stored(&self) -> StoredFacts {
        let Some(last) = self.results.last() else { return StoredFacts::default() };
        StoredFacts {
            frame_bytes: last.frame_bytes,
            tar_zst_bytes: last.archive_bytes,
            seed_disk_bytes: last.seed_disk_bytes,
            share: ratio(float(last.frame_bytes), float(last.archive_bytes)),
            bar: STORED_BAR,
        }
    }

    fn memory(&self, index: usize, daemon: &'static str) -> MemoryFacts {
        let highest = self.results.iter().filter_map(|results| results.memory.get(index).copied());
        let after = self.results.iter().filter_map(|results| results.memory_after.get(index).copied());
        MemoryFacts {
            daemon,
            highest: highest.max().unwrap_or_default(),
            after: after.max().unwrap_or_default(),
            floor: MEMORY_FLOOR,
        }
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let Machine { processor, cores, kernel, load } = &self.machine;
        let InputFacts { origin, files, bytes } = &self.input;
        let mut lines = vec![
            String::new(),
            format!("{} rounds; {cores} cores of {processor}, Linux {kernel}, load {load}", self.rounds),
            format!("input: {origin}; {files} files, {}", size(*bytes)),
            format!("written to: {}", self.file_system),
            String::new(),
            format!("{:34}{:>8}{:>16}{:>10}   of it", "", "wall s", "(spread)", "CPU s"),
        ];
        lines.extend(self.tasks.iter().map(TaskFacts::line));
        lines.extend([String::new(), format!("{:62}{:>8}{:>10}{:>10}", "", "faster", "floor", "bar")]);
        lines.extend(self.comparisons.iter().map(ComparisonFacts::line));
        lines.extend([String::new(), self.stored.line()]);
        lines.extend(self.memory.iter().map(MemoryFacts::line));
        lines.join("\n")
    }
}

impl Machine {
    fn this() -> Result<Self, BenchError> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let name = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let load = fs::read_to_string("/proc/loadavg")?;
        Ok(Self {
            processor: name.map_or("an unknown processor", |(_, name)| name).to_owned(),
            cores: available_parallelism()?.get(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
        })
    }
}

impl TaskFacts {
    fn line(&self) -> String {
        let spread = format!("({:.2}-{:.2})", self.wall.least, self.wall.most);
        let daemons = DAEMONS.iter().zip(&self.daemon_cpu).filter(|(_, cpu)| **cpu >= 0.05);
        let daemons: String = daemons.map(|(name, cpu)| format!(", {name} {cpu:.2}")).collect();
        let (name, wall, cpu, own) = (self.task.name(), self.wall.median, self.cpu.median, self.command_cpu);
        format!("{name:34}{wall:>8.2}{spread:>16}{cpu:>10.2}   command {own:.2}{daemons}")
    }
}

impl ComparisonFacts {
    fn line(&self) -> String {
        let what = format!("{} / {}", self.ours.name().trim(), self.theirs.name().trim());
        let said = |least: f64| {
            let verdict = if self.times_faster >= least { "met" } else { "MISSED" };
            format!("{least:.2} {verdict}")
        };
        let floor = self.floor.map_or_else(String::new, said);
        let bar = self.bar.map_or_else(String::new, said);
        let (faster, cpu) = (self.times_faster, self.cpu_share);
        format!("{what:60}{faster:>9.2}x{floor:>12}{bar:>12}   CPU {cpu:.2}x")
    }
}

impl StoredFacts {
    fn line(&self) -> String {
        let verdict = if self.share <= self.bar { "met" } else { "MISSED" };
        format!(
            "stored: {}, tar.zst {}: {:.3} of it, bar {:.2} {verdict} (the seed's store takes {})",
            size(self.frame_bytes),
            size(self.tar_zst_bytes),
            self.share,
            self.bar,
            size(self.seed_disk_bytes),
        )
    }
}

impl MemoryFacts {
    fn line(&self) -> String {
        let verdict = if self.highest < self.floor { "met" } else { "MISSED" };
        let (daemon, highest, after) = (self.daemon, size(self.highest), size(self.after));
        format!(
            "memory of {daemon}: {highest} at its highest, {after} at the end; floor {} {verdict}",
            size(self.floor)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Sample;
    use std::collections::BTreeMap;

    fn results(save: f64, pack: f64) -> Results {
        let sample = |wall: f64| Sample { wall, command_cpu: wall, daemon_cpu: vec![0.5, 0.25, 0.0, 0.0] };
        Results {
            samples: BTreeMap::from([(Task::Save, sample(save)), (Task::Pack, sample(pack))]),
            frame_bytes: 110,
            archive_bytes: 100,
            memory: vec![300_000_000, 1, 2, 3],
            ..Results::default()
        }
    }

    fn report() -> Report {
        let place = tempfile::tempdir().unwrap();
        let input = Input::given(place.path()).unwrap();
        let limit = Limit::read(place.path()).unwrap();
        Report::new(&input, &limit, 0, &Place::new(place.path(), None).unwrap()).unwrap()
    }

    #[test]
    fn medians_are_compared_and_what_is_missed_is_said() {
        let mut report = report();
        for (save, pack) in [(2.0, 3.0), (50.0, 4.0), (2.0, 5.0)] {
            report.add(results(save, pack));
        }
        let save = report.comparisons.iter().find(|facts| facts.ours == Task::Save).unwrap();
        assert!((save.times_faster - 2.0).abs() < 1e-9);
        let table = report.table();
        assert!(
            table
                .contains("memory of seed: 300.00 MB at its highest, 0 B at the end; floor 200.00 MB MISSED")
        );
        assert!(table.contains("1.100 of it, bar 1.12 met"));
        assert!(table.contains("seed 0.50, saver 0.25"));
    }

    #[test]
    fn the_json_has_every_figure() {
        let mut report = report();
        report.add(results(2.0, 3.0));
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("report.json");
        report.write(&file).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(json.pointer("/version"), Some(&1.into()));
        assert_eq!(json.pointer("/tasks/0/walls/0"), Some(&2.0.into()));
        assert_eq!(json.pointer("/memory/0/highest"), Some(&300_000_000.into()));
    }
}
