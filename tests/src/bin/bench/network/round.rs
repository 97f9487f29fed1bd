//! A fresh pool, and every leg once.

use super::leg::{How, Leg};
use crate::BenchError;
use crate::ask::ask;
use crate::measure::{Variable, measure, own_cpu, script};
use crate::place::Place;
use crate::table::Sample;
use crate::words::say;
use pollux_tests::lan::Host;
use pollux_tests::{Daemon, Finished, Listing, NodeOptions, Pool, Programs};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Small caches of one round.
pub(super) const SMALLS: usize = 10;
/// Nodes of one round that join, one after the other.
const JOINS: usize = 5;
/// Of the first version and the second.
const KEY: &str = "bench/main/npm/everything";
const RANDOM_KEY: &str = "bench/main/random/everything";
/// What is running, in the order in which its figures are told.
pub(super) const DAEMONS: [&str; 4] = ["seed", "node", "rsync daemon", "web server"];
/// Stores must hold everything, however small the file system is.
const STORE_BYTES_MAX: &str = "8000000000";

/// What all rounds share.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    pub(super) programs: Programs,
    /// The machine that has everything, and the instance.
    pub(super) hosts: [Host; 2],
    /// Processes of the servers to compare with.
    pub(super) origin: Vec<u32>,
    /// The input.
    pub(super) listing: Listing,
    pub(super) directory: PathBuf,
    pub(super) legs: Vec<Leg>,
    pub(super) interrupted: &'a AtomicBool,
}

/// A pool, and a directory for what is written.
pub(super) struct Round<'a> {
    shared: &'a Shared<'a>,
    place: &'a Place,
    number: usize,
    directory: PathBuf,
    pool: Pool,
    seed: Daemon,
    samples: Vec<(Leg, Sample)>,
}

impl<'a> Round<'a> {
    /// Starts the pool, with its seed on the machine that has everything.
    pub(super) fn start(shared: &'a Shared<'a>, number: usize, place: &'a Place) -> Result<Self, BenchError> {
        let directory = place.directory().join(format!("round-{number}"));
        fs::create_dir(&directory)?;
        let pool = Pool::init_at(shared.programs.clone(), &directory, shared.hosts[0].address)?;
        let seed = pool.seed(&on(&shared.hosts[0]))?;
        Ok(Self { shared, place, number, directory, pool, seed, samples: Vec::new() })
    }

    /// Does everything, and removes what was written unless that would spoil the next round.
    pub(super) fn run(mut self) -> Result<Vec<(Leg, Sample)>, BenchError> {
        if self.measures("link") {
            self.publish()?;
        }
        if self.measures("cold") || self.measures("next") {
            self.save(KEY, "first")?;
        }
        let instance = self.node("instance", 1)?;
        self.group("link", &instance)?;
        self.group("cold", &instance)?;
        if self.shared.legs.contains(&Leg::RestoreNext) {
            self.ensure_first(&instance)?;
            self.save(KEY, "next")?;
        }
        self.group("next", &instance)?;
        self.smalls(&instance)?;
        // An address has place for one node.
        drop(instance);
        self.boot()?;
        self.joins()?;
        if !self.place.removes_at_end {
            fs::remove_dir_all(&self.directory)?;
        }
        Ok(self.samples)
    }

    fn measures(&self, group: &str) -> bool {
        self.shared.legs.iter().any(|leg| leg.spec().group == group)
    }

    /// Legs of one group, each round beginning with another one.
    fn group(&mut self, group: &str, instance: &Daemon) -> Result<(), BenchError> {
        let these = self.shared.legs.iter().filter(|leg| leg.spec().group == group && **leg != Leg::Publish);
        let these: Vec<Leg> = these.copied().collect();
        let turn = self.number.checked_rem(these.len()).unwrap_or_default();
        for leg in these.iter().cycle().skip(turn).take(these.len()) {
            self.take(*leg, instance)?;
        }
        Ok(())
    }

    fn take(&mut self, leg: Leg, instance: &Daemon) -> Result<(), BenchError> {
        let target = self.target(leg);
        if let How::Script { target: "", .. } | How::Own(_) = leg.how() {
        } else if leg.after().is_none() || !target.is_dir() {
            fs::create_dir(&target)?;
        }
        let sample = self.measure(instance, leg, |round| match leg.how() {
            How::Script { run, .. } => round.script(run, &target),
            How::Own(_) => round.restore(instance, key(leg), &target).map(drop),
        })?;
        self.samples.push((leg, sample));
        self.check(leg, &target)
    }

    /// Measures with the seed, the node and both servers.
    fn measure(
        &self,
        node: &Daemon,
        leg: Leg,
        work: impl FnOnce(&Self) -> Result<(), BenchError>,
    ) -> Result<Sample, BenchError> {
        if self.shared.interrupted.load(Ordering::Relaxed) {
            return Err(BenchError::Interrupted);
        }
        self.place.warm(self.shared.listing.bytes().saturating_mul(2))?;
        let processes = [&[self.seed.pid(), node.pid()], self.shared.origin.as_slice()].concat();
        let ((), sample) = measure(&processes, || work(self))?;
        say(&format!("    {:38} {:7.3} s, {:6.2} s of CPU", leg.spec().name, sample.wall, sample.cpu()));
        Ok(sample)
    }

