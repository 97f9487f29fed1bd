//! The daemon itself: how soon it answers, and what it costs while nobody wants anything.

use crate::BenchError;
use crate::options::Options;
use crate::place::Place;
use crate::table::{Bar, Sample, Samples, Spec, Table, Verdict};
use crate::words::{say, step};
use pollux_tests::{Daemon, NodeOptions, Pool, fill};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Groups of rows.
const GROUPS: [&str; 2] = ["start", "idle"];
const EMPTY: Spec = Spec {
    id: "start-empty",
    name: "start to an answer, empty store",
    group: "start",
    command: "pollux-node …, until `pollux status` is answered",
};
const FULL: Spec = Spec { id: "start-full", name: "start to an answer, full store", ..EMPTY };
const IDLE: Spec = Spec {
    id: "idle",
    name: "idle, a member of a pool",
    group: "idle",
    command: "pollux-node …, which nobody asks for anything",
};
/// Seconds, from the start to an answer.
const EMPTY_SECONDS_MAX: f64 = 0.050;
const FULL_SECONDS_MAX: f64 = 0.300;
/// Megabytes resident, and hundredths of a core.
const IDLE_MEGABYTES_MAX: f64 = 40.0;
const IDLE_PERCENT_MAX: f64 = 0.2;
/// How long an idle node is watched.
const WATCHED: Duration = Duration::from_secs(30);
/// Bytes of one file of the full store, and of one save.
const FILE_BYTES: usize = 50_000_000;
const FILES_PER_SAVE: u64 = 20;

/// Measures a daemon; the full store has so many gigabytes.
pub(crate) fn measure(
    options: &Options,
    gigabytes: u64,
    place: &Place,
    interrupted: &AtomicBool,
) -> Result<Table, BenchError> {
    options.check_groups(&GROUPS)?;
    let directory = place.directory().join("daemon");
    fs::create_dir(&directory)?;
    let bench = Bench { pool: Pool::init(options.programs()?, &directory)?, gigabytes, interrupted };
    let seed = bench.pool.seed(&NodeOptions::default())?;
    let mut samples = Samples::new();
    if options.is_wanted(EMPTY.group) {
        bench.fill(&directory)?;
        for number in 0..options.rounds() {
            samples.entry(EMPTY.id).or_default().push(bench.start(&format!("empty-{number}"), EMPTY)?);
            samples.entry(FULL.id).or_default().push(bench.start("full", FULL)?);
        }
    }
    let mut table = Table {
        title: "The daemon".to_owned(),
        command: options.command_of(&format!("daemon --gigabytes {gigabytes}")),
        about: vec![
            format!("the full store has {gigabytes} GB, in the page cache"),
            format!("idle: watched for {} s, seconds after its start", WATCHED.as_secs()),
            format!("written to: {}", place.file_system),
        ],
        ..Table::default()
    };
    let idle = options.is_wanted(IDLE.group).then(|| bench.idle(&mut samples)).transpose()?;
    drop(seed);
    table.fill(&[EMPTY, FULL, IDLE], &[], &samples, &[]);
    table.rounds = options.rounds();
    let wall = |spec: Spec| table.rows.iter().find(|row| row.id == spec.id).map(|row| row.wall.median);
    let start = |spec: Spec, most| Some(Verdict::of(spec.name, wall(spec)?, "s", Some(Bar::AtMost(most))));
    table.verdicts = [start(EMPTY, EMPTY_SECONDS_MAX), start(FULL, FULL_SECONDS_MAX)]
        .into_iter()
        .flatten()
        .chain(idle.into_iter().flatten())
        .collect();
    Ok(table)
}

struct Bench<'a> {
    pool: Pool,
    gigabytes: u64,
    interrupted: &'a AtomicBool,
}

impl Bench<'_> {
    fn check(&self) -> Result<(), BenchError> {
        if self.interrupted.load(Ordering::Relaxed) { Err(BenchError::Interrupted) } else { Ok(()) }
    }

    /// Fills the store of the node `full`, which is signed for elsewhere: nothing goes to the seed.
    fn fill(&self, directory: &Path) -> Result<(), BenchError> {
        step(&format!("Filling a store with {} GB", self.gigabytes));
        let node = self.pool.node("full", &roomy())?;
        let tree = directory.join("tree");
        for save in 0..self.gigabytes {
            self.check()?;
            fs::create_dir(&tree)?;
            for file in 0..FILES_PER_SAVE {
                fs::write(tree.join(file.to_string()), fill(&format!("{save} {file}"), FILE_BYTES))?;
            }
            let statement = directory.join(format!("statement-{save}"));
            let out = format!("--unsigned-out={}", statement.display());
            let saved = self.pool.pollux(&node).run(&[
                "save",
                "--json",
                &out,
                &format!("bench/main/full/{save}"),
                &tree.to_string_lossy(),
            ])?;
            if saved.status != Some(0) {
                return Err(BenchError::step("filling a store", saved.stderr));
            }
            fs::remove_dir_all(&tree)?;
        }
        Ok(())
    }

    fn start(&self, name: &str, spec: Spec) -> Result<Sample, BenchError> {
        self.check()?;
        let began = Instant::now();
        let node = self.pool.node(name, &roomy())?;
        let answer = self.pool.pollux(&node).status()?;
        let wall = began.elapsed().as_secs_f64();
        if answer.is_null() {
            return Err(BenchError::step(spec.name, "no answer"));
        }
        let sample = Sample { wall, daemon_cpu: vec![node.cpu_seconds()?], ..Sample::default() };
        say(&format!("    {:38} {:7.3} s, {:6.2} s of CPU", spec.name, sample.wall, sample.cpu()));
        stop(node)?;
        Ok(sample)
    }

    fn idle(&self, samples: &mut Samples) -> Result<Vec<Verdict>, BenchError> {
        step("Watching an idle node");
        let node = self.pool.node("idle", &roomy())?;
        let began = Instant::now();
        self.rest(Duration::from_secs(5))?;
        let (from, before) = (began.elapsed(), node.cpu_seconds()?);
        self.rest(WATCHED)?;
        let (wall, cpu) = ((began.elapsed() - from).as_secs_f64(), node.cpu_seconds()? - before);
        let (resident, _) = node.memory()?;
        let sample = Sample { wall, daemon_cpu: vec![cpu], bytes: Some(resident), ..Sample::default() };
        samples.entry(IDLE.id).or_default().push(sample);
        let megabytes = pollux_tests::stats::float(resident) / 1e6;
        stop(node)?;
        Ok(vec![
            Verdict::of("idle: resident", megabytes, "MB", Some(Bar::AtMost(IDLE_MEGABYTES_MAX))),
            Verdict::of("idle: of a core", 100.0 * cpu / wall, "%", Some(Bar::AtMost(IDLE_PERCENT_MAX))),
        ])
    }

    fn rest(&self, time: Duration) -> Result<(), BenchError> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.check()?;
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

fn stop(mut node: Daemon) -> Result<(), BenchError> {
    Ok(node.stop().map(drop)?)
}

fn roomy() -> NodeOptions {
    let flags = ["--store-bytes-max", "100000000000", "--store-free-bytes-min", "0"].map(str::to_owned);
    NodeOptions { flags: flags.to_vec(), ..NodeOptions::default() }
}
