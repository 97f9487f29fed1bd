//! Connected peers, as sources of chunks: how much may be asked of each, how fast it answers, whether it is to be left alone.

use super::limits::{
    BACKOFF_MAX, BACKOFF_MIN, HAVE_BYTES_MAX, HAVE_BYTES_PER_PEER_MAX, PIPELINE_TIME_MAX, REFILL_PART,
    SERVICE_FIRST, WINDOW_LEAST, WINDOW_LEAST_SEED, WINDOW_START, WINDOW_START_SEED,
};
use super::near::{Lot, NearMember};
use super::pace::Pace;
use super::serve::Ask;
use super::slab::{PeerNo, Slab, SwarmNo};
use crate::engine::Source;
use crate::limits::FETCHES_PER_PEER_MAX;
use crate::{Instant, PeerId};
use core::cmp::Ordering;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Where a peer is, as seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// Its zone, or this node's, is not known.
    Unknown,
    /// In this node's zone.
    Near,
    /// In another.
    Far,
}

/// One connected peer.
#[derive(Debug)]
pub(super) struct Peer {
    /** its name */
    pub(super) id: PeerId,
    /** what its chunks count as: peer or seed */
    pub(super) source: Source,
    /** where it is */
    pub(super) whereabouts: Whereabouts,
    /** chunks asked of it and not arrived */
    pub(super) queue: u32,
    /** how many may be */
    pub(super) window: u32,
    /** since the window was last looked at */
    arrivals: u32,
    /** what one of its chunks takes, smoothed */
    service: Duration,
    /** when its last chunk arrived */
    pub(super) arrived: Instant,
    /** how long it said nothing before that, with something asked of it that came from others in the end */
    silence: Duration,
    /** since when it says nothing, while anything is asked of it */
    silent_from: Instant,
    /** stalls since anything of it arrived */
    pub(super) stalls: u32,
    backoff: Duration,
    /** when what last ended in trouble was asked of it */
    troubled: Option<Instant>,
    /** not asked until then */
    pub(super) paused_until: Option<Instant>,
    /** sent something wrong: never asked again */
    pub(super) distrusted: bool,
    /** what it was given beside others */
    pub(super) pace: Pace,
    /** requests in a row that it declined because it was busy */
    pub(super) busy: u32,
    /** asks of it that a seed declined in a row, so that others give it the chunk */
    pub(super) spared: u32,
    /** a seed: not asked for another part before */
    pub(super) parts_from: Instant,
    /** swarms that it is a member of */
    pub(super) swarms: BTreeSet<SwarmNo>,
    /** what it asked for and was not given yet */
    pub(super) asks: VecDeque<Ask>,
    have_bytes: usize,
}

impl Peer {
    fn new(id: PeerId, source: Source) -> Self {
        let window = if source == Source::Seed { WINDOW_START_SEED } else { WINDOW_START };
        Self {
            id,
            source,
            whereabouts: Whereabouts::Unknown,
            queue: 0,
            window,
            arrivals: 0,
            service: SERVICE_FIRST,
            arrived: Instant::ZERO,
            silence: Duration::ZERO,
            silent_from: Instant::ZERO,
            stalls: 0,
            backoff: BACKOFF_MIN,
            troubled: None,
            paused_until: None,
            distrusted: false,
            pace: Pace::default(),
            busy: 0,
            spared: 0,
            parts_from: Instant::ZERO,
            swarms: BTreeSet::new(),
            asks: VecDeque::new(),
            have_bytes: 0,
        }
    }

    /// Whether it may be asked for one more chunk.
    pub(super) fn has_place(&self) -> bool {
        self.queue < self.window && self.paused_until.is_none() && !self.distrusted
    }

    /// Whether it is to be asked for more: a good part of its pipeline is empty, so that one request can fill it. What is
    /// left hides the time that takes.
    pub(super) fn is_free(&self) -> bool {
        self.has_place() && self.places() >= self.window / REFILL_PART
    }

    /// Whether it has given anything.
    pub(super) fn is_proven(&self) -> bool {
        self.arrived > Instant::ZERO
    }

