//! Pools where machines die, links break and clocks jump at random: whatever happens, nothing wrong is believed, no seed
//! votes twice for one place, and once all is quiet again everything works.
use super::world::{Saved, World};
use crate::belief::fixture::{Pool, signed, yank, yank_envelope};
use crate::engine::state::chance::Chance;
use crate::engine::{JobReply, JobRequest};
use crate::{Key, ManifestId, Papers, Policy, Receipt, Yanked};
use core::time::Duration;
use std::collections::BTreeMap;

const KEYS: [&str; 3] = ["core/main/npm/1", "core/main/npm/2", "core/main/pip/1"];

struct Chaos {
    world: World,
    chance: Chance,
    seeds: usize,
    saved: Vec<Saved>,
    job: u64,
}

impl Chaos {
    fn new(seeds: u8, nodes: usize, rng_seed: u64) -> Self {
        let mut world = World::of(Pool::new(seeds), rng_seed);
        for _ in 0..nodes {
            world.node();
        }
        let (seeds, chance) = (usize::from(seeds), Chance::new(rng_seed));
        Self { world, chance, seeds, saved: Vec::new(), job: 0 }
    }

    fn pick(&mut self, count: usize) -> usize {
        usize::try_from(self.chance.below(u64::try_from(count).unwrap())).unwrap()
    }

    fn any_node(&mut self) -> usize {
        let nodes = self.world.hosts.len() - self.seeds;
        self.seeds + self.pick(nodes)
    }

    fn runs(&self, host: usize) -> bool {
        self.world.hosts[host].engine.is_some()
    }

    fn step(&mut self) {
        self.job += 1;
        let (node, job) = (self.any_node(), self.job);
        match self.pick(10) {
            0 => self.publish(node, job),
            1 => self.race(job),
            2 | 3 => self.restore(node, job),
            4 => {
                let hosts = self.world.hosts.len();
                let host = self.pick(hosts);
                self.toggle(host);
            }
            5 => {
                let hosts = self.world.hosts.len();
                let (one, other) = (self.pick(hosts), self.pick(hosts));
                if one != other {
                    self.world.cut(one, other);
                }
            }
            6 => self.world.cut.clear(),
            7 => self.yank(node, job),
            8 => self.renew_policy(node, job),
            _ => self.world.hosts[node].disk.full ^= true,
        }
        let millis = self.chance.below(400);
        self.world.run(Duration::from_millis(millis));
        self.check();
    }

    fn toggle(&mut self, host: usize) {
        if self.runs(host) {
            self.world.kill(host);
        } else {
            self.world.boot(host);
        }
    }

    fn publish(&mut self, node: usize, job: u64) {
        let (key, sequence) = (self.pick(KEYS.len()), 1 + self.chance.below(6));
        self.publish_as(node, job, (KEYS[key], sequence));
    }

    /// Two publishers want the same place at the same time.
    fn race(&mut self, job: u64) {
        let (key, sequence) = (self.pick(KEYS.len()), 1 + self.chance.below(20));
        for node in [self.seeds, self.seeds + 1] {
            self.publish_as(node, job, (KEYS[key], sequence));
        }
    }

    fn publish_as(&mut self, node: usize, job: u64, (key, sequence): (&str, u64)) {
        let chunks = u32::try_from(1 + self.pick(12)).unwrap();
        let saved = self.world.save(node, key, sequence, chunks);
        let signed = self.world.pool.sign(&saved.manifest);
        self.world.publish(node, job, signed);
        self.saved.push(saved);
    }

    fn restore(&mut self, node: usize, job: u64) {
        let key = KEYS[self.pick(KEYS.len())];
        self.world.ask(node, job, key, &["core/main/npm"]);
        self.world.run(Duration::from_millis(100));
        if let Some(JobReply::Found { certified, .. }) = self.world.last(node, job) {
            let chunks = self.chunks(certified.id());
            let manifest = certified.id();
            self.world.job(node, job, JobRequest::Fetch { manifest, chunks });
        }
    }

    fn yank(&mut self, node: usize, job: u64) {
        let known: Vec<ManifestId> = self.world.hosts[node].disk.certified.keys().copied().collect();
        if known.is_empty() {
            return;
        }
        let what = Yanked::Manifest(known[self.pick(known.len())]);
        let envelope = yank_envelope(&yank(&format!("y-{job}"), what));
        self.spread(node, job, Papers { yanks: vec![envelope], ..Papers::default() });
    }

