//! A seed's votes: at most one for each key and sequence, ever.
use crate::{Envelope, Key, ManifestId, Receipt};
use std::collections::{BTreeMap, BTreeSet};

/// What a seed voted for, and what it is about to vote for.
///
/// A sequence is taken from the moment that an offer is accepted, so two offers can never both get the vote.
#[derive(Debug, Default)]
pub(crate) struct Votes {
    by_key: BTreeMap<Key, BTreeMap<u64, Vote>>,
    receipts: BTreeMap<ManifestId, Envelope>,
    durable: BTreeSet<ManifestId>,
}

#[derive(Debug)]
struct Vote {
    manifest: ManifestId,
    /// Offers under way that hold this place; a signed receipt holds it for ever.
    holders: u32,
    cast: bool,
}

/// What a seed may do with an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The place is this manifest's: go on, then release or cast.
    Taken,
    /// Another manifest has this place, or a higher one.
    Conflict,
}

impl Votes {
    /// Claims a manifest's place. The same manifest may claim again, also after its vote.
    pub(crate) fn claim(&mut self, key: &Key, sequence: u64, manifest: ManifestId) -> Claim {
        let places = self.by_key.entry(key.clone()).or_default();
        if let Some(vote) = places.get_mut(&sequence) {
            if vote.manifest != manifest {
                return Claim::Conflict;
            }
            vote.holders = vote.holders.saturating_add(1);
            return Claim::Taken;
        }
        if places.last_key_value().is_some_and(|(highest, _)| *highest > sequence) {
            return Claim::Conflict;
        }
        places.insert(sequence, Vote { manifest, holders: 1, cast: false });
        Claim::Taken
    }

    /// An offer that held the place has ended; without a vote the place is free again.
    pub(crate) fn release(&mut self, key: &Key, sequence: u64) {
        let Some(places) = self.by_key.get_mut(key) else { return };
        let Some(vote) = places.get_mut(&sequence) else { return };
        vote.holders = vote.holders.saturating_sub(1);
        if vote.holders == 0 && !vote.cast {
            places.remove(&sequence);
        }
        if places.is_empty() {
            self.by_key.remove(key);
        }
    }

    /// A receipt is signed and may be durable from now on, whatever the disk answers: the place is never given to
    /// another. Gives back the one receipt of this manifest: the first that was signed.
    pub(crate) fn seal(&mut self, receipt: &Receipt, envelope: Envelope) -> &Envelope {
        let vote = Vote { manifest: receipt.manifest, holders: 0, cast: true };
        let places = self.by_key.entry(receipt.key.clone()).or_default();
        places.entry(receipt.sequence).or_insert(vote).cast = true;
        self.receipts.entry(receipt.manifest).or_insert(envelope)
    }

    /// The receipt of a manifest that is durable.
    pub(crate) fn cast(&mut self, manifest: ManifestId) {
        self.durable.insert(manifest);
    }

    /// What this seed votes for at a place.
    pub(crate) fn at(&self, key: &Key, sequence: u64) -> Option<ManifestId> {
        self.by_key.get(key)?.get(&sequence).map(|vote| vote.manifest)
    }

    /// Whether this seed's vote for a manifest is durable: then it holds every chunk.
    pub(crate) fn has(&self, manifest: &ManifestId) -> bool {
        self.durable.contains(manifest)
    }

    /// The receipt that was signed for a manifest.
    pub(crate) fn receipt(&self, manifest: &ManifestId) -> Option<&Envelope> {
        self.receipts.get(manifest)
    }

    /// The highest sequence that is voted for or taken under a key; 0 if none.
    pub(crate) fn highest(&self, key: &Key) -> u64 {
        let places = self.by_key.get(key).and_then(|places| places.last_key_value());
        places.map_or(0, |(sequence, _)| *sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        "a/b/c".parse().unwrap()
    }

    fn id(n: u8) -> ManifestId {
        ManifestId::from_bytes([n; 32])
    }

    fn envelope(mark: u8) -> Envelope {
        Envelope { payload_type: String::new(), payload: vec![mark], signatures: Vec::new() }
    }

    fn receipt(sequence: u64, manifest: u8) -> Receipt {
        Receipt {
            pool: "pool".into(),
            seed: crate::PeerId::new(crate::PublicKey::from_bytes([9; 32])),
            manifest: id(manifest),
            key: key(),
            sequence,
            time: crate::Timestamp::from_millis(1),
        }
    }

    #[test]
    fn two_offers_for_one_place_cannot_both_have_it() {
        let mut votes = Votes::default();
        assert_eq!(votes.claim(&key(), 1, id(1)), Claim::Taken);
        assert_eq!(votes.claim(&key(), 1, id(2)), Claim::Conflict);
        assert_eq!(votes.claim(&key(), 1, id(1)), Claim::Taken, "the same manifest from another holder");
        votes.release(&key(), 1);
        assert_eq!(votes.claim(&key(), 1, id(2)), Claim::Conflict, "one of the two still holds it");
        votes.release(&key(), 1);
        assert_eq!(votes.claim(&key(), 1, id(2)), Claim::Taken);
    }

    #[test]
    fn a_vote_is_for_ever() {
        let mut votes = Votes::default();
        votes.claim(&key(), 3, id(1));
        votes.seal(&receipt(3, 1), envelope(1));
        votes.release(&key(), 3);
        assert_eq!(votes.claim(&key(), 3, id(2)), Claim::Conflict, "the disk may hold it, cast or not");
        assert!(!votes.has(&id(1)));
        votes.cast(id(1));
        assert!(votes.has(&id(1)));
        assert_eq!(votes.claim(&key(), 2, id(2)), Claim::Conflict, "below the highest");
        assert_eq!(votes.claim(&key(), 3, id(1)), Claim::Taken, "the same again");
        assert_eq!(votes.claim(&key(), 4, id(2)), Claim::Taken);
        assert_eq!(votes.highest(&key()), 4);
    }

    #[test]
    fn one_manifest_has_one_receipt() {
        let mut votes = Votes::default();
        assert_eq!(votes.seal(&receipt(1, 1), envelope(1)), &envelope(1));
        assert_eq!(votes.seal(&receipt(1, 1), envelope(2)), &envelope(1));
        assert_eq!(votes.receipt(&id(1)), Some(&envelope(1)));
        assert_eq!(votes.receipt(&id(2)), None);
    }

    #[test]
    fn votes_recover_in_any_order() {
        let mut votes = Votes::default();
        votes.seal(&receipt(5, 5), envelope(5));
        votes.seal(&receipt(2, 2), envelope(2));
        assert_eq!(votes.highest(&key()), 5);
        assert_eq!(votes.claim(&key(), 2, id(9)), Claim::Conflict);
    }

    #[test]
    fn nothing_is_left_of_a_key_that_nobody_claims() {
        let mut votes = Votes::default();
        votes.claim(&key(), 1, id(1));
        votes.release(&key(), 1);
        votes.release(&key(), 1);
        assert!(votes.by_key.is_empty());
        assert_eq!(votes.highest(&key()), 0);
    }
}
