//! Swarms among peers: who takes part, who has what. A seed keeps count and names neighbours; nodes tell each other. While
//! no seed is there, members name each other theirs (`exchange`).
use super::Alarm;
use crate::engine::Engine;
use crate::engine::bounds::{
    MINGLE_FIRST, MINGLE_INTERVAL, MUCH_PART, NAMED_BY_MEMBER_MAX, NEIGHBOURS_WANTED, SWARM_DIALS_MAX,
};
use crate::engine::state::peers::Standing;
use crate::engine::state::swarms::{Stage, Swarm};
use crate::engine::transfer::Audience;
use crate::limits::{NEIGHBOURS_MAX, PEERS_MAX};
use crate::message::{ChunkSet, Control, PeerAddress};
use crate::{ManifestId, Now, PeerId};

/// Neighbours of one swarm that are remembered by name.
const NAMED_MAX: usize = 4 * NEIGHBOURS_MAX;

impl Engine {
    /// Tells the seeds, and the neighbours that are connected, that we take part. While no seed is there, every member
    /// is asked, if a job waits.
    pub(super) fn enter_swarm(&mut self, manifest: &ManifestId) {
        let Some(swarm) = self.swarms.get(manifest).filter(|_| self.may_enter(manifest)) else { return };
        let mut peers: Vec<PeerId> = self.peers.admitting().collect();
        let seeds_away = peers.is_empty();
        let wanted = seeds_away && !swarm.jobs.is_empty();
        let members = self.peers.members().filter(|peer| wanted || swarm.neighbours.contains(peer));
        peers.extend(members.take(PEERS_MAX));
        peers.retain(|peer| !swarm.entered.contains(peer));
        for peer in peers {
            self.tell_entry(manifest, peer);
        }
    }

    /// Whether others may hear that we take part: the manifest is certified, and something is known of the store.
    fn may_enter(&self, manifest: &ManifestId) -> bool {
        let known = self.swarms.get(manifest).is_some_and(looked);
        known && !self.stopping && !self.is_seed() && self.catalogue.get(manifest).is_some()
    }

    /// Tells one peer that we take part, and what we hold.
    pub(super) fn tell_entry(&mut self, manifest: &ManifestId, peer: PeerId) {
        let Some(swarm) = self.swarms.get_mut(manifest) else { return };
        if swarm.entered.is_empty() {
            // Whoever hears of us from now on hears of everything that is held.
            self.transfer.forget_news(*manifest);
        }
        swarm.entered.insert(peer);
        let held = if self.serves_peers { self.transfer.held_of(*manifest) } else { ChunkSet::default() };
        self.send_entry(*manifest, peer, held);
    }

    /// Says that we take part, and have these.
    pub(super) fn send_entry(&mut self, manifest: ManifestId, peer: PeerId, held: ChunkSet) {
        let mut pieces = held.split().into_iter();
        let have = pieces.next().unwrap_or_default();
        self.send(peer, Control::Enter { manifest, have });
        for chunks in pieces {
            self.send(peer, Control::Have { manifest, chunks });
        }
    }

    /// Tells the swarm what is newly held: each peer what it may want, seeds everything.
    pub(super) fn announce(&mut self, manifest: &ManifestId, chunks: &ChunkSet, audience: Audience) {
        let told = self.serves_peers && !self.stopping && !chunks.is_empty();
        let Some(swarm) = self.swarms.get(manifest).filter(|_| told) else { return };
        let seeds = audience == Audience::Seeds;
        let peers = swarm.entered.iter().filter(|peer| self.config.trust.is_seed(peer) == seeds);
        for peer in peers.copied().collect::<Vec<PeerId>>() {
            let news = if seeds { chunks.clone() } else { self.transfer.lacked_by(peer, *manifest, chunks) };
            for chunks in news.split() {
                self.send(peer, Control::Have { manifest: *manifest, chunks });
            }
        }
    }

    /// A seed has let us in: it hears of every swarm.
    pub(super) fn enter_all(&mut self, _now: Now, seed: PeerId) {
        for manifest in self.swarms.manifests() {
            if self.may_enter(&manifest) {
                self.tell_entry(&manifest, seed);
            }
        }
    }

    /// A member is met: it hears of the swarms where it was named, and of those that jobs wait for.
    pub(super) fn member_met(&mut self, now: Now, peer: PeerId) {
        for manifest in self.swarms.manifests() {
            self.note_kin(now, peer, &manifest);
            let Some(swarm) = self.swarms.get(&manifest) else { continue };
            let concerned = swarm.neighbours.contains(&peer) || !swarm.jobs.is_empty();
            if concerned && self.may_enter(&manifest) {
                self.tell_entry(&manifest, peer);
            }
        }
    }

