//! Votes, other seeds' and this one's own, for manifests that are not certified as far as is known: kept so that seeds
//! can tell each other. A seed that has lost its disk learns from them where it must not vote otherwise.
use crate::engine::bounds::BALLOTS_MAX;
use crate::message::VoteEnvelope;
use crate::{Key, ManifestId, PeerId, Timestamp, VerifiedManifest, VerifiedReceipt};
use std::collections::{BTreeMap, BTreeSet};

/// One seed's vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ballot {
    /// Both documents.
    pub vote: VoteEnvelope,
    /// For what.
    pub manifest: ManifestId,
    /// Whose.
    pub seed: PeerId,
    /// Under which key.
    pub key: Key,
    /// At which place.
    pub sequence: u64,
    /// From then on the manifest is of use to nobody.
    pub expires: Timestamp,
}

impl Ballot {
    /// Of what was verified.
    pub(crate) fn new(manifest: &VerifiedManifest, receipt: &VerifiedReceipt) -> Self {
        let (declared, signed) = (manifest.manifest(), receipt.receipt());
        let vote =
            VoteEnvelope { manifest: manifest.envelope().clone(), receipt: receipt.envelope().clone() };
        Self {
            vote,
            manifest: manifest.id(),
            seed: signed.seed,
            key: declared.key.clone(),
            sequence: declared.sequence,
            expires: declared.expires,
        }
    }
}

/// See the module. Bounded; what is over the bound is not kept.
#[derive(Debug, Default)]
pub(crate) struct Ballots {
    by_manifest: BTreeMap<ManifestId, BTreeMap<PeerId, Ballot>>,
    /// What has votes at a place.
    places: BTreeMap<(Key, u64), BTreeSet<ManifestId>>,
    count: usize,
}

impl Ballots {
    /// Keeps a vote; false if it was there, has expired, or there are too many.
    pub(crate) fn keep(&mut self, ballot: Ballot, now: Timestamp) -> bool {
        if self.count >= BALLOTS_MAX {
            self.forget_expired(now);
        }
        let known = self.get(&ballot.manifest, &ballot.seed).is_some();
        if known || ballot.expires <= now || self.count >= BALLOTS_MAX {
            return false;
        }
        self.places.entry((ballot.key.clone(), ballot.sequence)).or_default().insert(ballot.manifest);
        self.by_manifest.entry(ballot.manifest).or_default().insert(ballot.seed, ballot);
        self.count = self.count.saturating_add(1);
        true
    }

    /// A vote.
    pub(crate) fn get(&self, manifest: &ManifestId, seed: &PeerId) -> Option<&Ballot> {
        self.by_manifest.get(manifest)?.get(seed)
    }

    /// The manifest is certified: its certificate says more. Gives back whose votes went.
    pub(crate) fn forget(&mut self, manifest: &ManifestId) -> Vec<PeerId> {
        let Some(ballots) = self.by_manifest.remove(manifest) else { return Vec::new() };
        self.count = self.count.saturating_sub(ballots.len());
        let places = ballots.values().map(|ballot| (ballot.key.clone(), ballot.sequence));
        let places: BTreeSet<_> = places.collect();
        places.iter().for_each(|place| self.leave(place, manifest));
        ballots.into_keys().collect()
    }

    fn leave(&mut self, place: &(Key, u64), manifest: &ManifestId) {
        let Some(manifests) = self.places.get_mut(place) else { return };
        manifests.remove(manifest);
        if manifests.is_empty() {
            self.places.remove(place);
        }
    }

    /// Whether all the votes that are known of a place are for other manifests than this one.
    pub(crate) fn taken(&self, key: &Key, sequence: u64, manifest: &ManifestId) -> bool {
        let place = self.places.get(&(key.clone(), sequence));
        place.is_some_and(|manifests| !manifests.contains(manifest))
    }

    /// All votes for one manifest expire with it.
    fn forget_expired(&mut self, now: Timestamp) {
        let expired = self
            .by_manifest
            .iter()
            .filter(|(_, ballots)| ballots.values().all(|ballot| ballot.expires <= now));
        let expired: Vec<ManifestId> = expired.map(|(manifest, _)| *manifest).collect();
        for manifest in expired {
            self.forget(&manifest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::belief::fixture::{WALL, later};
    use crate::{Envelope, PublicKey};

    fn peer(n: u8) -> PeerId {
        PeerId::new(PublicKey::from_bytes([n; 32]))
    }

    fn ballot(manifest: u8, seed: u8, sequence: u64) -> Ballot {
        let empty = Envelope { payload_type: String::new(), payload: vec![manifest], signatures: Vec::new() };
        Ballot {
            vote: VoteEnvelope { manifest: empty.clone(), receipt: empty },
            manifest: ManifestId::from_bytes([manifest; 32]),
            seed: peer(seed),
            key: "a/b/c".parse().unwrap(),
            sequence,
            expires: later(60),
        }
    }

    #[test]
    fn a_place_is_taken_while_all_votes_are_for_others() {
        let mut ballots = Ballots::default();
        let (one, other) = (ballot(1, 1, 5), ballot(2, 2, 5));
        assert!(!ballots.taken(&one.key, 5, &one.manifest));
        assert!(ballots.keep(one.clone(), WALL));
        assert!(!ballots.keep(one.clone(), WALL), "it is there");
        assert!(ballots.taken(&one.key, 5, &other.manifest));
        assert!(!ballots.taken(&one.key, 5, &one.manifest) && !ballots.taken(&one.key, 6, &other.manifest));
        assert!(ballots.keep(other.clone(), WALL));
        assert!(!ballots.taken(&one.key, 5, &other.manifest), "a split vote may be decided");
        assert_eq!(ballots.forget(&one.manifest), [peer(1)]);
        assert!(ballots.taken(&one.key, 5, &one.manifest));
        assert_eq!(ballots.forget(&other.manifest), [peer(2)]);
        assert!(ballots.places.is_empty() && ballots.by_manifest.is_empty());
    }

    #[test]
    fn every_vote_of_a_manifest_goes_with_it() {
        let mut ballots = Ballots::default();
        for seed in 0..4 {
            assert!(ballots.keep(ballot(7, seed, 1), WALL));
        }
        assert!(ballots.keep(ballot(8, 255, 1), WALL));
        assert_eq!(ballots.forget(&ballot(7, 0, 1).manifest).len(), 4);
        assert!(ballots.get(&ballot(8, 0, 1).manifest, &peer(255)).is_some());
    }

    #[test]
    fn what_has_expired_is_not_kept_and_makes_room() {
        let mut ballots = Ballots::default();
        assert!(!ballots.keep(ballot(1, 1, 1), later(60)));
        for number in 0..u64::try_from(BALLOTS_MAX).unwrap() {
            let mut one = ballot(1, 1, number);
            let mut name = [0; 32];
            name[..8].copy_from_slice(&number.to_le_bytes());
            one.manifest = ManifestId::from_bytes(name);
            assert!(ballots.keep(one, WALL));
        }
        assert!(!ballots.keep(ballot(0xff, 1, 1), WALL), "there are too many");
        let mut late = ballot(0xff, 1, 1);
        late.expires = later(1_000);
        assert!(ballots.keep(late, later(60)));
        assert_eq!((ballots.by_manifest.len(), ballots.places.len(), ballots.count), (1, 1, 1));
    }
}
