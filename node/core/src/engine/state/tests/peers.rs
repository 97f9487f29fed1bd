//! Connected peers beside a plain list, and the rate at which they may speak beside exact arithmetic.
use super::super::chance::Chance;
use super::super::peers::{Contact, Peers, Standing};
use super::{at, peer};
use crate::engine::bounds::{MESSAGE_BURST, MESSAGES_PER_SECOND};
use crate::{Instant, PeerId};
use core::time::Duration;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

fn ip(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, number))
}

fn contact(number: u16, session: u64) -> Contact {
    Contact { peer: peer(number), session }
}

const STANDINGS: [Standing; 4] = [Standing::Silent, Standing::Stranger, Standing::Member, Standing::Seed];

#[derive(Clone, Copy, Debug)]
enum Step {
    Connect { who: u16, ip: u8 },
    Gone { who: u16 },
    Prove { who: u16, standing: usize },
    Speak { who: u16 },
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0_u16..6;
    prop_oneof![
        3 => (who.clone(), 0_u8..3).prop_map(|(who, ip)| Step::Connect { who, ip }),
        1 => who.clone().prop_map(|who| Step::Gone { who }),
        4 => (who.clone(), 0_usize..4).prop_map(|(who, standing)| Step::Prove { who, standing }),
        2 => who.prop_map(|who| Step::Speak { who }),
    ]
}

#[derive(Clone, Copy)]
struct Known {
    session: u64,
    ip: u8,
    standing: Standing,
    heard: u64,
}

#[derive(Default)]
struct Model {
    peers: Peers,
    known: BTreeMap<u16, Known>,
    now: u64,
}

impl Model {
    fn run(&mut self, step: Step) {
        self.now += 1;
        match step {
            Step::Connect { who, ip: address } => {
                self.peers.insert(at(self.now), contact(who, self.now), ip(address));
                let (session, heard) = (self.now, self.now);
                self.known.insert(who, Known { session, ip: address, standing: Standing::Silent, heard });
            }
            Step::Gone { who } => {
                let (removed, known) = (self.peers.remove(&peer(who)), self.known.remove(&who));
                assert_eq!(removed.map(|peer| peer.session), known.map(|known| known.session));
            }
            Step::Prove { who, standing } => self.prove(who, STANDINGS[standing]),
            Step::Speak { who } => {
                if let (Some(found), Some(known)) = (self.peers.get_mut(&peer(who)), self.known.get_mut(&who))
                {
                    assert!(found.take_message(at(self.now)));
                    known.heard = self.now;
                }
            }
        }
    }

    fn prove(&mut self, who: u16, standing: Standing) {
        let Some(known) = self.known.get_mut(&who) else { return };
        assert!(self.peers.on(contact(who, known.session + 1)).is_none(), "another connection");
        let found = self.peers.on(contact(who, known.session)).expect("it is connected");
        found.standing = standing;
        known.standing = standing;
    }

    fn which(&self, wanted: impl Fn(&Known) -> bool) -> Vec<PeerId> {
        self.known.iter().filter(|(_, known)| wanted(known)).map(|(who, _)| peer(*who)).collect()
    }

    fn check(&self) {
        let is_member = |known: &Known| known.standing == Standing::Member;
        assert_eq!(self.peers.len(), self.known.len());
        assert!(self.peers.members().eq(self.which(is_member)));
        assert!(self.peers.seeds().eq(self.which(|known| known.standing == Standing::Seed)));
        for address in 0..3 {
            let here = self.which(|known| is_member(known) && known.ip == address);
            assert!(self.peers.members_at(ip(address)).eq(here));
        }
        let members = || self.known.iter().filter(|(_, known)| is_member(known));
        let silent = members().min_by_key(|(_, known)| known.heard).map(|(who, _)| peer(*who));
        assert_eq!(self.peers.longest_silent(|_| false), silent);
        let spared = silent;
        let next = members().filter(|(who, _)| Some(peer(**who)) != spared);
        let next = next.min_by_key(|(_, known)| known.heard).map(|(who, _)| peer(*who));
        assert_eq!(self.peers.longest_silent(|id| Some(*id) == spared), next);
    }
}

/// Tokens left in a bucket that never rounds, in millionths of a message.
struct Exact {
    millionths: u64,
    filled: u64,
}

impl Exact {
    fn full() -> u64 {
        u64::from(MESSAGE_BURST) * 1_000_000
    }

    fn take(&mut self, micros: u64) -> bool {
        let gained = (micros - self.filled) * u64::from(MESSAGES_PER_SECOND);
        self.millionths = (self.millionths + gained).min(Self::full());
        self.filled = micros;
        let left = self.millionths.checked_sub(1_000_000);
        self.millionths = left.unwrap_or(self.millionths);
        left.is_some()
    }
}

