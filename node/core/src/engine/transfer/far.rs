//! What is asked of far peers and seeds: what no near member has, so that a thin link between zones carries little
//! more than one copy.
//!
//! Of those chunks a node asks for what a far seed named to it as its part, and for those for which it is the delegate of its
//! neighbourhood (`near`); as long as far seeds name parts, which they do so that each zone is told each chunk once, that is
//! enough, and far peers are asked for nothing. Where several far seeds name parts, each chunk is taken of one of them only,
//! which all agree on. A delegate, a seed that names parts, or a near member that has something may be dead, slow or hostile,
//! and nothing is to hang by that: when nothing is on its way to a node, or nothing has come for a while, and now and then in
//! any case, it asks for one chunk more, whoever is to bring that; and for more at a time as long as the way there turns out
//! to be free (`afar`). What near members have is asked for so only while all of them together are much slower than one far one.
//!
//! Who lies about where it is gains little: what a near member says that it has counts only while it gives, and not much
//! slower than far ones do; and whoever gives as slowly as that is soon passed by, where links between zones are free.

use super::bits::Bits;
use super::limits::NEAR_SLOWER;
use super::near::Lot;
use super::peers::{Peer, Whereabouts};
use super::plan::{Pick, Picker, count};
use super::slab::{ChunkNo, PeerNo, SwarmNo};
use super::swarm::Swarm;
use super::wants::Lane;
use super::{Transfer, Wanter};
use crate::engine::{FetchId, Output};
use crate::{Instant, PeerId};
use core::time::Duration;

impl Transfer {
    /// A peer is there. A seed asks all alike: what it pulls has to be safe soon.
    pub(super) fn place(&mut self, id: PeerId, whereabouts: Whereabouts) {
        let is_seed = self.serving.spares;
        let Some(no) = self.peers.find(id) else { return };
        let Some(peer) = self.peers.get_mut(no) else { return };
        if peer.whereabouts == whereabouts || (is_seed && whereabouts == Whereabouts::Far) {
            return;
        }
        peer.whereabouts = whereabouts;
        for wants in self.wanters.values_mut() {
            wants.lanes.values_mut().for_each(|lane| lane.forget_peer(no));
        }
        self.note_near(no);
        self.make_ready(no);
    }

    /// What a near peer is to its swarms may have changed.
    pub(super) fn note_near_of(&mut self, id: PeerId) {
        if let Some(no) = self.peers.find(id) {
            self.note_near(no);
        }
    }

    /// The same.
    pub(super) fn note_near(&mut self, no: PeerNo) {
        let Some(peer) = self.peers.get(no).filter(|peer| peer.whereabouts != Whereabouts::Unknown) else {
            return;
        };
        let now = peer.as_near_member(self.far_service.saturating_mul(NEAR_SLOWER));
        for &swarm in &peer.swarms {
            if let Some(swarm) = self.swarms.get_mut(swarm) {
                swarm.set_near(no, now);
            }
        }
    }

    /// Remembers what was asked of a far member that is not this node's to bring.
    pub(super) fn note_lone(&mut self, now: Instant, wanter: Wanter, asked: Option<&Output>) {
        let Some(Output::Fetch { chunks, .. }) = asked else { return };
        if let Some(wants) = self.wanters.get_mut(&wanter) {
            chunks.iter().for_each(|(fetch, _)| wants.afar.note_asked(now, *fetch));
        }
    }

    /// Whether something of a far member is to be asked for because nothing comes: looked at when a fetch takes long.
    pub(super) fn look_afar(&mut self, now: Instant, fetch: FetchId) {
        let Some(wanter) = self.fetches.get(&fetch).and_then(|known| known.sponsor) else { return };
        let wants = self.wanters.get(&wanter).filter(|wants| wants.stands(now));
        if wants.is_some_and(|wants| wants.lanes.values().any(|lane| !lane.far.is_empty())) {
            self.active.insert(wanter);
        }
    }
}

/// What may be asked of a far member now.
#[derive(Clone, Debug)]
pub(super) struct Due<'a> {
    /** what it has, or named */
    have: &'a Bits,
    /** but for these */
    barred: &'a Bits,
    /** the seed that this is a part of, and the others that name parts */
    seeds: Option<(Lot, Vec<Lot>)>,
    manifest: Lot,
}

impl Due<'_> {
    /// Whether an index is.
    pub(super) fn contains(&self, index: u32) -> bool {
        self.have.contains(index) && !self.barred.contains(index) && self.is_of_seed(index)
    }

    /// Whether a part's chunk is to be taken of that seed, and not of another.
    fn is_of_seed(&self, index: u32) -> bool {
        let Some((seed, others)) = &self.seeds else { return true };
        let draw = seed.draw(self.manifest, index);
        others.iter().all(|other| draw <= other.draw(self.manifest, index))
    }

    /// Those that are wanted, from an index on and then from zero up to it.
    pub(super) fn wanted<'a>(&'a self, lane: &'a Lane, start: u32) -> impl Iterator<Item = u32> + 'a {
        lane.todo.common_without(self.have, self.barred, start).filter(|&index| self.is_of_seed(index))
    }
}

