//! Offers that this seed works on.
use super::peers::Contact;
use super::tasks::OfferId;
use crate::engine::bounds::{OFFERS_MAX, OFFERS_PER_PEER_MAX, PROGRESS_INTERVAL};
use crate::{Envelope, Instant, Key, ManifestId, PeerId, VerifiedManifest};
use std::collections::BTreeMap;

/// One offer.
#[derive(Debug)]
pub(crate) struct Offer {
    /// Who holds the chunks.
    pub contact: Contact,
    /// The holder's number for it.
    pub number: u32,
    /// Its name.
    pub manifest: ManifestId,
    /// As it came: judged again before the vote.
    pub envelope: Envelope,
    /// Once it is judged and its place is claimed.
    pub claimed: Option<VerifiedManifest>,
    /// Its chunks are here: what is left is to sync, judge, sign and record.
    pub voting: bool,
    /// What is wrong with it, in words.
    pub doubt: Option<String>,
    told: Option<(Instant, u32)>,
}

impl Offer {
    /// An offer that has just come.
    pub(crate) fn new(contact: Contact, number: u32, envelope: Envelope) -> Self {
        let manifest = envelope.id();
        Self { contact, number, manifest, envelope, claimed: None, voting: false, doubt: None, told: None }
    }

    /// The place that it claimed.
    pub(crate) fn place(&self) -> Option<(Key, u64)> {
        let manifest = self.claimed.as_ref()?.manifest();
        Some((manifest.key.clone(), manifest.sequence))
    }

    /// Whether the holder should hear of this progress: after a while, or at another hundredth, and at the end.
    pub(crate) fn worth_telling(&mut self, now: Instant, have: u32, of: u32) -> bool {
        let due = match self.told {
            None => true,
            Some((at, before)) => {
                let hundredth = u64::from(of).div_ceil(100);
                let more = u64::from(have.saturating_sub(before));
                have > before && (more >= hundredth || now.since(at) >= PROGRESS_INTERVAL || have == of)
            }
        };
        if due {
            self.told = Some((now, have));
        }
        due
    }
}

/// See the module. Bounded for each member and in all.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    by_id: BTreeMap<OfferId, Offer>,
}

impl Offers {
    /// Whether one more of this member's can be worked on.
    pub(crate) fn has_room(&self, peer: &PeerId) -> bool {
        let of_peer = self.by_id.values().filter(|offer| offer.contact.peer == *peer).count();
        of_peer < OFFERS_PER_PEER_MAX && self.by_id.len() < OFFERS_MAX
    }

    /// Offers under way.
    pub(crate) fn count(&self) -> usize {
        self.by_id.len()
    }

    /// Begins.
    pub(crate) fn insert(&mut self, id: OfferId, offer: Offer) {
        self.by_id.insert(id, offer);
    }

    /// An offer under way.
    pub(crate) fn get(&self, id: OfferId) -> Option<&Offer> {
        self.by_id.get(&id)
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, id: OfferId) -> Option<&mut Offer> {
        self.by_id.get_mut(&id)
    }

    /// Every manifest that is offered.
    pub(crate) fn envelopes(&self) -> impl Iterator<Item = &Envelope> {
        self.by_id.values().map(|offer| &offer.envelope)
    }

    /// It has ended.
    pub(crate) fn remove(&mut self, id: OfferId) -> Option<Offer> {
        self.by_id.remove(&id)
    }

    /// Offers of a manifest that wait for its chunks.
    pub(crate) fn waiting_for(&self, manifest: &ManifestId) -> Vec<OfferId> {
        let waiting = self.by_id.iter().filter(|(_, offer)| offer.claimed.is_some() && !offer.voting);
        waiting.filter(|(_, offer)| offer.manifest == *manifest).map(|(id, _)| *id).collect()
    }

