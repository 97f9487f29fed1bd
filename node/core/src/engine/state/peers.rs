//! Peers that are connected, and what each has proven.
use super::chance::Chance;
use crate::engine::bounds::{MESSAGE_BURST, MESSAGES_PER_SECOND};
use crate::message::{Control, PeerAddress};
use crate::{Instant, PeerId, PublicKey, Zone};
use core::ops::Bound;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

/// A peer on one connection; an answer that comes after it reconnected is for nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contact {
    /// Who.
    pub peer: PeerId,
    /// On which connection.
    pub session: u64,
}

/// What a connected peer has proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing yet.
    Silent,
    /// It said hello and is no member (yet).
    Stranger,
    /// A membership that holds.
    Member,
    /// The policy names it, and it said hello.
    Seed,
}

/// One connected peer.
#[derive(Debug)]
pub(crate) struct Peer {
    /// The number of its connection.
    pub session: u64,
    /// Where it is, as seen from here.
    pub ip: IpAddr,
    /// It came to this node, which may not know how to go there.
    pub came: bool,
    /// Where it accepts connections; 0 if nowhere.
    pub listen_port: u16,
    /// Where it says that it is.
    pub zone: Option<Zone>,
    /// Program and version of a seed, for people.
    pub software: String,
    /// What it has proven.
    pub standing: Standing,
    /// Its join is being judged, or waits for a place.
    pub judging: bool,
    /// What it showed in its hello is being judged.
    pub judging_shown: bool,
    /// A seed that has let this node in on this connection.
    pub admitted: bool,
    /// The seed that named it, if this node dialled it for that.
    pub named_by: Option<PeerId>,
    /// The seed that let it in, if it was one.
    pub admitted_by: Option<PeerId>,
    /// What it said while it was being judged.
    pub held: Vec<Control>,
    /// When it last said anything.
    pub heard: Instant,
    bucket: Bucket,
}

/// Messages that a peer may still send: fills at a steady rate up to a burst. It counts in millionths, so that nothing
/// is lost to rounding however the messages are spaced.
#[derive(Debug)]
struct Bucket {
    millionths: u64,
    filled: Instant,
}

const MESSAGE_MILLIONTHS: u64 = 1_000_000;

impl Bucket {
    fn new(now: Instant) -> Self {
        Self { millionths: Self::full(), filled: now }
    }

    fn full() -> u64 {
        u64::from(MESSAGE_BURST) * MESSAGE_MILLIONTHS
    }

    /// Takes one message's worth; false when there is none.
    fn take(&mut self, now: Instant) -> bool {
        let elapsed = u64::try_from(now.since(self.filled).as_micros()).unwrap_or(u64::MAX);
        let gained = elapsed.saturating_mul(u64::from(MESSAGES_PER_SECOND));
        self.millionths = self.millionths.saturating_add(gained).min(Self::full());
        self.filled = now;
        let left = self.millionths.checked_sub(MESSAGE_MILLIONTHS);
        self.millionths = left.unwrap_or(self.millionths);
        left.is_some()
    }
}

impl Peer {
    /// Whether this node has it from that seed: by name, or by its membership.
    pub(crate) fn is_owed_to(&self, seed: &PeerId) -> bool {
        self.named_by == Some(*seed) || self.admitted_by == Some(*seed)
    }

    /// Whether anything that it said of itself is being judged.
    pub(crate) const fn is_judged(&self) -> bool {
        self.judging || self.judging_shown
    }

    /// Whether it belongs to the pool.
    pub(crate) fn belongs(&self) -> bool {
        matches!(self.standing, Standing::Member | Standing::Seed)
    }

    /// Counts a message; false when the peer floods.
    pub(crate) fn take_message(&mut self, now: Instant) -> bool {
        self.heard = now;
        self.bucket.take(now)
    }

    /// Where others reach it, if it accepts connections.
    fn reachable(&self, peer: PeerId) -> Option<PeerAddress> {
        let address = SocketAddr::new(self.ip, self.listen_port);
        (self.listen_port != 0).then(|| PeerAddress { peer, addresses: vec![address] })
    }
}

/// Every connected peer.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    by_id: BTreeMap<PeerId, Peer>,
    by_ip: BTreeMap<IpAddr, BTreeSet<PeerId>>,
}

impl Peers {
    /// A connection is up.
    pub(crate) fn insert(&mut self, now: Instant, contact: Contact, ip: IpAddr) {
        let peer = Peer {
            session: contact.session,
            ip,
            came: false,
            listen_port: 0,
            zone: None,
            software: String::new(),
            standing: Standing::Silent,
            judging: false,
            judging_shown: false,
            admitted: false,
            named_by: None,
            admitted_by: None,
            held: Vec::new(),
            heard: now,
            bucket: Bucket::new(now),
        };
        self.remove(&contact.peer);
        self.by_id.insert(contact.peer, peer);
        self.by_ip.entry(ip).or_default().insert(contact.peer);
    }