    /// From the instance, whose node is gone afterwards.
    fn publish(&mut self) -> Result<(), BenchError> {
        let saver = self.node("publisher", 1)?;
        let tree = self.shared.directory.join("random");
        let sample = self.measure(&saver, Leg::Publish, |round| {
            let saved = round.pool.pollux(&saver).save(RANDOM_KEY, &tree, &round.pool.publisher(), &[])?;
            expect("the save", "saved", &saved)
        })?;
        self.samples.push((Leg::Publish, sample));
        Ok(())
    }

    /// On the machine that has everything, by a node that is gone afterwards.
    fn save(&self, key: &str, what: &str) -> Result<(), BenchError> {
        let saver = self.node(&format!("saver-{what}"), 0)?;
        let tree = fs::canonicalize(self.shared.directory.join(what))?;
        let saved = self.pool.pollux(&saver).save(key, &tree, &self.pool.publisher(), &[])?;
        expect("the save", "saved", &saved)
    }

    /// The second version is restored by who has the first.
    fn ensure_first(&self, instance: &Daemon) -> Result<(), BenchError> {
        let target = self.directory.join("first-for-next");
        if !self.samples.iter().any(|(leg, _)| *leg == Leg::Restore) {
            self.restore(instance, KEY, &target)?;
        }
        Ok(())
    }

    fn smalls(&mut self, instance: &Daemon) -> Result<(), BenchError> {
        let wanted = self.measures("small");
        for number in (0..SMALLS).filter(|_| wanted || self.measures("boot")) {
            self.save(&format!("bench/main/small/{number}"), &format!("small-{number}"))?;
        }
        // The last is for who boots.
        for number in (0..SMALLS - 1).filter(|_| wanted) {
            let target = self.directory.join(format!("target-small-{number}"));
            let key = format!("bench/main/small/{number}");
            let sample =
                self.measure(instance, Leg::Small, |round| round.restore(instance, &key, &target).map(drop))?;
            self.samples.push((Leg::Small, sample));
        }
        Ok(())
    }

    fn boot(&mut self) -> Result<(), BenchError> {
        if !self.shared.legs.contains(&Leg::Boot) {
            return Ok(());
        }
        let target = self.directory.join("target-boot");
        let key = format!("bench/main/small/{}", SMALLS - 1);
        let (node, mut sample) = measure(&[self.seed.pid()], || {
            let node = self.node("booted", 1)?;
            self.restore(&node, &key, &target)?;
            Ok(node)
        })?;
        sample.daemon_cpu.push(node.cpu_seconds()?);
        say(&format!(
            "    {:38} {:7.3} s, {:6.2} s of CPU",
            Leg::Boot.spec().name,
            sample.wall,
            sample.cpu()
        ));
        self.samples.push((Leg::Boot, sample));
        Ok(())
    }

    fn joins(&mut self) -> Result<(), BenchError> {
        let wanted = self.shared.legs.contains(&Leg::Join);
        let key = format!("bench/main/small/{}", SMALLS - 1);
        for number in (0..JOINS).filter(|_| wanted) {
            let node = self.node(&format!("joins-{number}"), 1)?;
            let (began, before) = (Instant::now(), own_cpu()?);
            // What comes first of a cache is a chunk that its tree is in.
            drop(ask(&node.socket, &key)?);
            let (wall, command_cpu) = (began.elapsed().as_secs_f64(), own_cpu()? - before);
            let sample = Sample { wall, command_cpu, ..Sample::default() };
            say(&format!("    {:38} {:7.3} s", Leg::Join.spec().name, sample.wall));
            self.samples.push((Leg::Join, sample));
        }
        Ok(())
    }

    fn node(&self, name: &str, host: usize) -> Result<Daemon, BenchError> {
        let host =
            self.shared.hosts.get(host).ok_or_else(|| BenchError::step(name, "there is no such host"))?;
        Ok(self.pool.node(name, &on(host))?)
    }

    fn restore(&self, node: &Daemon, key: &str, target: &Path) -> Result<Finished, BenchError> {
        let finished = self.pool.pollux(node).restore(key, target, &[])?;
        expect("the restore", "hit", &finished)?;
        Ok(finished)
    }

    fn script(&self, text: &str, target: &Path) -> Result<(), BenchError> {
        let [origin, instance] = &self.shared.hosts;
        let address = origin.address.to_string();
        script(Some(instance), text, &[Variable("ORIGIN", Path::new(&address)), Variable("TARGET", target)])
    }

    /// Whether what came is what was saved: once, as it takes long.
    fn check(&self, leg: Leg, target: &Path) -> Result<(), BenchError> {
        if leg == Leg::Restore && self.number == 0 {
            self.shared.listing.same_as(&Listing::of(target)?)?;
        }
        Ok(())
    }

    fn target(&self, leg: Leg) -> PathBuf {
        match leg.how() {
            How::Script { target, .. } => self.directory.join(format!("target-{target}")),
            How::Own(_) => self.directory.join(format!("target-{}", leg.spec().id)),
        }
    }
}

fn on(host: &Host) -> NodeOptions {
    let flags = ["--store-bytes-max", STORE_BYTES_MAX].map(str::to_owned).to_vec();
    NodeOptions { host: Some(host.clone()), flags, ..NodeOptions::default() }
}

fn key(leg: Leg) -> &'static str {
    if leg == Leg::Random { RANDOM_KEY } else { KEY }
}

fn expect(what: &str, result: &str, finished: &Finished) -> Result<(), BenchError> {
    if finished.status == Some(0) && finished.result() == result {
        return Ok(());
    }
    Err(BenchError::step(
        what,
        format!("status {:?}\n{}{}", finished.status, finished.stdout, finished.stderr),
    ))
}
