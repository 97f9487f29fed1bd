//! Whom to dial, and when again.
use super::chance::Chance;
use crate::PeerId;
use crate::engine::bounds::{BACKOFF_MAX, BACKOFF_MIN};
use core::time::Duration;
use std::collections::BTreeMap;

/// Peers to be connected to: seeds for ever, neighbours once.
#[derive(Debug, Default)]
pub(crate) struct Dials {
    targets: BTreeMap<PeerId, Target>,
}

#[derive(Debug)]
struct Target {
    addresses: Vec<String>,
    /// The seed that named it.
    named_by: Option<PeerId>,
    lasting: bool,
    dialling: bool,
    failures: u32,
}

impl Dials {
    /// A seed: dialled again and again until it is connected.
    pub(crate) fn keep(&mut self, peer: PeerId, addresses: Vec<String>) {
        let fresh =
            Target { addresses: Vec::new(), named_by: None, lasting: true, dialling: false, failures: 0 };
        let target = self.targets.entry(peer).or_insert(fresh);
        (target.addresses, target.lasting) = (addresses, true);
    }

    /// It is no seed any more.
    pub(crate) fn forget(&mut self, peer: &PeerId) {
        self.targets.remove(peer);
    }

    /// A neighbour that a seed named: one attempt. False when it is known already.
    pub(crate) fn once(&mut self, peer: PeerId, addresses: Vec<String>, named_by: PeerId) -> bool {
        if self.targets.contains_key(&peer) {
            return false;
        }
        let named_by = Some(named_by);
        self.targets
            .insert(peer, Target { addresses, named_by, lasting: false, dialling: false, failures: 0 });
        true
    }

    /// Seeds, whether they are being dialled or not.
    pub(crate) fn lasting(&self) -> Vec<PeerId> {
        self.targets.iter().filter(|(_, target)| target.lasting).map(|(peer, _)| *peer).collect()
    }

    /// Seeds that nobody is dialling now.
    pub(crate) fn resting(&self) -> Vec<PeerId> {
        let resting = self.targets.iter().filter(|(_, target)| target.lasting && !target.dialling);
        resting.map(|(peer, _)| *peer).collect()
    }

    /// Begins an attempt: where to dial, unless one is under way or the peer is not wanted.
    pub(crate) fn start(&mut self, peer: &PeerId) -> Option<Vec<String>> {
        let target = self.targets.get_mut(peer).filter(|target| !target.dialling)?;
        target.dialling = true;
        Some(target.addresses.clone())
    }

    /// Whether an attempt is under way.
    pub(crate) fn is_dialling(&self, peer: &PeerId) -> bool {
        self.targets.get(peer).is_some_and(|target| target.dialling)
    }

    /// A connection is up, whoever dialled. Names the seed that named the peer.
    pub(crate) fn connected(&mut self, peer: &PeerId) -> Option<PeerId> {
        let target = self.targets.get_mut(peer)?;
        target.dialling = false;
        if target.lasting { None } else { self.targets.remove(peer)?.named_by }
    }

    /// The connection has proven useful: the next failure is the first.
    pub(crate) fn succeeded(&mut self, peer: &PeerId) {
        if let Some(target) = self.targets.get_mut(peer) {
            target.failures = 0;
        }
    }

    /// An attempt failed, or the connection is gone: after what time to try again, if at all.
    pub(crate) fn failed(&mut self, peer: &PeerId, chance: &mut Chance) -> Option<Duration> {
        let target = self.targets.get_mut(peer)?;
        if !target.lasting {
            self.targets.remove(peer);
            return None;
        }
        target.dialling = false;
        let doubled = BACKOFF_MIN.saturating_mul(1 << target.failures.min(10));
        target.failures = target.failures.saturating_add(1);
        Some(chance.jitter(doubled.min(BACKOFF_MAX)))
    }

    /// Attempts under way to peers that this seed named.
    pub(crate) fn named_by(&self, seed: &PeerId) -> usize {
        self.targets.values().filter(|target| target.named_by == Some(*seed)).count()
    }

    /// Attempts under way to peers that are no seeds.
    pub(crate) fn neighbours_under_way(&self) -> usize {
        self.targets.values().filter(|target| !target.lasting).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;

    fn peer(n: u8) -> PeerId {
        PeerId::new(PublicKey::from_bytes([n; 32]))
    }

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_after_success() {
        let (mut dials, mut chance) = (Dials::default(), Chance::new(1));
        dials.keep(peer(1), vec!["10.0.0.1:7".into()]);
        let mut longest = BACKOFF_MIN;
        for _ in 0..20 {
            assert_eq!(dials.start(&peer(1)), Some(vec!["10.0.0.1:7".into()]));
            assert_eq!(dials.start(&peer(1)), None, "one attempt at a time");
            let wait = dials.failed(&peer(1), &mut chance).unwrap();
            assert!(wait <= longest && wait >= longest / 2, "{wait:?} of {longest:?}");
            longest = (longest * 2).min(BACKOFF_MAX);
        }
        dials.succeeded(&peer(1));
        assert!(dials.failed(&peer(1), &mut chance).unwrap() <= BACKOFF_MIN);
    }

    #[test]
    fn a_neighbour_is_dialled_once() {
        let (mut dials, mut chance) = (Dials::default(), Chance::new(1));
        assert!(dials.once(peer(2), Vec::new(), peer(1)));
        assert!(!dials.once(peer(2), Vec::new(), peer(1)));
        assert_eq!((dials.named_by(&peer(1)), dials.named_by(&peer(2))), (1, 0));
        assert_eq!(dials.neighbours_under_way(), 1);
        assert!(dials.start(&peer(2)).is_some());
        assert_eq!(dials.failed(&peer(2), &mut chance), None);
        assert_eq!(dials.neighbours_under_way(), 0);
        assert!(dials.once(peer(2), Vec::new(), peer(3)), "it may be named again later");
        assert_eq!(dials.connected(&peer(2)), Some(peer(3)));
        assert_eq!(dials.neighbours_under_way(), 0);
    }

    #[test]
    fn a_seed_is_not_taken_for_a_neighbour() {
        let mut dials = Dials::default();
        dials.keep(peer(1), Vec::new());
        assert!(!dials.once(peer(1), Vec::new(), peer(3)));
        assert_eq!(dials.connected(&peer(1)), None);
        assert_eq!(dials.failed(&peer(9), &mut Chance::new(1)), None);
    }
}
