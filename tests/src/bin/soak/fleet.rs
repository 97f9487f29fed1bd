//! Seeds and nodes. A quarter of the nodes stay; the others come, live a while, and go: half of them as a machine that is
//! shut down, half of them as one that vanishes. What a node had goes with it, and the next has another name.

use crate::jobs::Tally;
use crate::lots::Lots;
use crate::{Arguments, Clock, SoakError};
use pollux_tests::{Daemon, NodeOptions, Pollux, Pool, Programs};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// From one coming or going to the next.
const PACE: Duration = Duration::from_millis(1500);

/// The pool.
#[derive(Debug)]
pub(crate) struct Fleet {
    pool: Pool,
    seeds: Vec<Daemon>,
    places: Vec<Mutex<Place>>,
    staying: usize,
    options: NodeOptions,
}

/// Where a node is, or is not.
#[derive(Debug, Default)]
struct Place {
    node: Option<Daemon>,
    /// How many nodes were here.
    lives: u64,
}

/// A node, seen by a job that runs on its machine.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) pollux: Pollux,
    place: usize,
    life: u64,
}

impl Fleet {
    /// Starts all of it.
    pub(crate) fn start(programs: Programs, work: &Path, arguments: &Arguments) -> Result<Self, SoakError> {
        let pool = Pool::with_seeds(programs, work, arguments.seeds.into())?;
        let start = |number| pool.nth_seed(number, &NodeOptions::default());
        let seeds = (0..arguments.seeds.into()).map(start).collect::<Result<_, _>>()?;
        let nodes = usize::from(arguments.nodes);
        let places = (0..nodes).map(|_| Mutex::default()).collect();
        let flags = vec!["--store-bytes-max".to_owned(), arguments.store_bytes_max.to_string()];
        let options = NodeOptions { flags, ..NodeOptions::default() };
        let fleet = Self { pool, seeds, places, staying: nodes / 4, options };
        for place in 0..nodes {
            fleet.come(place)?;
        }
        Ok(fleet)
    }

    /// The key that saves are signed with.
    pub(crate) fn signing_key(&self) -> PathBuf {
        self.pool.publisher()
    }

    /// A directory for a job.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        self.pool.directory.join(name)
    }

    /// Nodes that stay are the first of all.
    pub(crate) const fn staying(&self) -> usize {
        self.staying
    }

    pub(crate) const fn count(&self) -> usize {
        self.places.len()
    }

    /// The node at a place, if one is there.
    pub(crate) fn see(&self, place: usize) -> Option<Seen> {
        let here = self.place(place)?;
        let pollux = self.pool.pollux(here.node.as_ref()?);
        Some(Seen { pollux, place, life: here.lives })
    }

    /// Whether that node is still there.
    pub(crate) fn is_here(&self, seen: &Seen) -> bool {
        self.place(seen.place).is_some_and(|here| here.node.is_some() && here.lives == seen.life)
    }

    /// Process id and store of everybody who stays, with a name.
    pub(crate) fn those_who_stay(&self) -> Vec<(String, u32, PathBuf)> {
        let seed_name = |number| if number == 0 { "seed".to_owned() } else { format!("seed-{number}") };
        let seeds = self.seeds.iter().enumerate().map(|(number, seed)| (seed_name(number), seed.pid()));
        let pid = |place| Some(self.place(place)?.node.as_ref()?.pid());
        let nodes = (0..self.staying).filter_map(|place| Some((node_name(place, 1), pid(place)?)));
        let store = |name: &str| self.pool.directory.join(name).join("store");
        seeds.chain(nodes).map(|(name, pid)| (name.clone(), pid, store(&name))).collect()
    }

    /// Nodes come and go until it is over.
    pub(crate) fn come_and_go(&self, mut lots: Lots, clock: &Clock<'_>, tally: &Tally) {
        while !clock.is_over() {
            let place = self.staying + lots.below(self.places.len() - self.staying);
            let is_there = self.place(place).is_some_and(|here| here.node.is_some());
            if is_there {
                self.go(place, lots.below(2) == 0, tally);
            } else if let Err(error) = self.come(place) {
                tally.trouble(format!("a node did not start: {error}"));
            } else {
                tally.came();
            }
            clock.wait(PACE);
        }
    }

    fn come(&self, place: usize) -> Result<(), SoakError> {
        let Some(mut here) = self.place(place) else { return Ok(()) };
        let name = node_name(place, here.lives + 1);
        here.node = Some(self.pool.node(&name, &self.options)?);
        here.lives += 1;
        Ok(())
    }

    fn go(&self, place: usize, politely: bool, tally: &Tally) {
        let Some((name, mut node)) = self.take(place) else { return };
        let went =
            if politely { node.stop().map(|status| status.success()) } else { node.kill().map(|()| true) };
        if !matches!(went, Ok(true)) {
            tally.trouble(format!(
                "{name} did not stop as it should ({went:?}); its log ends:\n{}",
                node.log_end()
            ));
        }
        // A job of it may still hold on to something in there: the whole is removed at the end.
        drop(fs::remove_dir_all(self.pool.directory.join(&name)));
        drop(fs::remove_file(&node.log));
        tally.went(politely);
    }

    fn take(&self, place: usize) -> Option<(String, Daemon)> {
        let mut here = self.place(place)?;
        Some((node_name(place, here.lives), here.node.take()?))
    }

    fn place(&self, place: usize) -> Option<MutexGuard<'_, Place>> {
        Some(self.places.get(place)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn node_name(place: usize, life: u64) -> String {
    format!("node-{place:02}-{life}")
}
