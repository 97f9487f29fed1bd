//! Votes, other seeds' and this one's own, for manifests that are not certified as far as is known: kept so that seeds
//! can tell each other. A seed that has lost its disk learns from them where it must not vote otherwise.
use super::catalogue::envelope_bytes;
use crate::engine::bounds::{BALLOTS_BYTES_MAX, BALLOTS_EACH_MAX, BALLOTS_MAX};
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
    fn bytes(&self) -> usize {
        envelope_bytes(&self.vote.manifest).saturating_add(envelope_bytes(&self.vote.receipt))
    }

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
    bytes: usize,
    by_seed: BTreeMap<PeerId, usize>,
}

impl Ballots {
    /// Keeps a vote; false if it was there, has expired, or there are too many.
    pub(crate) fn keep(&mut self, ballot: Ballot, now: Timestamp) -> bool {
        if !self.has_room(&ballot) {
            self.forget_expired(now);
        }
        let known = self.get(&ballot.manifest, &ballot.seed).is_some();
        if known || ballot.expires <= now || !self.has_room(&ballot) {
            return false;
        }
        self.bytes = self.bytes.saturating_add(ballot.bytes());
        let of_seed = self.by_seed.entry(ballot.seed).or_default();
        *of_seed = of_seed.saturating_add(1);
        self.places.entry((ballot.key.clone(), ballot.sequence)).or_default().insert(ballot.manifest);
        self.by_manifest.entry(ballot.manifest).or_default().insert(ballot.seed, ballot);
        self.count = self.count.saturating_add(1);
        true
    }

    fn has_room(&self, ballot: &Ballot) -> bool {
        let of_seed = self.by_seed.get(&ballot.seed).copied().unwrap_or(0);
        let fits = self.bytes.saturating_add(ballot.bytes()) <= BALLOTS_BYTES_MAX;
        self.count < BALLOTS_MAX && of_seed < BALLOTS_EACH_MAX && fits
    }

    /// A vote.
    pub(crate) fn get(&self, manifest: &ManifestId, seed: &PeerId) -> Option<&Ballot> {
        self.by_manifest.get(manifest)?.get(seed)
    }

    /// The manifest is certified: its certificate says more. Gives back whose votes went.
    pub(crate) fn forget(&mut self, manifest: &ManifestId) -> Vec<PeerId> {
        let Some(ballots) = self.by_manifest.remove(manifest) else { return Vec::new() };
        self.count = self.count.saturating_sub(ballots.len());
        for (seed, ballot) in &ballots {
            self.bytes = self.bytes.saturating_sub(ballot.bytes());
            if let Some(of_seed) = self.by_seed.get_mut(seed) {
                *of_seed = of_seed.saturating_sub(1);
            }
        }
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

    /// Whether all the votes that are known of a place are for other manifests than this one, and they are those of more seeds
    /// than may lie.
    pub(crate) fn taken(&self, (key, sequence): (&Key, u64), manifest: &ManifestId, faulty: usize) -> bool {
        let Some(manifests) = self.places.get(&(key.clone(), sequence)) else { return false };
        let votes = manifests.iter().filter_map(|other| self.by_manifest.get(other));
        let seeds: BTreeSet<&PeerId> = votes.flat_map(BTreeMap::keys).collect();
        !manifests.contains(manifest) && seeds.len() > faulty
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
        assert!(!ballots.taken((&one.key, 5), &one.manifest, 0));
        assert!(ballots.keep(one.clone(), WALL));
        assert!(!ballots.keep(one.clone(), WALL), "it is there");
        assert!(ballots.taken((&one.key, 5), &other.manifest, 0));
        assert!(
            !ballots.taken((&one.key, 5), &one.manifest, 0)
                && !ballots.taken((&one.key, 6), &other.manifest, 0)
        );
        assert!(ballots.keep(other.clone(), WALL));
        assert!(!ballots.taken((&one.key, 5), &other.manifest, 0), "a split vote may be decided");
        assert_eq!(ballots.forget(&one.manifest), [peer(1)]);
        assert!(ballots.taken((&one.key, 5), &one.manifest, 0));
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
            let mut one = ballot(1, number.to_le_bytes()[0] % 16, number);
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
