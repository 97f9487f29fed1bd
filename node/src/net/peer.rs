//! What the wire knows of one peer: its connections, which of them is control, and how to get a lane.

use super::bounds::{CONTROL_WINDOW, LANE_BUSY, LANES_PER_PEER_MAX};
use super::plane::Plane;
use libp2p::Multiaddr;
use libp2p::swarm::ConnectionId;
use pollux_core::engine::FetchId;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use tokio::time::Instant;

/// One peer.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// Where it accepts connections, as far as known.
    pub(super) addresses: Vec<Multiaddr>,
    /// The driver waits for the outcome of a dial.
    pub(super) awaited: bool,
    /// Why the last dial came to nothing.
    pub(super) failed: Option<String>,
    /// Dials under way, and what for.
    pub(super) dials: BTreeMap<ConnectionId, Plane>,
    /// The driver says that it belongs. Forgotten with the control connection on which it proved that.
    pub(super) admitted: bool,
    /// Established connections.
    pub(super) links: BTreeMap<ConnectionId, Link>,
    /// The link whose control stream is the pair's, and the messages that the driver may still send.
    pub(super) control: Option<(ConnectionId, u32)>,
    /// Requests that wait for a lane, each with its fetches, at least one.
    pub(super) waiting: VecDeque<Vec<FetchId>>,
    /// A bulk dial failed: none before this time.
    pub(super) no_dial_before: Option<Instant>,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Link {
    /// The other end.
    pub(super) address: SocketAddr,
    /// What this node dialled it for; none if the peer dialled it.
    pub(super) dialled_for: Option<Plane>,
    /// Where its lane stands.
    pub(super) lane: LaneStatus,
}

/// A bulk stream on which this node asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaneStatus {
    /// There is none.
    Closed,
    /// It is being opened.
    Opening,
    /// It has so many fetches under way.
    Up(u32),
}

/// What is to be done to get a lane, or a further one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Widening {
    /// Enough lanes, or none to be had.
    Nothing,
    /// Dial a bulk connection.
    Dial,
    /// Open a lane on the control connection.
    Share(ConnectionId),
    /// Both, because the peer dialled this node and may not be reachable.
    DialAndShare(ConnectionId),
}

impl Peer {
    /// The pair's control connection.
    pub(super) fn control(&self) -> Option<ConnectionId> {
        self.control.map(|(link, _)| link)
    }

    /// Whether this node dialled the control connection: then it knows where the peer is.
    pub(super) fn is_dialled(&self) -> bool {
        let link = self.control().and_then(|control| self.links.get(&control));
        link.is_some_and(|link| link.dialled_for.is_some())
    }

    /// Makes this link the control connection.
    pub(super) fn set_control(&mut self, link: ConnectionId) {
        self.control = Some((link, CONTROL_WINDOW));
    }

    /// Spends a message of the driver's credit. False if it has none: its mistake.
    pub(super) fn spend(&mut self) -> bool {
        let Some((_, credit @ 1..)) = &mut self.control else { return false };
        *credit = credit.saturating_sub(1);
        true
    }

    /// Gives one back.
    pub(super) fn refund(&mut self) {
        if let Some((_, credit)) = &mut self.control {
            *credit = credit.saturating_add(1);
        }
    }

    /// Whether a control connection may be chosen that opened while another one stands. A side dials again only
    /// when it has lost the former; when the sides dialled one each, the leader keeps what it has.
    pub(super) fn may_replace(&self, new: ConnectionId, leads: bool) -> bool {
        let Some(old) = self.control() else { return true };
        let dialled = |link| self.links.get(&link).map(|link: &Link| link.dialled_for.is_some());
        !leads || dialled(old) == dialled(new)
    }

    /// Whether the outcome of a dial is owed to the driver, and it is that it failed.
    pub(super) fn has_failed(&self) -> bool {
        let may_still = self.dials.values().any(|plane| *plane == Plane::Control)
            || self.links.values().any(|link| link.dialled_for != Some(Plane::Bulk));
        self.awaited && self.control.is_none() && !may_still
    }