    /// It is gone.
    pub(crate) fn remove(&mut self, peer: &PeerId) -> Option<Peer> {
        let found = self.by_id.remove(peer)?;
        if let Some(here) = self.by_ip.get_mut(&found.ip) {
            here.remove(peer);
            if here.is_empty() {
                self.by_ip.remove(&found.ip);
            }
        }
        Some(found)
    }

    /// The peer, if it is connected.
    pub(crate) fn get(&self, peer: &PeerId) -> Option<&Peer> {
        self.by_id.get(peer)
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, peer: &PeerId) -> Option<&mut Peer> {
        self.by_id.get_mut(peer)
    }

    /// The peer on that very connection.
    pub(crate) fn on(&mut self, contact: Contact) -> Option<&mut Peer> {
        self.by_id.get_mut(&contact.peer).filter(|peer| peer.session == contact.session)
    }

    /// The peer with its present connection.
    pub(crate) fn contact(&self, peer: &PeerId) -> Option<Contact> {
        self.by_id.get(peer).map(|found| Contact { peer: *peer, session: found.session })
    }

    /// How many are connected.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Everybody who is connected.
    pub(crate) fn ids(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.by_id.keys().copied()
    }

    /// Members that are connected, seeds not counted.
    pub(crate) fn members(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.by_id.iter().filter(|(_, peer)| peer.standing == Standing::Member).map(|(id, _)| *id)
    }

    /// Peers that this node has from that seed.
    pub(crate) fn owed_to(&self, seed: &PeerId) -> usize {
        self.by_id.values().filter(|peer| peer.is_owed_to(seed)).count()
    }

    /// The member that is silent longest, of those that are not spared.
    pub(crate) fn longest_silent(&self, spared: impl Fn(&PeerId) -> bool) -> Option<PeerId> {
        let members = self.by_id.iter().filter(|(_, peer)| peer.standing == Standing::Member);
        let idle = members.filter(|(id, _)| !spared(id));
        idle.min_by_key(|(id, peer)| (peer.heard, **id)).map(|(id, _)| *id)
    }

    /// The member at this address that is silent longest, of those that are not spared.
    pub(crate) fn longest_silent_at(&self, ip: IpAddr, spared: impl Fn(&PeerId) -> bool) -> Option<PeerId> {
        let here = self.members_at(ip).filter(|id| !spared(id));
        here.min_by_key(|id| (self.by_id.get(id).map(|peer| peer.heard), *id))
    }

