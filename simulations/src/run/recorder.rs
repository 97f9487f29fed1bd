//! Looks at the world every now and then. It changes nothing.

use super::micros;
use crate::job::Outcome;
use crate::node::{Node, Role};
use crate::report::{Mark, Sample, Series};
use crate::sampler::Sampler;
use crate::scenario::Behaviour;
use crate::world::World;
use core::time::Duration;
use pollux_core::Instant;

/// See the module.
#[derive(Debug)]
pub(super) struct Recorder {
    begin: Instant,
    sampler: Sampler<Sample>,
    last: Sample,
    last_us: u64,
    /// Jobs that were over at the last look.
    seen: usize,
}

impl Recorder {
    pub(super) fn new(begin: Instant) -> Self {
        let (sampler, last) = (Sampler::new(), Sample::default());
        Self { begin, sampler, last, last_us: 0, seen: 0 }
    }

    /// Nothing changes until this time: takes all samples before.
    pub(super) fn look_until(&mut self, world: &World, next: Instant) {
        while self.begin.after(Duration::from_micros(self.sampler.due_us())) < next {
            let due_us = self.sampler.due_us();
            self.look(world, due_us);
            self.sampler.push(self.last);
        }
    }

    /// The series, which end now.
    pub(super) fn finish(mut self, world: &World) -> Series {
        let end = world.now();
        self.look_until(world, end);
        let end_us = micros(end, self.begin);
        self.look(world, end_us);
        let marks = world.marks.iter();
        let marks =
            marks.map(|(at, what)| Mark { at_us: micros(*at, self.begin), what: what.clone() }).collect();
        Series::new(self.sampler.iter().chain([(end_us, &self.last)]), marks)
    }

    fn look(&mut self, world: &World, at_us: u64) {
        let passed = u128::from(at_us.saturating_sub(self.last_us));
        let Sample { given, taken, seed_given, completed, .. } = self.last;
        let mut sample = Sample { completed: completed + self.completed(world), ..Sample::default() };
        [sample.given.capacity, sample.taken.capacity, sample.seed_given.capacity] =
            [given.capacity, taken.capacity, seed_given.capacity];
        for (no, node) in world.nodes.iter() {
            let link = world.link(no);
            let capacity = |rate: u64| if node.engine.is_some() { u128::from(rate) * passed } else { 0 };
            let here = u32::from(node.engine.is_some());
            match node.spec.role {
                Role::Seed => {
                    sample.seed_given.bytes += node.tally.given_bytes;
                    sample.seed_given.capacity += capacity(link.up);
                    sample.active_seeds += here;
                }
                Role::Saver { .. } | Role::Operator { .. } => {}
                Role::Member { .. } => {
                    sample.given.bytes += node.tally.given_bytes;
                    sample.given.capacity += capacity(link.up);
                    sample.taken.capacity += capacity(link.down);
                    sample.active_nodes += here;
                    sample.taken.bytes +=
                        node.tally.frame_bytes + node.tally.late_bytes + node.tally.junk_bytes;
                }
            }
            add_arrived(&mut sample, node);
        }
        sample.violations = world.violations.count();
        (self.last, self.last_us) = (sample, at_us);
    }

    /// Restores of honest nodes that have completed since.
    fn completed(&mut self, world: &World) -> u32 {
        let new = world.done.get(self.seen..).unwrap_or_default();
        self.seen = world.done.len();
        let restored = new.iter().filter(|done| {
            done.outcome == Outcome::Restored && world.nodes.at(done.node).spec.behaviour == Behaviour::Honest
        });
        u32::try_from(restored.count()).unwrap_or(u32::MAX)
    }
}

/// At whomever it arrived: seeds and those that publish fetch, too.
fn add_arrived(sample: &mut Sample, node: &Node) {
    let tally = &node.tally;
    sample.local_bytes += tally.local_bytes;
    sample.peer_bytes += tally.peer_bytes;
    sample.seed_bytes += tally.seed_bytes;
    sample.duplicate_bytes += tally.duplicate_bytes;
    sample.late_bytes += tally.late_bytes;
    sample.junk_bytes += tally.junk_bytes;
}