    /// A fetch waits no more.
    pub(super) fn forget_waiting(&mut self, fetch: FetchId) {
        self.waiting.iter_mut().for_each(|request| request.retain(|waiting| *waiting != fetch));
        self.waiting.retain(|request| !request.is_empty());
    }

    /// Whether nothing is left to remember.
    pub(super) fn is_forgettable(&self) -> bool {
        !self.awaited && self.dials.is_empty() && self.links.is_empty() && self.waiting.is_empty()
    }

    /// The lane for the next request: the bulk connection with the least under way, else the control connection's.
    pub(super) fn best_lane(&self) -> Option<ConnectionId> {
        let key = |(id, link): (&ConnectionId, &Link)| match link.lane {
            LaneStatus::Up(under_way) => Some((self.control() == Some(*id), under_way, *id)),
            LaneStatus::Closed | LaneStatus::Opening => None,
        };
        self.links.iter().filter_map(key).min().map(|(_, _, id)| id)
    }

    /// What to do for more lanes, now that one more request is there.
    pub(super) fn widening(&self, now: Instant) -> Widening {
        let Some(control) = self.control() else { return Widening::Nothing };
        let bulk_dials = self.dials.values().filter(|plane| **plane == Plane::Bulk).count();
        let lanes = || self.links.iter().filter(|(_, link)| link.lane != LaneStatus::Closed);
        let own = lanes().filter(|(id, _)| **id != control).count().saturating_add(bulk_dials);
        let idle =
            lanes().any(|(_, link)| matches!(link.lane, LaneStatus::Up(under_way) if under_way < LANE_BUSY));
        let any = own > 0 || lanes().next().is_some();
        let dial = self.may_dial(now) && own < LANES_PER_PEER_MAX && !(idle && own > 0);
        match (dial, any) {
            (true, false) if self.is_dialled() => Widening::Dial,
            (true, false) => Widening::DialAndShare(control),
            // While the first lane opens nothing says yet that it will not be enough.
            (true, true) if self.best_lane().is_some() => Widening::Dial,
            (false, false) => Widening::Share(control),
            (true | false, true) => Widening::Nothing,
        }
    }