    /// Whether it is in this node's zone.
    pub(super) fn is_near(&self) -> bool {
        self.whereabouts == Whereabouts::Near
    }

    /// Whether it is known to be in another.
    pub(super) fn is_far(&self) -> bool {
        self.whereabouts == Whereabouts::Far
    }

    /// What one of its chunks takes.
    pub(super) const fn service(&self) -> Duration {
        self.service
    }

    /// What it is to the swarms that it takes part in, if it is near. One that takes longer than this is no holder that counts.
    pub(super) fn as_near_member(&self, service_max: Duration) -> Option<NearMember> {
        let is_well = self.stalls == 0;
        self.is_near().then(|| NearMember {
            lot: Lot::of_peer(self.id),
            is_holder: is_well && self.is_proven() && self.service <= service_max,
            is_rival: is_well && self.source == Source::Peer,
        })
    }

    /// How many chunks more its pipeline takes.
    fn places(&self) -> u32 {
        self.window.saturating_sub(self.queue)
    }

    /// How many chunks one request may name: what fits the pipeline, and empties within the time allowed.
    pub(super) fn request_chunks_max(&self) -> u32 {
        self.places().min(self.chunks_in_time()).max(1)
    }

    /// How many of its chunks come within the time that a pipeline may take.
    fn chunks_in_time(&self) -> u32 {
        let fits = PIPELINE_TIME_MAX.as_micros() / self.service.as_micros().max(1);
        u32::try_from(fits).unwrap_or(u32::MAX)
    }

    /// How long one more chunk would take: what is queued, at the measured speed.
    pub(super) fn expected(&self) -> Duration {
        self.service.saturating_mul(self.queue + 1)
    }

    /// It is asked for one more chunk.
    pub(super) fn note_asked(&mut self, now: Instant) {
        if self.queue == 0 {
            self.silent_from = now;
        }
        self.queue += 1;
    }

    /// It said something about what was asked of it.
    pub(super) fn note_heard(&mut self, now: Instant) {
        (self.silence, self.silent_from) = (Duration::ZERO, now);
    }

    /// How long it has said nothing by now, with something asked of it, and others sending since `flowing_from`.
    pub(super) fn silent_for(&self, now: Instant, flowing_from: Instant) -> Duration {
        if self.queue == 0 {
            self.silence
        } else {
            self.silence + now.since(self.silent_from.max(flowing_from))
        }
    }

    /// The same of what is asked of it now, whether others send or not.
    pub(super) fn quiet_for(&self, now: Instant) -> Duration {
        if self.queue == 0 { Duration::ZERO } else { now.since(self.silent_from) }
    }

    /// What was asked of it came from others: that it said nothing until now is remembered.
    pub(super) fn keep_silence(&mut self, now: Instant, flowing_from: Instant) {
        (self.silence, self.silent_from) = (self.silent_for(now, flowing_from), now);
    }

    /// A chunk that was asked for at `asked` arrived (call before the queue shrinks).
    pub(super) fn note_arrival(&mut self, now: Instant, asked: Instant) {
        let took = now.since(asked.max(self.arrived));
        self.service = (self.service * 7 + took) / 8;
        self.arrived = now;
        self.note_heard(now);
        (self.stalls, self.busy) = (0, 0);
        self.backoff = BACKOFF_MIN;
        self.arrivals += 1;
        if self.arrivals >= self.window {
            self.arrivals = 0;
            self.fit_window();
        }
    }

    /// One step towards what empties within the time allowed.
    fn fit_window(&mut self) {
        let least = if self.source == Source::Seed { WINDOW_LEAST_SEED } else { WINDOW_LEAST };
        let fits = self.chunks_in_time().clamp(least, window_max());
        match fits.cmp(&self.window) {
            Ordering::Less => self.window -= 1,
            Ordering::Equal => {}
            Ordering::Greater => self.window += 1,
        }
    }

