//! Telling: newly held chunks of each swarm, how far each pull is, and which swarms are complete. Gathered for a moment,
//! so that a burst of arrivals is one message.

use super::bits::Bits;
use super::limits::NEWS_DELAY;
use super::slab::{ChunkNo, SwarmNo};
use super::table::Place;
use super::timers::Timer;
use super::{PullId, Transfer, TransferOutput, Wanter};
use crate::Instant;
use std::collections::BTreeSet;

/// What is to be told.
#[derive(Debug, Default)]
pub(super) struct News {
    swarms: BTreeSet<SwarmNo>,
    pulls: BTreeSet<PullId>,
    at: Option<Instant>,
}

impl News {
    /// A pull's chunk is kept.
    pub(super) fn note_pull(&mut self, pull: PullId) {
        self.pulls.insert(pull);
    }

    /// Nothing more of this swarm.
    pub(super) fn forget_swarm(&mut self, swarm: SwarmNo) {
        self.swarms.remove(&swarm);
    }
}

impl Transfer {
    /// The store holds a chunk: so every swarm that lists it does.
    pub(super) fn note_held_places(&mut self, no: ChunkNo) {
        let places = self.table.get(no).map(|chunk| chunk.places.clone()).unwrap_or_default();
        places.iter().for_each(|place| self.note_held_place(place));
    }

    /// The same for one place.
    pub(super) fn note_held_place(&mut self, place: Place) {
        let Some(swarm) = self.swarms.get_mut(place.swarm) else { return };
        swarm.hold(place.index);
        if !swarm.news.is_empty() {
            self.news.swarms.insert(place.swarm);
        }
        if swarm.held.is_full() && !swarm.complete_told {
            swarm.complete_told = true;
            self.outbox.push_back(TransferOutput::Complete { manifest: swarm.manifest });
        }
    }

    /// The store lost a chunk: so every swarm that lists it did.
    pub(super) fn note_lost_places(&mut self, no: ChunkNo) {
        let Some(chunk) = self.table.get_mut(no) else { return };
        chunk.held = false;
        for place in chunk.places.iter() {
            if let Some(swarm) = self.swarms.get_mut(place.swarm)
                && swarm.lose(place.index)
            {
                self.outbox.push_back(TransferOutput::Lost { manifest: swarm.manifest });
            }
        }
    }

    /// Waits a moment for more before anything is told.
    pub(super) fn schedule_news(&mut self, now: Instant) {
        let nothing = self.news.swarms.is_empty() && self.news.pulls.is_empty();
        if nothing || self.news.at.is_some() {
            return;
        }
        let at = now.after(NEWS_DELAY);
        self.news.at = Some(at);
        self.timers.arm(at, Timer::News);
    }

    /// Tells everything.
    pub(super) fn tell_news(&mut self) {
        self.news.at = None;
        for no in core::mem::take(&mut self.news.swarms) {
            self.announce(no);
        }
        for pull in core::mem::take(&mut self.news.pulls) {
            self.tell_progress(pull);
        }
    }

    /// How far a pull is, now.
    pub(super) fn tell_progress(&mut self, pull: PullId) {
        self.news.pulls.remove(&pull);
        if let Some(wants) = self.wanters.get(&Wanter::Pull(pull)) {
            let (have, of) = (wants.have, wants.of);
            self.outbox.push_back(TransferOutput::Progress { pull, have, of });
        }
    }

    fn announce(&mut self, no: SwarmNo) {
        let Some(swarm) = self.swarms.get_mut(no) else { return };
        let news = core::mem::replace(&mut swarm.news, Bits::new(swarm.space));
        if !news.is_empty() {
            let (manifest, chunks) = (swarm.manifest, news.iter().collect());
            self.outbox.push_back(TransferOutput::Announce { manifest, chunks });
        }
    }
}
