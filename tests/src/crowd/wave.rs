//! Jobs that restore at once, and what they and the links tell.

use super::counters::{Cores, metric};
use super::{Crowd, CrowdError, KEY, expect};
use crate::command::Finished;
use crate::daemon::Daemon;
use crate::lan::Carried;
use crate::tree::Listing;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Frames that a node has fetched.
const RECEIVED: &str = "pollux_received_bytes_total";

/// What one job found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// From the command's start to its end.
    pub took: Duration,
    /// Bytes of frames that came from the node's own store.
    pub from_store: u64,
    /// The same from other nodes.
    pub from_peers: u64,
    /// The same from the seed.
    pub from_seed: u64,
}

/// All jobs of a wave.
#[derive(Clone, Debug, PartialEq)]
pub struct Wave {
    /// Each job, in the order of their nodes.
    pub jobs: Vec<Restored>,
    /// From the common start to the last end.
    pub makespan: Duration,
    /// What their nodes have fetched, in bytes of frames.
    pub received: u64,
    /// What the links have carried: the seed's, then those of all hosts in the order in which they were made.
    pub links: Vec<Carried>,
    /// The share of this machine's cores that was busy, with whatever it does besides.
    pub busy: f64,
}

impl Wave {
    /// One copy of the cache with its tree, in bytes of frames.
    #[must_use]
    pub fn copy_bytes(&self) -> u64 {
        self.jobs.iter().map(|job| job.from_store + job.from_peers + job.from_seed).max().unwrap_or_default()
    }

    /// What left the seed's host, in bytes.
    #[must_use]
    pub fn seed_sent(&self) -> u64 {
        self.links.first().map_or(0, |link| link.up)
    }

    /// What came to the nodes' hosts, in bytes: also what nobody waited for any more when it came.
    #[must_use]
    pub fn came(&self) -> u64 {
        self.links.iter().skip(1).take(self.jobs.len()).map(|link| link.down).sum()
    }

    /// What jobs got from the seed, and from peers.
    #[must_use]
    pub fn sources(&self) -> (u64, u64) {
        let sum = |of: fn(&Restored) -> u64| self.jobs.iter().map(of).sum();
        (sum(|job| job.from_seed), sum(|job| job.from_peers))
    }

    /// What nodes fetched more than jobs got of it: chunks that came twice while both were waited for.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        let (seed, peers) = self.sources();
        self.received.saturating_sub(seed + peers)
    }

    /// The time that so many of a hundred jobs did not exceed.
    #[must_use]
    pub fn percentile(&self, hundredths: usize) -> Duration {
        let mut took: Vec<Duration> = self.jobs.iter().map(|job| job.took).collect();
        took.sort_unstable();
        let rank = (took.len() * hundredths).div_ceil(100).max(1);
        took.get(rank - 1).copied().unwrap_or_default()
    }
}

impl Crowd {
    /// Restores on these nodes at once, and compares what came with what was saved.
    ///
    /// # Errors
    /// A restore that is no hit, or brings something else.
    pub fn restore(&self, nodes: Range<usize>) -> Result<Wave, CrowdError> {
        let (received, links) = (self.received(nodes.clone())?, self.lan.carried()?);
        let (cores, began) = (Cores::now()?, Instant::now());
        let finished = self.jobs(nodes.clone())?;
        let makespan = began.elapsed();
        let busy = Cores::now()?.busy_since(cores);
        let links = since(&self.lan.carried()?, &links);
        let received = self.received(nodes.clone())? - received;
        let jobs = finished.iter().map(restored).collect::<Result<Vec<_>, _>>()?;
        self.compare(nodes)?;
        Ok(Wave { jobs, makespan, received, links, busy })
    }

    fn jobs(&self, nodes: Range<usize>) -> io::Result<Vec<Finished>> {
        let these: Vec<(PathBuf, &Daemon)> = nodes.filter_map(|number| self.place(number)).collect();
        let start = Barrier::new(these.len());
        thread::scope(|scope| {
            let begin = |(target, node): (PathBuf, _)| {
                let (job, start) = (move || self.pollux(node).restore(KEY, &target, &[]), &start);
                scope.spawn(move || (start.wait(), job()).1)
            };
            let jobs: Vec<_> = these.into_iter().map(begin).collect();
            let panicked = |_| Err(io::Error::other("a job's thread panicked"));
            jobs.into_iter().map(|job| job.join().unwrap_or_else(panicked)).collect()
        })
    }

    /// A node, and where its job restores to.
    fn place(&self, number: usize) -> Option<(PathBuf, &Daemon)> {
        let target = self.directory.path().join(format!("restored-{number}"));
        Some((target, self.nodes.get(number)?))
    }

    fn received(&self, nodes: Range<usize>) -> io::Result<u64> {
        let these = self.nodes.iter().zip(&self.hosts).skip(nodes.start).take(nodes.len());
        these.map(|(node, host)| metric(host, &node.metrics, RECEIVED)).sum()
    }

    /// Compares what was restored, and removes it.
    fn compare(&self, nodes: Range<usize>) -> Result<(), CrowdError> {
        let saved = Listing::of(&self.tree)?;
        for (target, _) in nodes.filter_map(|number| self.place(number)) {
            saved.same_as(&Listing::of(&target)?)?;
            fs::remove_dir_all(&target)?;
        }
        Ok(())
    }
}

fn restored(finished: &Finished) -> Result<Restored, CrowdError> {
    let finished = expect("a restore", "hit", finished)?;
    Ok(Restored {
        took: finished.elapsed,
        from_store: finished.number("/sources/local/frame_bytes"),
        from_peers: finished.number("/sources/peers/frame_bytes"),
        from_seed: finished.number("/sources/seeds/frame_bytes"),
    })
}

fn since(now: &[Carried], before: &[Carried]) -> Vec<Carried> {
    let less = |(now, before): (&Carried, &Carried)| Carried {
        up: now.up.saturating_sub(before.up),
        down: now.down.saturating_sub(before.down),
    };
    now.iter().zip(before).map(less).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave() -> Wave {
        let job = |seconds, from_peers, from_seed| Restored {
            took: Duration::from_secs(seconds),
            from_store: 0,
            from_peers,
            from_seed,
        };
        Wave {
            jobs: vec![job(9, 80, 20), job(3, 90, 10), job(5, 100, 0)],
            makespan: Duration::from_secs(9),
            received: 320,
            links: [(33, 1), (2, 110), (0, 3), (0, 4), (0, 99)]
                .map(|(up, down)| Carried { up, down })
                .to_vec(),
            busy: 0.5,
        }
    }

    #[test]
    fn a_wave_adds_up() {
        let wave = wave();
        assert_eq!((wave.copy_bytes(), wave.sources(), wave.duplicates()), (100, (30, 270), 20));
        assert_eq!((wave.seed_sent(), wave.came()), (33, 117));
        assert_eq!([50, 99].map(|of| wave.percentile(of).as_secs()), [5, 9]);
    }

    #[test]
    fn what_was_carried_before_does_not_count() {
        let carried = |up, down| Carried { up, down };
        assert_eq!(since(&[carried(9, 5), carried(3, 4)], &[carried(2, 5)]), [carried(7, 0)]);
    }
}