    /// While jobs wait, seeds are asked for neighbours again now and then; soon, as long as there are few.
    pub(super) fn mingle_again(&mut self, now: Now, manifest: ManifestId) {
        let seeds: Vec<PeerId> = self.peers.admitting().collect();
        let Some(swarm) = self.swarms.get_mut(&manifest) else { return };
        if swarm.jobs.is_empty() || swarm.complete {
            return;
        }
        let here = swarm.neighbours.iter().filter(|peer| self.peers.get(peer).is_some()).count();
        let few = here < NEIGHBOURS_WANTED;
        swarm.mingles = if few { swarm.mingles.saturating_add(1) } else { 0 };
        let soon = MINGLE_FIRST.saturating_mul(1 << swarm.mingles.min(16));
        let wait = if few { soon.min(MINGLE_INTERVAL) } else { MINGLE_INTERVAL };
        let alone = few && seeds.is_empty();
        for seed in seeds {
            swarm.entered.remove(&seed);
        }
        self.enter_swarm(&manifest);
        if alone {
            self.ask_neighbours(manifest);
        }
        self.timers.set(Alarm::Mingle(manifest), now.instant.after(wait));
    }

    /// A peer takes part in a swarm.
    pub(super) fn on_enter(&mut self, now: Now, peer: PeerId, manifest: ManifestId, have: &ChunkSet) {
        if self.is_seed() {
            self.count_entry(now, peer, manifest, have);
        }
        self.note_entry(now, &manifest, have);
        let may_enter = self.may_enter(&manifest);
        let Some(swarm) = self.swarms.get_mut(&manifest) else { return };
        if swarm.neighbours.len() >= NAMED_MAX && !swarm.neighbours.contains(&peer) {
            // One that is here is worth more than the name of one that is not.
            let away = swarm.neighbours.iter().find(|named| self.peers.get(named).is_none()).copied();
            away.map(|away| swarm.neighbours.remove(&away));
        }
        if swarm.neighbours.len() < NAMED_MAX {
            swarm.neighbours.insert(peer);
        }
        let answered = swarm.entered.contains(&peer);
        self.transfer.peer_has(now.instant, peer, manifest, have);
        if may_enter && !answered {
            self.tell_entry(&manifest, peer);
        }
    }

    /// Who lacks some of it restores it; who has everything may only have been started.
    fn note_entry(&mut self, now: Now, manifest: &ManifestId, have: &ChunkSet) {
        let entry = self.catalogue.get(manifest);
        if entry.is_some_and(|entry| have.len() < entry.certified.manifest().chunk_count()) {
            self.note_use(now, *manifest);
        }
    }

    /// A seed counts a member in, names neighbours and says what it has itself.
    fn count_entry(&mut self, now: Now, peer: PeerId, manifest: ManifestId, have: &ChunkSet) {
        let member = self.peers.get(&peer).is_some_and(|found| found.standing == Standing::Member);
        let believed = self.catalogue.get(&manifest).filter(|entry| !entry.withdrawn);
        let Some(entry) = believed.filter(|_| member) else { return };
        let (count, complete) = (entry.certified.manifest().chunk_count(), entry.complete);
        let is_new = !self.tracker.contains(&manifest, &peer);
        // Who owes a proof is told of others all the same.
        let counts = !self.unproven.holds(now.instant, &peer);
        if counts && !self.tracker.enter(manifest, peer, have.len()) {
            return;
        }
        if counts && is_new && have.len() >= count / MUCH_PART {
            self.tracker.set_aside(&manifest, peer);
        }
        let named = self.tracker.sample(&mut self.chance, &manifest, NEIGHBOURS_MAX, &peer);
        let peers: Vec<PeerAddress> = named.iter().filter_map(|peer| self.peers.reach(peer)).collect();
        self.send(peer, Control::Neighbours { manifest, peers });
        if complete {
            self.send(peer, Control::Enter { manifest, have: ChunkSet::range(0, count) });
        }
        self.consider_proof(now, (peer, manifest), have, (have.len(), count));
        if have.len() >= count && counts {
            self.holder_came(now, manifest, peer);
        } else if !self.tracker.has_part(&manifest, &peer) {
            self.on_ask_part(peer, manifest);
            if is_new {
                self.find_kin(peer, manifest);
            }
        }
    }

    /// A member asks what it is to take of this seed. Once each chunk was named, whoever asks waits while others are given
    /// what was named to them: a chunk is named again only where that keeps nobody from what is given for the first time.
    pub(super) fn on_ask_part(&mut self, peer: PeerId, manifest: ManifestId) {
        let waits = self.tracker.is_given_out(&manifest, &peer);
        if waits {
            self.tracker.wait_for_part(manifest, peer);
        }
        if waits || !self.name_part(peer, manifest) {
            self.name_waiting();
        }
    }

    /// Who waits longest for a part hears of one, if this seed gives little.
    pub(super) fn name_waiting(&mut self) {
        while self.transfer.gives_little()
            && let Some((manifest, peer)) = self.tracker.next_waiting()
        {
            if self.name_part(peer, manifest) {
                break;
            }
        }
    }