impl Picker<'_> {
    /// Chunks of this lane and a free far member that has them.
    pub(super) fn pick_far(&mut self, no: SwarmNo, lane: &mut Lane) -> Option<Pick> {
        let swarm = self.swarms.get(no).filter(|_| lane.has_work())?;
        lane.far.retain(|&far| self.peers.get(far).is_some_and(Peer::is_free));
        let mut ready = lane.far.clone();
        while let Some(peer) = self.draw_two(&mut ready) {
            let chunks = self.ask_due((no, swarm), lane, peer);
            if !chunks.is_empty() {
                lane.begun = lane.begun.saturating_add(count(&chunks));
                return Some(Pick { chunks, peer, is_lone: false });
            }
            ready.retain(|&other| other != peer);
        }
        if self.is_idle || self.may_ask_afar { self.pick_one(swarm, lane) } else { None }
    }

    /// What this node is to ask of a far member.
    fn ask_due(&mut self, (no, swarm): (SwarmNo, &Swarm), lane: &Lane, peer: PeerNo) -> Vec<ChunkNo> {
        let Some(due) = self.due(swarm, peer) else { return Vec::new() };
        let index = self.pick_due(swarm, lane, &due);
        let chunks = index.map(|index| self.group_due((swarm, lane), peer, &due, index)).unwrap_or_default();
        if due.seeds.is_some() {
            self.far_parts.push((no, peer, count(&chunks)));
        }
        chunks
    }

    fn due<'s>(&self, swarm: &'s Swarm, peer: PeerNo) -> Option<Due<'s>> {
        let manifest = swarm.near.manifest();
        let gives = |other: &&Peer| other.stalls == 0 && other.is_proven();
        let far = |no| self.peers.get(no).filter(|other| other.is_far()).filter(gives);
        let Some(part) = swarm.part(peer) else {
            let named = swarm.seeds_with_parts().filter_map(far).next().is_some();
            let (have, barred) = (swarm.have(peer)?, swarm.near.barred().filter(|_| !named)?);
            return Some(Due { have, barred, seeds: None, manifest });
        };
        let seed = self.peers.get(peer)?;
        let others = swarm.seeds_with_parts().filter_map(far).filter(|other| other.id != seed.id);
        let others: Vec<Lot> = others.map(|other| Lot::of_peer(other.id)).collect();
        if seed.stalls > 0 && !others.is_empty() {
            return None;
        }
        let seeds = Some((Lot::of_peer(seed.id), others));
        Some(Due { have: &part.chunks, barred: swarm.near.held(), seeds, manifest })
    }

    /// The rarest of a sample.
    fn pick_due(&mut self, swarm: &Swarm, lane: &Lane, due: &Due<'_>) -> Option<u32> {
        self.rarest(swarm, lane, |start| due.wanted(lane, start))
    }

    /// One chunk that a far member has, if possible one that no near member has; another only where these bring too little.
    fn pick_one(&mut self, swarm: &Swarm, lane: &mut Lane) -> Option<Pick> {
        let found = self.find_one((swarm, lane), swarm.near.held());
        if found.is_none() && !self.is_idle && !self.probes_afar && !self.is_hungry(swarm) {
            return None;
        }
        let found = found.or_else(|| self.find_one((swarm, lane), &Bits::default()));
        let (chunk, peer) = found.or_else(|| self.find_loose(swarm, lane))?;
        lane.begun = lane.begun.saturating_add(1);
        Some(Pick { chunks: vec![chunk], peer, is_lone: true })
    }

    /// Whether all near members that give are much slower together than one far one.
    fn is_hungry(&self, swarm: &Swarm) -> bool {
        let rate = |service: Duration| 1_000_000 / service.as_micros().max(1);
        let near = swarm.near.holders().filter_map(|no| Some(rate(self.peers.get(no)?.service())));
        near.sum::<u128>().saturating_mul(2) < rate(self.far_service)
    }

    /// A chunk of a far member that is not barred.
    fn find_one(&mut self, (swarm, lane): (&Swarm, &Lane), barred: &Bits) -> Option<(ChunkNo, PeerNo)> {
        let mut ready = lane.far.clone();
        while let Some(peer) = self.draw_two(&mut ready) {
            let have = swarm.have(peer)?;
            let index = self.rarest(swarm, lane, |start| lane.todo.common_without(have, barred, start));
            if let Some(chunk) = index.and_then(|index| swarm.chunk(index)) {
                return Some((chunk, peer));
            }
            ready.retain(|&other| other != peer);
        }
        None
    }

    /// A chunk that no swarm lists.
    fn find_loose(&mut self, swarm: &Swarm, lane: &mut Lane) -> Option<(ChunkNo, PeerNo)> {
        let mut whole = lane.far.clone();
        whole.retain(|&far| swarm.have(far).is_some_and(Bits::is_full));
        let peer = self.draw(&mut whole)?;
        Some((self.pick_loose(lane, peer)?, peer))
    }
}
