//! Telling: newly held chunks of each swarm, how far each pull is, and which swarms are complete. Gathered for a while, so
//! that a burst of arrivals is one message: at first for a moment, since everybody looks for what few have; the longer it
//! takes, the longer, since one part in a hundred of the time makes no difference. Seeds need to know who has everything,
//! and otherwise only about.

use super::bits::Bits;
use super::limits::{NEWS_DELAY, NEWS_DELAY_MAX, NEWS_PART, SEED_NEWS_DELAY};
use super::slab::{ChunkNo, SwarmNo};
use super::table::Place;
use super::timers::Timer;
use super::{Audience, PullId, Transfer, TransferOutput, Wanter};
use crate::Instant;
use core::time::Duration;
use std::collections::BTreeMap;

/// What is to be told of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Held(SwarmNo, Audience),
    Progress(PullId),
}

/// What is to be told, and when; none: it was not looked at yet.
#[derive(Debug, Default)]
pub(super) struct News {
    topics: BTreeMap<Topic, Option<Instant>>,
    fresh: bool,
    armed: Option<Instant>,
}

impl News {
    fn note(&mut self, topic: Topic) {
        self.fresh |= self.topics.entry(topic).or_default().is_none();
    }

    /// A pull's chunk is kept.
    pub(super) fn note_pull(&mut self, pull: PullId) {
        self.note(Topic::Progress(pull));
    }

    /// Nothing more of this swarm.
    pub(super) fn forget_swarm(&mut self, swarm: SwarmNo) {
        for audience in Audience::ALL {
            self.topics.remove(&Topic::Held(swarm, audience));
        }
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
        if swarm.hold(place.index) {
            Audience::ALL.into_iter().for_each(|audience| self.news.note(Topic::Held(place.swarm, audience)));
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

    /// Waits a while for more before anything is told.
    pub(super) fn schedule_news(&mut self, now: Instant) {
        if !core::mem::take(&mut self.news.fresh) {
            return;
        }
        for (topic, due) in self.news.topics.iter_mut().filter(|(_, due)| due.is_none()) {
            let delay = match *topic {
                Topic::Progress(_) => NEWS_DELAY,
                Topic::Held(swarm, audience) => {
                    self.swarms.get_mut(swarm).map_or(NEWS_DELAY, |swarm| swarm.news_delay(now, audience))
                }
            };
            *due = Some(now.after(delay));
        }
        self.arm_news();
    }

    fn arm_news(&mut self) {
        let Some(next) = self.news.topics.values().flatten().min().copied() else { return };
        if self.news.armed.is_none_or(|armed| next < armed) {
            if let Some(armed) = self.news.armed.replace(next) {
                self.timers.disarm(armed, Timer::News);
            }
            self.timers.arm(next, Timer::News);
        }
    }

    /// Tells everything that is due.
    pub(super) fn tell_news(&mut self, now: Instant) {
        self.news.armed = None;
        let due = |due: &Option<Instant>| due.is_some_and(|due| due <= now);
        let topics: Vec<Topic> =
            self.news.topics.iter().filter(|(_, at)| due(at)).map(|(topic, _)| *topic).collect();
        for topic in topics {
            self.news.topics.remove(&topic);
            match topic {
                Topic::Held(swarm, audience) => self.announce(swarm, audience),
                Topic::Progress(pull) => self.tell_progress(pull),
            }
        }
        self.arm_news();
    }

    /// How far a pull is, now.
    pub(super) fn tell_progress(&mut self, pull: PullId) {
        self.news.topics.remove(&Topic::Progress(pull));
        if let Some(wants) = self.wanters.get(&Wanter::Pull(pull)) {
            let (have, of) = (wants.have, wants.of);
            self.outbox.push_back(TransferOutput::Progress { pull, have, of });
        }
    }

    fn announce(&mut self, no: SwarmNo, audience: Audience) {
        let Some(swarm) = self.swarms.get_mut(no) else { return };
        let space = swarm.space;
        let news = core::mem::replace(swarm.news_mut(audience), Bits::new(space));
        if !news.is_empty() {
            let (manifest, chunks) = (swarm.manifest, news.iter().collect());
            self.outbox.push_back(TransferOutput::Announce { manifest, chunks, audience });
        }
    }
}

/// How long news is gathered, so long after the first of the swarm.
pub(super) fn delay(since_first: Duration, audience: Audience, is_whole: bool) -> Duration {
    match audience {
        Audience::Seeds if !is_whole => SEED_NEWS_DELAY,
        Audience::Seeds => NEWS_DELAY,
        Audience::Peers => (since_first / NEWS_PART).clamp(NEWS_DELAY, NEWS_DELAY_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_is_gathered_longer_the_longer_it_takes() {
        let at = |ms| delay(Duration::from_millis(ms), Audience::Peers, false).as_millis();
        assert_eq!([0, 1_000, 2_000, 10_000, 100_000, 1_000_000].map(at), [20, 20, 20, 100, 500, 500]);
    }

    #[test]
    fn seeds_hear_seldom_unless_it_is_all() {
        let seeds = |whole| delay(Duration::ZERO, Audience::Seeds, whole);
        assert_eq!((seeds(false), seeds(true)), (SEED_NEWS_DELAY, NEWS_DELAY));
    }
}
