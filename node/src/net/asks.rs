//! The book of what peers ask: who, where, and how far it has come, so that each has one outcome.

use libp2p::swarm::ConnectionId;
use pollux_core::PeerId;
use pollux_core::engine::AskId;
use std::collections::BTreeMap;

/// The book. Connections bound it: each reads so many requests that are not served, and no more.
#[derive(Debug, Default)]
pub(super) struct Asks(BTreeMap<AskId, Ask>);

/// A peer's ask that has no outcome yet.
#[derive(Debug)]
pub(super) struct Ask {
    /// Who asks.
    pub(super) peer: PeerId,
    /// On which connection.
    pub(super) link: ConnectionId,
    /// How far it has come.
    pub(super) stage: Stage,
}

/// How far an ask has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The driver is to answer.
    Reported,
    /// A frame was given: the driver waits to hear what became of it.
    Given,
}

/// What an answer of the driver's is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answering {
    /// This connection waits for it.
    Wanted(PeerId, ConnectionId),
    /// It was answered before: the driver's mistake.
    Twice,
    /// Nobody waits any more.
    Late,
}

impl Asks {
    /// A new one.
    pub(super) fn enter(&mut self, id: AskId, ask: Ask) {
        self.0.insert(id, ask);
    }

    /// The driver gives a frame, or declines, which is an outcome.
    pub(super) fn answer(&mut self, id: AskId, gives: bool) -> Answering {
        let Some(ask) = self.0.get_mut(&id) else { return Answering::Late };
        if ask.stage == Stage::Given {
            return Answering::Twice;
        }
        let wanted = Answering::Wanted(ask.peer, ask.link);
        ask.stage = Stage::Given;
        if !gives {
            self.0.remove(&id);
        }
        wanted
    }

    /// Whether the driver is still to answer it.
    pub(super) fn waits(&self, id: AskId) -> bool {
        self.0.get(&id).is_some_and(|ask| ask.stage == Stage::Reported)
    }

    /// It has its outcome. False if it had one before.
    pub(super) fn close(&mut self, id: AskId) -> bool {
        self.0.remove(&id).is_some()
    }

    /// Strikes asks whose connection is gone; those that were given a frame are returned.
    pub(super) fn drop_gone(&mut self, is_gone: impl Fn(&Ask) -> bool) -> Vec<AskId> {
        let gone = self.0.extract_if(.., |_, ask| is_gone(ask));
        gone.filter(|(_, ask)| ask.stage == Stage::Given).map(|(id, _)| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::PublicKey;

    fn peer(number: u8) -> PeerId {
        PeerId::new(PublicKey::from_bytes([number; 32]))
    }

    fn link(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    /// One ask of each stage on each of two connections of peer 1, named 1 and 2, 4 and 5; and one of peer 2.
    fn book() -> Asks {
        let mut asks = Asks::default();
        for (id, stage) in (1..).zip([Stage::Reported, Stage::Given]) {
            asks.enter(AskId(id), Ask { peer: peer(1), link: link(1), stage });
            asks.enter(AskId(id + 3), Ask { peer: peer(1), link: link(2), stage });
        }
        asks.enter(AskId(6), Ask { peer: peer(2), link: link(3), stage: Stage::Reported });
        asks
    }

    #[test]
    fn a_frame_is_given_once_and_closed_once() {
        let mut asks = book();
        assert!(asks.waits(AskId(1)));
        assert_eq!(asks.answer(AskId(1), true), Answering::Wanted(peer(1), link(1)));
        assert!(!asks.waits(AskId(1)));
        assert_eq!(asks.answer(AskId(1), true), Answering::Twice);
        assert_eq!(asks.answer(AskId(1), false), Answering::Twice);
        assert!(asks.close(AskId(1)));
        assert!(!asks.close(AskId(1)));
        assert_eq!(asks.answer(AskId(1), true), Answering::Late);
    }

    #[test]
    fn a_decline_is_an_outcome() {
        let mut asks = book();
        assert_eq!(asks.answer(AskId(4), false), Answering::Wanted(peer(1), link(2)));
        assert_eq!(asks.answer(AskId(4), false), Answering::Late);
    }

    #[test]
    fn of_what_is_gone_only_given_frames_are_news() {
        let mut asks = book();
        assert_eq!(asks.drop_gone(|ask| ask.link == link(1)), [AskId(2)]);
        assert_eq!(asks.drop_gone(|ask| ask.peer == peer(1)), [AskId(5)]);
        assert_eq!(asks.0.len(), 1);
    }
}
