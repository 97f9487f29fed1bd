//! Four machines on one network, each with the package in `/root`.

use super::page::{Block, PLACES};
use pollux_tests::{Finished, Machine, Programs, root_archive};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Names a package that is made already; else one is made of the programs that were built for tests.
const PACKAGE_VARIABLE: &str = "POLLUX_MACHINE_PACKAGE";

pub(crate) struct Site {
    machines: Vec<Machine>,
    began: Instant,
    _directory: tempfile::TempDir,
}

fn package(directory: &Path) -> PathBuf {
    if let Some(named) = std::env::var_os(PACKAGE_VARIABLE) {
        return named.into();
    }
    let built = Programs::beside_this_one().unwrap().node;
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut command = Command::new(top.join("node/deploy/build"));
    command.arg("deb").arg("--programs").arg(built.parent().unwrap()).arg("--dist").arg(directory);
    let made = Finished::of(&mut command).unwrap();
    assert_eq!(made.status, Some(0), "{made:?}");
    let made = crate::scene::names(directory).into_iter().find(|name| Path::new(name).extension().is_some());
    directory.join(made.unwrap())
}

impl Site {
    /// None, with a word about it, where machines cannot be had.
    pub(crate) fn open(story: &str) -> Option<Self> {
        let archive = match root_archive() {
            Ok(archive) => archive,
            Err(error) => {
                println!("{story}: skipped, since there are no machines with systemd: {error}");
                return None;
            }
        };
        let began = Instant::now();
        let directory = tempfile::tempdir().unwrap();
        let dist = directory.path().join("dist");
        std::fs::create_dir(&dist).unwrap();
        let package = package(&dist);
        let mut machines = Vec::new();
        for (name, _) in PLACES {
            let machine = Machine::boot(name, &archive, directory.path()).unwrap();
            std::fs::copy(&package, machine.path("pollux.deb")).unwrap();
            machines.push(machine);
        }
        let placed: Vec<_> = machines.iter().zip(PLACES).map(|(one, (_, address))| (one, address)).collect();
        Machine::connect(&placed).unwrap();
        let site = Self { machines, began, _directory: directory };
        site.tell("machines run");
        Some(site)
    }

    fn tell(&self, what: &str) {
        println!("{:5.1} s  {what}", self.began.elapsed().as_secs_f64());
    }

    pub(crate) fn machine(&self, place: &str) -> &Machine {
        self.machines.iter().find(|machine| machine.name == place).unwrap()
    }

    /// Runs commands and expects them to succeed; what they print.
    pub(crate) fn run(&self, place: &str, script: &str) -> String {
        let limited = format!("timeout 60 bash -euo pipefail <<'POLLUX-END'\n{script}\nPOLLUX-END");
        let ended = self.machine(place).run(&limited).unwrap();
        if ended.status != Some(0) {
            let journal = self.machine(place).run("journalctl --no-pager -n 30 -u 'pollux*'").unwrap();
            panic!(
                "on {place}:\n{script}\n{:?} {}{}\n{}",
                ended.status, ended.stdout, ended.stderr, journal.stdout
            );
        }
        ended.stdout
    }

    /// Follows a block of the runbook; `scp` is a copy between machines.
    pub(crate) fn follow(&self, block: &Block) {
        for place in &block.places {
            self.follow_on(place, &block.script);
            self.tell(&format!("{}: {place}: {}", block.part, block.script.lines().last().unwrap()));
        }
    }

    fn follow_on(&self, place: &str, commands: &str) {
        let mut script = String::new();
        for line in commands.lines() {
            if let Some(files) = line.strip_prefix("scp ") {
                self.run(place, &std::mem::take(&mut script));
                self.copy(place, files);
            } else {
                script.push_str(line);
                script.push('\n');
            }
        }
        self.run(place, &script);
    }

    fn copy(&self, place: &str, files: &str) {
        let (from, to) = files.split_once(" root@").unwrap();
        let (there, to) = to.split_once(':').unwrap();
        std::fs::copy(self.machine(place).path(from), self.machine(there).path(to)).unwrap();
    }

    /// The sum of a metric's samples, as the endpoint for Prometheus has them.
    pub(crate) fn metric(&self, place: &str, name: &str) -> f64 {
        let page = self.run(place, "curl -sf http://127.0.0.1:9480/metrics");
        let samples = page.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
        let values: Vec<f64> =
            samples.map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect();
        assert!(!values.is_empty(), "{place} has no {name}");
        values.iter().sum()
    }

    /// Waits, some seconds at most, until a command succeeds.
    pub(crate) fn until(&self, place: &str, command: &str) {
        self.run(place, &format!("until {command}; do sleep 0.2; done"));
    }
}