    /// What is offered, once that is judged.
    pub(crate) fn claimed(&self, manifest: &ManifestId) -> Option<&VerifiedManifest> {
        let mut of_manifest = self.by_id.values().filter(|offer| offer.manifest == *manifest);
        of_manifest.find_map(|offer| offer.claimed.as_ref())
    }

    /// Offers that a peer made.
    pub(crate) fn of_peer(&self, peer: &PeerId) -> Vec<OfferId> {
        self.by_id.iter().filter(|(_, offer)| offer.contact.peer == *peer).map(|(id, _)| *id).collect()
    }

    /// Whether any offer is of this manifest.
    pub(crate) fn names(&self, manifest: &ManifestId) -> bool {
        self.by_id.values().any(|offer| offer.manifest == *manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;

    fn offer(peer: u8) -> Offer {
        let envelope = Envelope { payload_type: "t".into(), payload: Vec::new(), signatures: Vec::new() };
        let peer = PeerId::new(PublicKey::from_bytes([peer; 32]));
        Offer::new(Contact { peer, session: 1 }, 7, envelope)
    }

    #[test]
    fn a_member_may_make_a_few_offers_at_once() {
        let mut offers = Offers::default();
        for n in 0..OFFERS_PER_PEER_MAX {
            assert!(offers.has_room(&offer(1).contact.peer));
            offers.insert(OfferId(u64::try_from(n).unwrap()), offer(1));
        }
        assert!(!offers.has_room(&offer(1).contact.peer));
        assert!(offers.has_room(&offer(2).contact.peer));
        for n in 10..10 + OFFERS_MAX {
            offers.insert(OfferId(u64::try_from(n).unwrap()), offer(9));
        }
        assert!(!offers.has_room(&offer(2).contact.peer));
        assert_eq!(offers.of_peer(&offer(1).contact.peer).len(), OFFERS_PER_PEER_MAX);
    }

    #[test]
    fn an_offer_that_is_not_judged_does_not_wait_for_chunks() {
        let mut offers = Offers::default();
        offers.insert(OfferId(1), offer(1));
        let manifest = offer(1).manifest;
        assert!(offers.names(&manifest));
        assert!(offers.waiting_for(&manifest).is_empty());
        offers.remove(OfferId(1));
        assert!(!offers.names(&manifest));
    }

    #[test]
    fn progress_is_told_now_and_then_and_at_the_end() {
        let mut offer = offer(1);
        assert!(offer.worth_telling(Instant::ZERO, 0, 1_000));
        assert!(!offer.worth_telling(Instant::ZERO, 5, 1_000));
        assert!(offer.worth_telling(Instant::ZERO, 10, 1_000), "a hundredth more");
        assert!(!offer.worth_telling(Instant::ZERO, 11, 1_000));
        assert!(offer.worth_telling(Instant::ZERO.after(PROGRESS_INTERVAL), 12, 1_000));
        assert!(!offer.worth_telling(Instant::ZERO.after(PROGRESS_INTERVAL * 9), 12, 1_000), "nothing new");
        assert!(offer.worth_telling(Instant::ZERO.after(PROGRESS_INTERVAL), 1_000, 1_000));
    }

    #[test]
    fn an_offer_that_votes_waits_for_chunks_no_more() {
        use crate::belief::fixture::{Pool, WALL};
        let pool = Pool::new(1);
        let signed = pool.sign(&pool.manifest("core/a/1", 4));
        let mut offers = Offers::default();
        let mut one = Offer::new(offer(1).contact, 7, signed.clone());
        assert_eq!(one.place(), None);
        one.claimed = Some(pool.trust().verify_manifest(&signed, WALL).unwrap());
        assert_eq!(one.place(), Some(("core/a/1".parse().unwrap(), 4)));
        offers.insert(OfferId(1), one);
        assert_eq!(offers.waiting_for(&signed.id()), [OfferId(1)]);
        offers.get_mut(OfferId(1)).unwrap().voting = true;
        assert!(offers.waiting_for(&signed.id()).is_empty());
    }
}