    fn renew_policy(&mut self, node: usize, job: u64) {
        let policy = Policy { version: 1 + job, ..self.world.pool.policy.clone() };
        let envelope = signed(&policy, &self.world.pool.roots[..2]);
        self.spread(node, job, Papers { policy: Some(envelope), ..Papers::default() });
    }

    fn spread(&mut self, node: usize, job: u64, papers: Papers) {
        self.world.job(node, job, JobRequest::Spread { papers, deadline: Duration::from_secs(5) });
    }

    /// Everybody goes by the same papers, and what was taken back is nowhere.
    fn agree(&self) {
        let trust = |host: usize| self.world.engine(host).config.trust.clone();
        let first = trust(0);
        for host in 0..self.world.hosts.len() {
            assert_eq!(trust(host).papers_digest(), first.papers_digest(), "host {host}");
        }
        let wall = self.world.now().wall;
        for host in self.seeds..self.world.hosts.len() {
            let engine = self.world.engine(host);
            for id in engine.catalogue.after(None, usize::MAX) {
                let entry = engine.catalogue.get(&id).unwrap();
                assert_eq!(first.yanked(&entry.certified, wall), None, "host {host}");
            }
        }
    }

    fn chunks(&self, manifest: ManifestId) -> Vec<crate::ChunkRef> {
        let saved = self.saved.iter().find(|saved| self.world.id(saved) == manifest);
        saved.expect("nothing else was ever saved").all()
    }

    /// No seed has two votes for one place, and what is called certified is.
    fn check(&self) {
        for seed in &self.world.hosts[..self.seeds] {
            let mut votes = BTreeMap::<(Key, u64), ManifestId>::new();
            for (_, receipt) in &seed.disk.votes {
                let Receipt { key, sequence, manifest, .. } = receipt.body().unwrap();
                let first = *votes.entry((key, sequence)).or_insert(manifest);
                assert_eq!(first, manifest, "one vote for each place");
            }
        }
        let mut certified = BTreeMap::<(Key, u64), ManifestId>::new();
        let replies = self.world.hosts.iter().flat_map(|host| &host.replies);
        for (_, reply) in replies {
            if let JobReply::Found { certified: found, .. } = reply {
                let place = (found.manifest().key.clone(), found.manifest().sequence);
                let first = *certified.entry(place).or_insert(found.id());
                assert_eq!(first, found.id(), "readers agree");
            }
        }
    }

    /// All machines run, all links are whole: then a save and a restore succeed.
    fn heal(&mut self) {
        self.world.cut.clear();
        for host in 0..self.world.hosts.len() {
            self.world.hosts[host].disk.full = false;
            if !self.runs(host) {
                self.world.boot(host);
            }
        }
        self.world.run(Duration::from_secs(60));
        let (saver, reader) = (self.seeds, self.seeds + 1);
        let saved = self.world.published(saver, KEYS[0], 100, 9);
        let reply = self.world.resolve(reader, 5_000, KEYS[0], &[]);
        assert!(
            matches!(&reply, JobReply::Found { certified, .. } if certified.id() == self.world.id(&saved))
        );
        self.world.fetch_all(reader, 5_000, &saved);
        assert!(
            self.world.until(|world| world.fetched(reader, 5_000)),
            "{:?}",
            self.world.last(reader, 5_000)
        );
    }
}

fn live(seeds: u8, rng_seed: u64) {
    let mut chaos = Chaos::new(seeds, 4, rng_seed);
    chaos.world.run(Duration::from_millis(300));
    for _ in 0..60 {
        chaos.step();
    }
    chaos.heal();
    chaos.check();
    for (job, node) in (6_000..).zip(chaos.seeds..chaos.world.hosts.len()) {
        chaos.yank(node, job);
    }
    chaos.world.run(Duration::from_secs(5));
    chaos.agree();
}

#[test]
fn one_seed() {
    (1..=8).for_each(|rng_seed| live(1, rng_seed));
}

#[test]
fn four_seeds() {
    (1..=4).for_each(|rng_seed| live(4, 100 + rng_seed));
}
