//! What is known of chunks, beside a plain map: numbers, what is held, what is forgotten.
use super::super::slab::{ChunkNo, SwarmNo};
use super::super::table::{Place, Table};
use crate::engine::FetchId;
use crate::{ChunkId, ChunkRef};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A chunk of this name and length becomes known.
    Know(u8, u32),
    /// It is listed at this index, or no more.
    List(u8, u32, u32),
    Unlist(u8, u32, u32),
    /// A copy of it is on its way, or no more.
    Fetch(u8, u32),
    Stop(u8, u32),
    /// The store has what has this name, or has lost it.
    Hold(u8),
    Lose(u8),
    Sweep(u8, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let (name, bytes, index) = (0_u8..3, 1_u32..3, 0_u32..3);
    let chunk = (name.clone(), bytes);
    prop_oneof![
        chunk.clone().prop_map(|(name, bytes)| Step::Know(name, bytes)),
        (chunk.clone(), index.clone()).prop_map(|((name, bytes), index)| Step::List(name, bytes, index)),
        (chunk.clone(), index).prop_map(|((name, bytes), index)| Step::Unlist(name, bytes, index)),
        chunk.clone().prop_map(|(name, bytes)| Step::Fetch(name, bytes)),
        chunk.clone().prop_map(|(name, bytes)| Step::Stop(name, bytes)),
        name.clone().prop_map(Step::Hold),
        name.prop_map(Step::Lose),
        chunk.prop_map(|(name, bytes)| Step::Sweep(name, bytes)),
    ]
}

fn chunk(name: u8, bytes: u32) -> ChunkRef {
    ChunkRef { id: ChunkId::from_bytes([name; 32]), bytes }
}

fn place(index: u32) -> Place {
    Place { swarm: SwarmNo::from(0), index }
}

/// Where a chunk is listed, and whether a copy is on its way.
#[derive(Default)]
struct Known {
    places: BTreeSet<u32>,
    fetched: bool,
}

struct Model {
    table: Table,
    known: BTreeMap<(u8, u32), Known>,
    held: BTreeSet<u8>,
}

impl Model {
    fn run(&mut self, step: Step) {
        match step {
            Step::Know(name, bytes) => {
                self.table.intern(chunk(name, bytes));
                self.known.entry((name, bytes)).or_default();
            }
            Step::List(name, bytes, index) => self.change((name, bytes), |chunk, known| {
                chunk.places.insert(place(index));
                known.places.insert(index);
            }),
            Step::Unlist(name, bytes, index) => self.change((name, bytes), |chunk, known| {
                assert_eq!(chunk.places.remove(place(index)), known.places.remove(&index));
            }),
            Step::Fetch(name, bytes) => self.change((name, bytes), |chunk, known| {
                chunk.demand_mut().fetches.insert(FetchId(1));
                known.fetched = true;
            }),
            Step::Stop(name, bytes) => self.change((name, bytes), |chunk, known| {
                assert_eq!(chunk.demand_mut().fetches.remove(FetchId(1)), known.fetched);
                known.fetched = false;
            }),
            Step::Hold(name) => self.hold(name),
            Step::Lose(name) => self.lose(name),
            Step::Sweep(name, bytes) => self.sweep(name, bytes),
        }
    }

    fn change(&mut self, which: (u8, u32), change: impl FnOnce(&mut super::super::table::Chunk, &mut Known)) {
        let Some(known) = self.known.get_mut(&which) else { return };
        let no = self.table.find(&chunk(which.0, which.1)).expect("it is known");
        change(self.table.get_mut(no).expect("a number that was given"), known);
    }

    fn named(&self, name: u8) -> Vec<ChunkNo> {
        self.table.named(ChunkId::from_bytes([name; 32]))
    }

    fn hold(&mut self, name: u8) {
        let all = self.named(name);
        if all.is_empty() {
            self.table.hold_loose(ChunkId::from_bytes([name; 32]));
        }
        all.into_iter().for_each(|no| self.table.get_mut(no).unwrap().held = true);
        self.held.insert(name);
    }

    fn lose(&mut self, name: u8) {
        self.table.lose_loose(ChunkId::from_bytes([name; 32]));
        self.named(name).into_iter().for_each(|no| self.table.get_mut(no).unwrap().held = false);
        self.held.remove(&name);
    }

    fn sweep(&mut self, name: u8, bytes: u32) {
        if let Some(no) = self.table.find(&chunk(name, bytes)) {
            self.table.sweep(no);
        }
        if self.known.get(&(name, bytes)).is_some_and(|known| known.places.is_empty() && !known.fetched) {
            self.known.remove(&(name, bytes));
        }
    }

    fn check(&self) {
        for name in 0..3 {
            let id = ChunkId::from_bytes([name; 32]);
            assert_eq!(self.table.is_held(id), self.held.contains(&name), "held whatever is listed: {name}");
            assert_eq!(self.table.may_be_held(id), self.held.contains(&name));
            let lengths = self.known.keys().filter(|(of, _)| *of == name);
            let numbers: Vec<_> =
                lengths.filter_map(|(_, bytes)| self.table.find(&chunk(name, *bytes))).collect();
            assert_eq!(self.named(name), numbers);
        }
        let mut numbers = BTreeSet::new();
        for ((name, bytes), known) in &self.known {
            let no = self.table.find(&chunk(*name, *bytes)).expect("it is known");
            assert!(numbers.insert(no), "two chunks with one number");
            let found = self.table.get(no).expect("a number that was given");
            assert_eq!(found.chunk, chunk(*name, *bytes));
            assert_eq!(found.held, self.held.contains(name));
            assert_eq!(found.places.len(), known.places.len());
            assert_eq!(self.table.demand(no).is_some_and(|demand| demand.in_flight()), known.fetched);
        }
    }
}

proptest! {
    #[test]
    fn what_is_held_is_known_through_every_listing(steps in prop::collection::vec(step(), 0..80)) {
        let mut model = Model { table: Table::new(), known: BTreeMap::new(), held: BTreeSet::new() };
        for step in steps {
            model.run(step);
            model.check();
        }
    }
}