    fn may_dial(&self, now: Instant) -> bool {
        !self.addresses.is_empty() && self.no_dial_before.is_none_or(|time| time <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

    fn id(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    fn link(dialled_for: Option<Plane>, lane: LaneStatus) -> Link {
        Link { address: FAR, dialled_for, lane }
    }

    /// A peer whose control connection is number 1.
    fn connected(dialled_for: Option<Plane>, addresses: usize) -> Peer {
        let mut peer = Peer::default();
        peer.links.insert(id(1), link(dialled_for, LaneStatus::Closed));
        peer.set_control(id(1));
        peer.addresses = vec![Multiaddr::empty(); addresses];
        peer
    }

    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn the_first_fetch_dials_where_that_is_known_to_work() {
        let peer = connected(Some(Plane::Control), 1);
        assert_eq!(peer.widening(now()), Widening::Dial);
    }

    #[test]
    fn a_peer_that_dialled_is_asked_where_it_is_while_it_is_dialled_back() {
        let peer = connected(None, 1);
        assert_eq!(peer.widening(now()), Widening::DialAndShare(id(1)));
    }

    #[test]
    fn a_peer_that_cannot_be_dialled_shares_its_control_connection() {
        assert_eq!(connected(None, 0).widening(now()), Widening::Share(id(1)));
        let mut peer = connected(Some(Plane::Control), 1);
        peer.no_dial_before = Some(now() + std::time::Duration::from_secs(9));
        assert_eq!(peer.widening(now()), Widening::Share(id(1)));
        peer.no_dial_before = Some(now());
        assert_eq!(peer.widening(now()), Widening::Dial);
    }

    #[test]
    fn nothing_more_is_done_while_the_first_lane_opens() {
        let mut peer = connected(Some(Plane::Control), 1);
        peer.dials.insert(id(2), Plane::Bulk);
        assert_eq!(peer.widening(now()), Widening::Nothing);
        peer.dials.clear();
        peer.links.insert(id(2), link(Some(Plane::Bulk), LaneStatus::Opening));
        assert_eq!(peer.widening(now()), Widening::Nothing);
        assert_eq!(peer.best_lane(), None);
    }

    #[test]
    fn a_second_lane_is_dialled_when_the_first_is_busy_and_no_third() {
        let mut peer = connected(Some(Plane::Control), 1);
        peer.links.insert(id(2), link(Some(Plane::Bulk), LaneStatus::Up(LANE_BUSY - 1)));
        assert_eq!(peer.widening(now()), Widening::Nothing);
        peer.links.insert(id(2), link(Some(Plane::Bulk), LaneStatus::Up(LANE_BUSY)));
        assert_eq!(peer.widening(now()), Widening::Dial);
        peer.dials.insert(id(3), Plane::Bulk);
        assert_eq!(peer.widening(now()), Widening::Nothing);
        peer.dials.clear();
        peer.links.insert(id(3), link(Some(Plane::Bulk), LaneStatus::Up(LANE_BUSY + 9)));
        assert_eq!(peer.widening(now()), Widening::Nothing);
    }

    #[test]
    fn the_least_busy_bulk_lane_is_best_and_control_is_the_last_resort() {
        let mut peer = connected(None, 0);
        assert_eq!(peer.best_lane(), None);
        peer.links.insert(id(1), link(None, LaneStatus::Up(0)));
        assert_eq!(peer.best_lane(), Some(id(1)));
        peer.links.insert(id(2), link(Some(Plane::Bulk), LaneStatus::Up(7)));
        assert_eq!(peer.best_lane(), Some(id(2)));
        peer.links.insert(id(3), link(Some(Plane::Bulk), LaneStatus::Up(6)));
        assert_eq!(peer.best_lane(), Some(id(3)));
        assert!(!peer.is_dialled());
        // The peer's own bulk connections carry what it asks.
        peer.links.insert(id(4), link(None, LaneStatus::Closed));
        assert_eq!(peer.best_lane(), Some(id(3)));
    }

    #[test]
    fn a_request_waits_with_what_is_left_of_it() {
        let mut peer = connected(None, 0);
        peer.waiting.extend([vec![FetchId(1), FetchId(2)], vec![FetchId(3)]]);
        peer.forget_waiting(FetchId(1));
        peer.forget_waiting(FetchId(3));
        assert_eq!(peer.waiting, [[FetchId(2)]]);
        peer.forget_waiting(FetchId(2));
        assert!(peer.waiting.is_empty());
    }

    #[test]
    fn without_control_there_is_no_lane_to_be_had() {
        let mut peer = connected(Some(Plane::Control), 1);
        peer.control = None;
        assert_eq!(peer.widening(now()), Widening::Nothing);
    }

    #[test]
    fn credit_is_spent_and_refunded() {
        let mut peer = connected(None, 0);
        for _ in 0..CONTROL_WINDOW {
            assert!(peer.spend());
        }
        assert!(!peer.spend());
        peer.refund();
        assert!(peer.spend());
        peer.control = None;
        assert!(!peer.spend());
    }

    #[test]
    fn the_leader_keeps_its_choice_between_two_that_were_dialled_one_by_each_side() {
        let mut peer = connected(Some(Plane::Control), 1);
        peer.links.insert(id(2), link(None, LaneStatus::Closed));
        peer.links.insert(id(3), link(Some(Plane::Control), LaneStatus::Closed));
        assert!(!peer.may_replace(id(2), true));
        // A side dials a second time only when it lost the first.
        assert!(peer.may_replace(id(3), true));
        // Who follows takes what the leader chose.
        assert!(peer.may_replace(id(2), false));
        peer.control = None;
        assert!(peer.may_replace(id(2), true));
    }

    #[test]
    fn a_dial_has_failed_when_nothing_can_become_of_it() {
        let mut peer = Peer { awaited: true, ..Peer::default() };
        assert!(peer.has_failed());
        peer.dials.insert(id(1), Plane::Control);
        assert!(!peer.has_failed());
        peer.dials.clear();
        // The peer dialled too: perhaps for control.
        peer.links.insert(id(2), link(None, LaneStatus::Closed));
        assert!(!peer.has_failed());
        peer.set_control(id(2));
        assert!(!peer.has_failed());
        assert!(!peer.is_forgettable());
    }
}