proptest! {
    #[test]
    fn every_list_of_peers_says_the_same(steps in prop::collection::vec(step(), 0..60)) {
        let mut model = Model::default();
        for step in steps {
            model.run(step);
            model.check();
        }
    }

    #[test]
    fn a_sample_has_only_members_that_accept_connections(
        kinds in prop::collection::vec((0_usize..4, any::<bool>()), 0..30),
        count in 0_usize..12,
        seed: u64,
    ) {
        let mut peers = Peers::default();
        for (number, (standing, listens)) in (0_u16..).zip(&kinds) {
            peers.insert(Instant::ZERO, contact(number * 2_000, 1), ip(1));
            let found = peers.get_mut(&peer(number * 2_000)).unwrap();
            found.standing = STANDINGS[*standing];
            found.listen_port = if *listens { 7 } else { 0 };
        }
        let picked = peers.sample(&mut Chance::new(seed), count, &peer(0));
        prop_assert!(picked.len() <= count);
        let distinct: BTreeSet<_> = picked.iter().map(|address| address.peer).collect();
        prop_assert_eq!(distinct.len(), picked.len());
        for address in picked {
            prop_assert!(address.peer != peer(0));
            prop_assert_eq!(peers.get(&address.peer).map(|peer| peer.standing), Some(Standing::Member));
            prop_assert_eq!(address.addresses, [std::net::SocketAddr::new(ip(1), 7)]);
        }
    }

    #[test]
    fn the_rate_of_messages_is_neither_cut_nor_stretched_by_rounding(
        waits in prop::collection::vec(0_u64..3_000, 1..40),
    ) {
        let mut peers = Peers::default();
        peers.insert(Instant::ZERO, contact(1, 1), ip(1));
        let mut exact = Exact { millionths: Exact::full(), filled: 0 };
        let found = peers.get_mut(&peer(1)).unwrap();
        let (mut micros, mut taken, mut allowed) = (0, 0_u32, 0_u32);
        for wait in waits.iter().cycle().take(6_000) {
            micros += wait;
            taken += u32::from(found.take_message(at(micros)));
            allowed += u32::from(exact.take(micros));
        }
        prop_assert_eq!(taken, allowed);
    }
}

#[test]
fn who_keeps_to_the_rate_for_an_hour_is_no_flooder() {
    let mut peers = Peers::default();
    peers.insert(Instant::ZERO, contact(1, 1), ip(1));
    let found = peers.get_mut(&peer(1)).unwrap();
    let pair = Duration::from_secs(2) / MESSAGES_PER_SECOND;
    let mut begin = Instant::ZERO;
    for _ in 0..3_600 * MESSAGES_PER_SECOND / 2 {
        assert!(found.take_message(begin), "at {begin:?}");
        assert!(found.take_message(begin.after(Duration::from_micros(1_900))));
        begin = begin.after(pair);
    }
}

#[test]
fn a_long_silence_fills_no_more_than_a_burst() {
    let mut peers = Peers::default();
    peers.insert(Instant::ZERO, contact(1, 1), ip(1));
    let found = peers.get_mut(&peer(1)).unwrap();
    let later = Instant::ZERO.after(Duration::from_secs(365 * 24 * 3_600));
    for moment in [Instant::ZERO, later, Instant::NEVER] {
        assert!((0..MESSAGE_BURST).all(|_| found.take_message(moment)));
        assert!(!found.take_message(moment), "{moment:?}");
    }
}

#[test]
fn a_peer_that_connects_again_begins_anew() {
    let mut peers = Peers::default();
    peers.insert(Instant::ZERO, contact(1, 1), ip(1));
    let found = peers.get_mut(&peer(1)).unwrap();
    (found.standing, found.admitted, found.listen_port) = (Standing::Member, true, 7);
    assert!(peers.reach(&peer(1)).is_some());
    assert_eq!(peers.admitting().count(), 1);
    peers.insert(at(5), contact(1, 2), ip(2));
    assert_eq!(peers.contact(&peer(1)), Some(contact(1, 2)));
    assert!(peers.reach(&peer(1)).is_none() && !peers.get(&peer(1)).unwrap().belongs());
    assert_eq!((peers.admitting().count(), peers.len()), (0, 1));
    peers.get_mut(&peer(1)).unwrap().standing = Standing::Member;
    assert_eq!((peers.members_at(ip(1)).count(), peers.members_at(ip(2)).count()), (0, 1));
}