    /// It was slow, busy, or broke off, with what was asked of it at `asked`: asks less of it, after a pause. Whatever else
    /// of the same request ends so is the same trouble.
    pub(super) fn note_trouble(&mut self, now: Instant, asked: Instant) -> Option<Instant> {
        if self.troubled.replace(asked) == Some(asked) {
            return None;
        }
        self.window = (self.window / 2).max(1);
        self.arrivals = 0;
        let until = now.after(self.backoff);
        self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
        Some(until)
    }

    /// It has taken so long already: it is at least that slow.
    pub(super) fn note_slow(&mut self, took: Duration) {
        self.service = self.service.max(took / self.queue.max(1));
    }
}

fn window_max() -> u32 {
    u32::try_from(FETCHES_PER_PEER_MAX).unwrap_or(u32::MAX)
}

/// All connected peers.
#[derive(Debug)]
pub(super) struct Peers {
    peers: Slab<PeerNo, Peer>,
    numbers: BTreeMap<PeerId, PeerNo>,
    have_bytes: usize,
}

impl Peers {
    /// Nobody.
    pub(super) const fn new() -> Self {
        Self { peers: Slab::new(), numbers: BTreeMap::new(), have_bytes: 0 }
    }

    /// Whether nobody is connected.
    pub(super) fn is_empty(&self) -> bool {
        self.peers.len() == 0
    }

    /// The number of a connected peer.
    pub(super) fn find(&self, id: PeerId) -> Option<PeerNo> {
        self.numbers.get(&id).copied()
    }

    /// The peer with this number.
    pub(super) fn get(&self, no: PeerNo) -> Option<&Peer> {
        self.peers.get(no)
    }

    /// The peer with this number, to be changed.
    pub(super) fn get_mut(&mut self, no: PeerNo) -> Option<&mut Peer> {
        self.peers.get_mut(no)
    }

    /// A peer that was not connected is.
    pub(super) fn add(&mut self, id: PeerId, source: Source) {
        if self.find(id).is_none() {
            let no = self.peers.insert(Peer::new(id, source));
            self.numbers.insert(id, no);
        }
    }

    /// It is gone.
    pub(super) fn remove(&mut self, no: PeerNo) -> Option<Peer> {
        let peer = self.peers.remove(no)?;
        self.numbers.remove(&peer.id);
        self.have_bytes = self.have_bytes.saturating_sub(peer.have_bytes);
        Some(peer)
    }

    /// Whether there is memory for so many bytes more of a peer's announcements.
    pub(super) fn has_room(&self, no: PeerNo, bytes: usize) -> bool {
        let mine = self.get(no).map_or(0, |peer| peer.have_bytes);
        mine + bytes <= HAVE_BYTES_PER_PEER_MAX && self.have_bytes + bytes <= HAVE_BYTES_MAX
    }

