//! Everything that a run measured, as a file of JSON and as one page.

use crate::BenchError;
use crate::page;
use crate::table::Table;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::thread::available_parallelism;

/// Of the JSON. It changes when a field changes its meaning or goes away.
const VERSION: u32 = 2;

/// See the module. Its JSON is this, field for field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    version: u32,
    machine: Machine,
    pub(crate) tables: Vec<Table>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
    /// What else was going on when it began: the load of the last minute.
    load: String,
}

impl Report {
    /// Of this machine, as it is now.
    pub(crate) fn begin() -> Result<Self, BenchError> {
        Ok(Self { version: VERSION, machine: Machine::this()?, tables: Vec::new() })
    }

    #[cfg(test)]
    pub(crate) fn of(tables: Vec<Table>) -> Self {
        Self { version: VERSION, machine: Machine::default(), tables }
    }

    /// Of several runs: one, if they are of the same machine; what was measured last counts where titles are the same.
    pub(crate) fn read(files: &[impl AsRef<Path>]) -> Result<Self, BenchError> {
        let mut whole = None;
        for file in files.iter().map(AsRef::as_ref) {
            let one = Self::read_one(file)?;
            let Some(known) = &mut whole else {
                whole = Some(one);
                continue;
            };
            known.take(one, file)?;
        }
        whole.ok_or_else(|| BenchError::step("the page", "no report was named"))
    }

    fn read_one(file: &Path) -> Result<Self, BenchError> {
        let refused = |why: String| BenchError::step(format!("reading {}", file.display()), why);
        let text = fs::read_to_string(file).map_err(|error| refused(error.to_string()))?;
        let one: Self = serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?;
        if one.version == VERSION {
            return Ok(one);
        }
        Err(refused(format!(
            "it is of version {}, and this program knows {VERSION}: measure anew",
            one.version
        )))
    }

    fn take(&mut self, other: Self, file: &Path) -> Result<(), BenchError> {
        if !self.machine.is_like(&other.machine) {
            let why = "it was measured on another machine; figures of two do not stand beside each other";
            return Err(BenchError::step(file.display().to_string(), why));
        }
        for table in other.tables {
            self.tables.retain(|known| known.title != table.title);
            self.tables.push(table);
        }
        Ok(())
    }

    /// As JSON, into a file.
    pub(crate) fn write_json(&self, file: &Path) -> Result<(), BenchError> {
        let json =
            serde_json::to_vec_pretty(self).map_err(|error| BenchError::step("writing JSON", error))?;
        write(file, &json)
    }

    /// As a page, into a file.
    pub(crate) fn write_page(&self, file: &Path) -> Result<(), BenchError> {
        write(file, page::html(self).as_bytes())
    }

    /// The machine, in a line.
    pub(crate) fn about(&self) -> Vec<String> {
        let Machine { processor, cores, kernel, load } = &self.machine;
        vec![format!("{cores} cores of {processor}, Linux {kernel}, load {load} when it began")]
    }
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), BenchError> {
    fs::write(file, bytes).map_err(|error| BenchError::step(format!("writing {}", file.display()), error))
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

    fn is_like(&self, other: &Self) -> bool {
        (&self.processor, self.cores, &self.kernel) == (&other.processor, other.cores, &other.kernel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::table;

    fn titled(title: &str) -> Table {
        Table { title: title.to_owned(), ..table() }
    }

    #[test]
    fn reports_of_one_machine_become_one() {
        let directory = tempfile::tempdir().unwrap();
        let written = |name: &str, report: &Report| {
            let file = directory.path().join(name);
            report.write_json(&file).unwrap();
            file
        };
        let later = Table { rounds: 9, ..titled("a") };
        let first = written("1", &Report::of(vec![titled("a"), titled("b")]));
        let second = written("2", &Report::of(vec![later.clone()]));
        assert_eq!(Report::read(&[&first, &second]).unwrap().tables, [titled("b"), later]);
        let mut other = Report::of(vec![titled("c")]);
        other.machine.cores = 64;
        let refused = Report::read(&[first, written("3", &other)]).unwrap_err().to_string();
        assert!(refused.contains("another machine"), "{refused}");
        let old = written("4", &Report { version: 1, ..other });
        assert!(Report::read(&[old]).unwrap_err().to_string().contains("measure anew"));
        assert!(Report::read(&Vec::<&Path>::new()).is_err());
    }
}
