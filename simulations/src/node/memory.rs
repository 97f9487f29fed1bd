//! What a node's disk remembers over a restart, beside chunks.

use pollux_core::engine::{Input, Record, Share};
use pollux_core::message::VoteEnvelope;
use pollux_core::{CertifiedEnvelope, Envelope, ManifestId, Papers, PeerId, PublicKey, Timestamp};
use std::collections::BTreeMap;

/// See the module. As the node's own store keeps its records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    certified: BTreeMap<ManifestId, CertifiedEnvelope>,
    votes: BTreeMap<ManifestId, (Envelope, Envelope)>,
    ballots: BTreeMap<(PeerId, ManifestId), VoteEnvelope>,
    seen: BTreeMap<PeerId, u64>,
    shares: BTreeMap<(PublicKey, Timestamp), Share>,
    uses: BTreeMap<ManifestId, Option<Timestamp>>,
    taken: Option<Papers>,
    next: Option<Papers>,
    /// None: the store has no marker.
    epoch: Option<u64>,
}

impl Memory {
    /// A seed's store that was begun before.
    pub(crate) fn marked() -> Self {
        Self { epoch: Some(1), ..Self::default() }
    }

    /// Makes something durable.
    pub(crate) fn keep(&mut self, record: Record) {
        match record {
            Record::Certified(certified) => {
                self.certified.insert(certified.manifest.id(), certified);
                self.raise();
            }
            Record::Vote { manifest, receipt, .. } => {
                self.votes.insert(manifest.id(), (manifest, receipt));
                self.raise();
            }
            Record::Ballot { seed, vote } => {
                self.ballots.insert((seed, vote.manifest.id()), vote);
                self.raise();
            }
            Record::Forget(manifest) => drop((self.certified.remove(&manifest), self.uses.remove(&manifest))),
            Record::Marker { epoch } => self.epoch = Some(epoch.max(self.epoch.unwrap_or_default())),
            Record::Seen { seed, epoch } => drop(self.seen.insert(seed, epoch)),
            Record::Papers { taken, next } => (self.taken, self.next) = (Some(taken), next),
            Record::Share(share) => self.keep_share(share),
            Record::Used { manifest, at } => drop(self.uses.insert(manifest, Some(at))),
            Record::LetGo(manifest) => drop(self.uses.insert(manifest, None)),
        }
    }

    fn raise(&mut self) {
        self.epoch = self.epoch.map(|epoch| epoch + 1);
    }

    fn keep_share(&mut self, share: Share) {
        let place = (share.publisher, share.until);
        let known = self.shares.get(&place).map_or(0, |known| known.bytes);
        if share.bytes == 0 {
            self.shares.remove(&place);
        } else if share.bytes > known {
            self.shares.insert(place, share);
        }
    }

    /// What everything is judged by, as far as it differs from the pool file.
    pub(crate) const fn papers(&self) -> Option<&Papers> {
        self.taken.as_ref()
    }

    /// What an engine is told when it starts, in order. A start raises the epoch.
    pub(crate) fn recover(&mut self) -> Vec<Input> {
        let mut inputs: Vec<Input> = self.next.clone().map(Input::RecoveredPapers).into_iter().collect();
        inputs.extend(self.certified.values().cloned().map(Input::Recovered));
        let votes = self.votes.values().cloned();
        inputs.extend(votes.map(|(manifest, receipt)| Input::RecoveredVote { manifest, receipt }));
        inputs.extend(self.ballots.values().cloned().map(Input::RecoveredBallot));
        inputs.extend(self.seen.iter().map(|(&seed, &epoch)| Input::RecoveredSeen { seed, epoch }));
        inputs.extend(self.shares.values().copied().map(Input::RecoveredShare));
        inputs.extend(self.uses.iter().map(|(&manifest, &used)| Input::RecoveredUse { manifest, used }));
        inputs.extend(self.epoch.map(|epoch| Input::Marked { epoch }));
        self.raise();
        inputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_and_every_vote_raise_the_epoch() {
        let mut memory = Memory::marked();
        let epoch = |memory: &mut Memory| match memory.recover().pop() {
            Some(Input::Marked { epoch }) => epoch,
            other => panic!("{other:?}"),
        };
        assert_eq!((epoch(&mut memory), epoch(&mut memory)), (1, 2));
        memory.keep(Record::Marker { epoch: 9 });
        assert_eq!(epoch(&mut memory), 9);
    }

    #[test]
    fn a_store_without_a_marker_says_none() {
        assert!(Memory::default().recover().is_empty());
    }

    #[test]
    fn the_larger_share_stays_and_none_is_forgotten() {
        let mut memory = Memory::default();
        let share = |bytes| Share {
            publisher: PublicKey::from_bytes([1; 32]),
            until: Timestamp::from_millis(1),
            bytes,
        };
        [5, 3].into_iter().for_each(|bytes| memory.keep(Record::Share(share(bytes))));
        assert!(matches!(memory.recover().as_slice(), [Input::RecoveredShare(one)] if one.bytes == 5));
        memory.keep(Record::Share(share(0)));
        assert!(memory.recover().is_empty());
    }
}