    /// A peer's announcements took `before` bytes and take `after` now.
    pub(super) fn account(&mut self, no: PeerNo, before: usize, after: usize) {
        if let Some(peer) = self.peers.get_mut(no) {
            peer.have_bytes = (peer.have_bytes + after).saturating_sub(before);
            self.have_bytes = (self.have_bytes + after).saturating_sub(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;

    fn peer(source: Source) -> Peer {
        Peer::new(PeerId::new(PublicKey::from_bytes([1; 32])), source)
    }

    fn arrivals(peer: &mut Peer, count: u64, apart: u64) {
        let begin = peer.arrived.as_micros();
        for n in 1..=count {
            peer.note_arrival(Instant::from_micros(begin + n * apart), Instant::ZERO);
        }
    }

    #[test]
    fn the_pipeline_of_a_quick_peer_grows_to_its_bound() {
        let mut peer = peer(Source::Peer);
        assert_eq!(peer.window, WINDOW_START);
        arrivals(&mut peer, 1000, 1000);
        assert_eq!(peer.window, window_max());
    }

    #[test]
    fn the_pipeline_of_a_slow_peer_shrinks() {
        let mut peer = peer(Source::Peer);
        arrivals(&mut peer, 1000, 400_000);
        assert_eq!(peer.window, WINDOW_LEAST);
    }

    #[test]
    fn trouble_halves_the_pipeline_and_doubles_the_pause() {
        let mut peer = peer(Source::Seed);
        let now = Instant::from_micros(1_000_000);
        let mut trouble =
            |asked| peer.note_trouble(now, Instant::from_micros(asked)).map(|until| until.since(now));
        let pauses: Vec<_> = (0..8).filter_map(&mut trouble).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
        assert_eq!(peer.window, 1);
        arrivals(&mut peer, 1, 1000);
        assert_eq!(peer.note_trouble(now, now), Some(now.after(BACKOFF_MIN)));
    }

    #[test]
    fn a_near_peer_is_a_holder_while_it_gives_in_time() {
        let (mut peer, most) = (peer(Source::Peer), Duration::from_millis(50));
        let is = |peer: &Peer| peer.as_near_member(most).map(|near| (near.is_holder, near.is_rival));
        assert_eq!(is(&peer), None);
        peer.whereabouts = Whereabouts::Near;
        assert_eq!(is(&peer), Some((false, true)), "it has given nothing");
        arrivals(&mut peer, 3, 1000);
        assert_eq!(is(&peer), Some((true, true)));
        peer.stalls = 1;
        assert_eq!(is(&peer), Some((false, false)));
        arrivals(&mut peer, 50, 100_000);
        assert_eq!(is(&peer), Some((false, true)), "it is slow");
    }

    #[test]
    fn what_was_asked_for_at_once_is_one_trouble() {
        let mut peer = peer(Source::Peer);
        let now = Instant::from_micros(1_000_000);
        assert!(peer.note_trouble(now, Instant::ZERO).is_some());
        assert_eq!((peer.note_trouble(now, Instant::ZERO), peer.window), (None, WINDOW_START / 2));
        assert!(peer.note_trouble(now, now).is_some());
    }

    #[test]
    fn a_pipeline_is_filled_again_once_a_part_of_it_is_empty() {
        let mut peer = peer(Source::Peer);
        arrivals(&mut peer, 1000, 1000);
        for (queue, places, free) in [(0, 16, true), (12, 4, true), (13, 3, false), (16, 0, false)] {
            peer.queue = queue;
            assert_eq!((peer.places(), peer.is_free()), (places, free));
        }
        (peer.window, peer.queue) = (2, 1);
        assert!(peer.is_free(), "a short one is filled at once");
    }

    #[test]
    fn a_request_empties_within_the_time_of_a_pipeline() {
        let (mut quick, mut slow) = (peer(Source::Peer), peer(Source::Peer));
        arrivals(&mut quick, 1000, 1000);
        assert_eq!(quick.request_chunks_max(), window_max());
        arrivals(&mut slow, 3, 200_000);
        assert!(slow.window >= 3 && slow.request_chunks_max() == 1, "{slow:?}");
    }

    #[test]
    fn a_longer_queue_and_a_slower_peer_take_longer() {
        let (mut quick, mut slow) = (peer(Source::Peer), peer(Source::Peer));
        arrivals(&mut quick, 20, 1000);
        arrivals(&mut slow, 20, 50_000);
        assert!(quick.expected() < slow.expected());
        quick.queue = 100;
        assert!(quick.expected() > slow.expected());
        quick.queue = 1;
        quick.note_slow(Duration::from_secs(2));
        assert!(quick.expected() >= Duration::from_secs(2));
    }

    #[test]
    fn memory_for_announcements_is_bounded_per_peer_and_in_all() {
        let mut peers = Peers::new();
        let ids: Vec<_> = (0..80).map(|n| PeerId::new(PublicKey::from_bytes([n; 32]))).collect();
        ids.iter().for_each(|&id| peers.add(id, Source::Peer));
        let numbers: Vec<_> = ids.iter().filter_map(|&id| peers.find(id)).collect();
        peers.account(numbers[0], 0, HAVE_BYTES_PER_PEER_MAX);
        assert!(!peers.has_room(numbers[0], 1) && peers.has_room(numbers[1], 1));
        numbers[1..64].iter().for_each(|&no| peers.account(no, 0, HAVE_BYTES_PER_PEER_MAX));
        assert!(!peers.has_room(numbers[70], 1));
        peers.remove(numbers[0]);
        assert!(peers.has_room(numbers[70], 1));
    }
}