    /// Tells a member what it is to take of this seed; whether there is anything to tell. Who is told nothing takes what it
    /// likes.
    fn name_part(&mut self, peer: PeerId, manifest: ManifestId) -> bool {
        let whole = self.catalogue.get(&manifest).filter(|entry| entry.complete && !entry.withdrawn);
        let count = whole.map(|entry| entry.certified.manifest().chunk_count());
        let part = count.and_then(|count| self.tracker.next_part(&manifest, &peer, count));
        let Some(chunks) = part else { return false };
        self.send(peer, Control::Part { manifest, chunks });
        true
    }

    /// A seed says what is to be taken of it.
    pub(super) fn on_part(&mut self, now: Now, seed: PeerId, manifest: &ManifestId, chunks: &ChunkSet) {
        self.transfer.add_part(now.instant, seed, *manifest, chunks);
    }

    /// What a seed said is under way or here: what next?
    pub(in crate::engine) fn part_used(&mut self, seed: PeerId, manifest: ManifestId) {
        self.send(seed, Control::AskPart { manifest });
    }

    /// A member has everything: it hears what is newest in the lineage, and may have what this seed lacks.
    fn holder_came(&mut self, now: Now, manifest: ManifestId, peer: PeerId) {
        let lineage =
            self.catalogue.get(&manifest).and_then(|entry| entry.certified.manifest().key.lineage());
        if let Some(lineage) = lineage {
            self.relay_to(now, &lineage, peer);
        }
        self.regain(now, manifest);
    }

    /// A seed tells the members of a swarm that it has every chunk.
    pub(super) fn tell_complete(&mut self, manifest: ManifestId) {
        let Some(entry) = self.catalogue.get(&manifest) else { return };
        let have = ChunkSet::range(0, entry.certified.manifest().chunk_count());
        let members: Vec<PeerId> = self.tracker.members(&manifest).collect();
        for peer in members {
            self.send(peer, Control::Enter { manifest, have: have.clone() });
        }
    }

    /// A peer has more.
    pub(super) fn on_have(&mut self, now: Now, peer: PeerId, manifest: ManifestId, chunks: &ChunkSet) {
        if self.swarms.get(&manifest).is_some() {
            self.transfer.peer_has(now.instant, peer, manifest, chunks);
        }
        let Some(have) = self.tracker.gain(&manifest, &peer, chunks.len()) else { return };
        let Some(entry) = self.catalogue.get(&manifest) else { return };
        let count = entry.certified.manifest().chunk_count();
        self.consider_proof(now, (peer, manifest), chunks, (have, count));
        if have >= count && have.saturating_sub(chunks.len()) < count {
            self.holder_came(now, manifest, peer);
        }
    }

    /// A peer takes no part any more.
    pub(super) fn on_leave(&mut self, now: Now, peer: PeerId, manifest: ManifestId) {
        self.tracker.leave(&manifest, &peer);
        if let Some(swarm) = self.swarms.get_mut(&manifest) {
            swarm.neighbours.remove(&peer);
            swarm.entered.remove(&peer);
            self.transfer.peer_left(now.instant, peer, manifest);
        }
    }

    /// A seed names neighbours, or a member that was asked to.
    pub(super) fn on_neighbours(
        &mut self,
        now: Now,
        by: PeerId,
        manifest: ManifestId,
        peers: &[PeerAddress],
    ) {
        let is_seed = self.config.trust.is_seed(&by);
        let Some(swarm) = self.swarms.get_mut(&manifest) else { return };
        if is_seed {
            swarm.asked.clear();
        } else if !swarm.asked.remove(&by) {
            return;
        }
        let most = if is_seed { NEIGHBOURS_MAX } else { NAMED_BY_MEMBER_MAX };
        let others = peers.iter().take(most).filter(|named| named.peer != self.config.me);
        let mut others: Vec<&PeerAddress> = others.collect();
        for named in &others {
            if swarm.neighbours.len() < NAMED_MAX {
                swarm.neighbours.insert(named.peer);
            }
        }
        let owed = |peer: &&PeerId| self.peers.get(peer).is_some_and(|found| found.is_owed_to(&by));
        let here = swarm.neighbours.iter().filter(owed).count();
        // An even part of each seed, so that one that names its own does not keep those of the others away; more while that
        // is not enough, as others may be away.
        let part = NEIGHBOURS_WANTED.div_ceil(self.config.trust.policy().seeds.len().max(1));
        let part = part.saturating_mul(1 << swarm.mingles.min(4)).min(NEIGHBOURS_WANTED);
        let part = if is_seed { part } else { NAMED_BY_MEMBER_MAX };
        let mut dials = SWARM_DIALS_MAX.min(part.saturating_sub(here));
        self.chance.shuffle(&mut others);
        for named in others {
            if dials > 0 && self.dial_neighbour(now, named, &by) {
                dials -= 1;
            }
        }
        self.enter_swarm(&manifest);
    }
}

/// Whether it is known which of the tree's chunks the store holds, and of the content if it can be.
fn looked(swarm: &Swarm) -> bool {
    match swarm.stage {
        Stage::LookingTree | Stage::Opening | Stage::LookingContent => false,
        Stage::TreeMissing | Stage::PullingTree | Stage::Known | Stage::PullingContent | Stage::Faulty(_) => {
            true
        }
    }
}