    /// Members that are connected from this address.
    pub(crate) fn members_at(&self, ip: IpAddr) -> impl Iterator<Item = PeerId> + '_ {
        let here = self.by_ip.get(&ip).into_iter().flatten().copied();
        here.filter(|id| self.by_id.get(id).is_some_and(|peer| peer.standing == Standing::Member))
    }

    /// Seeds that have let this node in.
    pub(crate) fn admitting(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.by_id.iter().filter(|(_, peer)| peer.admitted).map(|(id, _)| *id)
    }

    /// Seeds that said hello.
    pub(crate) fn seeds(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.by_id.iter().filter(|(_, peer)| peer.standing == Standing::Seed).map(|(id, _)| *id)
    }

    /// Where a member is reached; none for seeds, whose addresses the policy names.
    pub(crate) fn reach(&self, peer: &PeerId) -> Option<PeerAddress> {
        let found = self.by_id.get(peer).filter(|found| found.standing == Standing::Member)?;
        found.reachable(*peer)
    }

    /// Some members at random, without this one.
    pub(crate) fn sample(&self, chance: &mut Chance, count: usize, except: &PeerId) -> Vec<PeerAddress> {
        let mut picked = BTreeMap::new();
        for _ in 0..count.saturating_mul(2) {
            let pivot = PeerId::new(PublicKey::from_bytes(chance.name()));
            let after = (Bound::Excluded(pivot), Bound::Unbounded);
            let near = self.by_id.range(after).chain(&self.by_id).take(2 * count);
            let found = near.map(|(id, _)| *id).find(|id| id != except && !picked.contains_key(id));
            if let Some(address) = found.and_then(|id| self.reach(&id)) {
                picked.insert(address.peer, address);
            }
            if picked.len() >= count {
                break;
            }
        }
        picked.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> PeerId {
        PeerId::new(PublicKey::from_bytes([n; 32]))
    }

    fn connect(peers: &mut Peers, n: u8, standing: Standing) {
        peers.insert(Instant::ZERO, Contact { peer: id(n), session: u64::from(n) }, [10, 0, 0, n].into());
        let peer = peers.get_mut(&id(n)).unwrap();
        peer.standing = standing;
        peer.listen_port = 7000;
    }

    #[test]
    fn an_old_connection_is_nobody() {
        let mut peers = Peers::default();
        connect(&mut peers, 1, Standing::Silent);
        assert!(peers.on(Contact { peer: id(1), session: 1 }).is_some());
        assert!(peers.on(Contact { peer: id(1), session: 2 }).is_none());
        assert!(!peers.get(&id(1)).unwrap().belongs());
    }

    #[test]
    fn a_sample_holds_distinct_reachable_members_only() {
        let mut peers = Peers::default();
        for n in 1..=40 {
            connect(&mut peers, n, Standing::Member);
        }
        connect(&mut peers, 50, Standing::Stranger);
        connect(&mut peers, 51, Standing::Seed);
        connect(&mut peers, 52, Standing::Member);
        peers.get_mut(&id(52)).unwrap().listen_port = 0;
        let sample = peers.sample(&mut Chance::new(3), 32, &id(1));
        assert!(sample.len() > 16 && sample.len() <= 32, "{}", sample.len());
        assert!(sample.iter().all(|found| found.peer != id(1)));
        assert!(sample.iter().all(|found| (1..=40).any(|n| found.peer == id(n))));
        assert_eq!(peers.members().count(), 41);
    }

    #[test]
    fn a_small_pool_is_sampled_whole() {
        let mut peers = Peers::default();
        connect(&mut peers, 1, Standing::Member);
        connect(&mut peers, 2, Standing::Member);
        let sample = peers.sample(&mut Chance::new(3), 32, &id(1));
        assert_eq!(sample.len(), 1);
        assert_eq!(sample[0].addresses, ["10.0.0.2:7000".parse().unwrap()]);
        assert!(Peers::default().sample(&mut Chance::new(3), 32, &id(1)).is_empty());
    }

    #[test]
    fn a_burst_is_allowed_and_a_flood_is_not() {
        let mut peers = Peers::default();
        connect(&mut peers, 1, Standing::Member);
        let peer = peers.get_mut(&id(1)).unwrap();
        assert!((0..MESSAGE_BURST).all(|_| peer.take_message(Instant::ZERO)));
        assert!(!peer.take_message(Instant::ZERO));
        let later = Instant::from_micros(1_000_000);
        assert!((0..MESSAGES_PER_SECOND).all(|_| peer.take_message(later)));
        assert!(!peer.take_message(later));
    }

    #[test]
    fn members_of_an_address_are_those_that_are_connected_from_it() {
        let mut peers = Peers::default();
        let here: IpAddr = [10, 0, 0, 1].into();
        for n in 1..=3 {
            peers.insert(Instant::ZERO, Contact { peer: id(n), session: u64::from(n) }, here);
        }
        assert_eq!(peers.members_at(here).count(), 0, "nobody has proven anything");
        for n in 1..=2 {
            peers.get_mut(&id(n)).unwrap().standing = Standing::Member;
        }
        assert_eq!(peers.members_at(here).collect::<Vec<_>>(), [id(1), id(2)]);
        assert_eq!(peers.members_at([10, 0, 0, 9].into()).count(), 0);
        assert!(peers.get_mut(&id(1)).unwrap().take_message(Instant::from_micros(5)));
        assert_eq!(peers.longest_silent_at(here, |_| false), Some(id(2)));
        assert_eq!(peers.longest_silent_at(here, |peer| *peer == id(2)), Some(id(1)));
        assert_eq!(peers.longest_silent_at(here, |_| true), None);
        peers.remove(&id(1));
        assert_eq!(peers.members_at(here).collect::<Vec<_>>(), [id(2)]);
        // It comes again from somewhere else.
        peers.insert(Instant::ZERO, Contact { peer: id(2), session: 9 }, [10, 0, 0, 9].into());
        peers.remove(&id(3));
        assert_eq!(peers.by_ip.len(), 1, "nothing is left of an address that nobody has");
    }

    #[test]
    fn the_one_silent_longest_is_a_member_and_not_spared() {
        let mut peers = Peers::default();
        connect(&mut peers, 1, Standing::Seed);
        for n in 2..=5 {
            connect(&mut peers, n, Standing::Member);
            let spoke = Instant::from_micros(1_000 - u64::from(n));
            assert!(peers.get_mut(&id(n)).unwrap().take_message(spoke));
        }
        assert_eq!(peers.longest_silent(|_| false), Some(id(5)));
        assert_eq!(peers.longest_silent(|peer| *peer == id(5)), Some(id(4)));
        assert_eq!(peers.longest_silent(|_| true), None);
    }
}
