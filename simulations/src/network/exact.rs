//! Max-min fairness, exactly, by filling: of all links the one that has least for each of its streams is full first. Its streams
//! have that much everywhere on their way, and what they leave of other links is for the others; and so on until every
//! stream has its rate.
//!
//! Rates are whole bytes each second, rounded down, and one at least, so that everything ends.

use super::link::Shared;
use super::stream::Stream;
use crate::numbered::{LinkNo, Numbered, StreamNo};
use core::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// What is left of a link.
#[derive(Clone, Copy, Debug)]
struct Room {
    bytes: u64,
    /// Streams that have no rate yet.
    streams: u64,
}

impl Room {
    fn of(link: &Shared) -> Self {
        Self { bytes: link.capacity, streams: u64::try_from(link.active().len()).unwrap_or(u64::MAX) }
    }

    /// What each of them could have; none: there is none.
    const fn each(self) -> Option<u64> {
        self.bytes.checked_div(self.streams)
    }

    const fn take(&mut self, rate: u64) {
        self.bytes = self.bytes.saturating_sub(rate);
        self.streams = self.streams.saturating_sub(1);
    }
}

/// The rate of every active stream.
pub(super) fn rates(
    links: &Numbered<LinkNo, Shared>,
    streams: &Numbered<StreamNo, Stream>,
) -> BTreeMap<StreamNo, u64> {
    let mut rooms: BTreeMap<LinkNo, Room> = links.iter().map(|(no, link)| (no, Room::of(link))).collect();
    let each = |(no, room): (&LinkNo, &Room)| Some(Reverse((room.each()?, *no)));
    let mut least: BinaryHeap<_> = rooms.iter().filter_map(each).collect();
    let mut rates = BTreeMap::new();
    while let Some(Reverse((was, no))) = least.pop() {
        let Some(each) = rooms.get(&no).and_then(|room| room.each()) else { continue };
        if each > was {
            // Others have left more of it since: it never gets less.
            least.push(Reverse((each, no)));
            continue;
        }
        for stream in links.at(no).active() {
            if rates.contains_key(stream) {
                continue;
            }
            let rate = each.max(1);
            rates.insert(*stream, rate);
            for link in streams.at(*stream).way.iter() {
                rooms.entry(link).and_modify(|room| room.take(rate));
            }
        }
    }
    rates
}
