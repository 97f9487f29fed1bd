//! Listings that jobs wait for.
use super::tasks::Ticket;
use crate::engine::JobId;
use crate::message::ListQuery;
use crate::{CertifiedEnvelope, CertifiedManifest, PeerId};
use std::collections::BTreeMap;

/// One listing.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Tells it from the job's earlier ones.
    pub serial: u64,
    /// What is asked.
    pub what: ListQuery,
    /// The seed that is asked, and the number of the question.
    pub asked: Option<(PeerId, u32)>,
    /// Rows that are being verified.
    pub open: usize,
    /// Rows that hold.
    pub rows: Vec<CertifiedManifest>,
    /// Rows that would, if they had not been taken back.
    pub taken: Vec<CertifiedEnvelope>,
    /// The seed has more.
    pub more: bool,
}

/// Every listing, by job.
#[derive(Debug, Default)]
pub(crate) struct Listings {
    by_job: BTreeMap<JobId, Listing>,
    next_ask: u32,
}

impl Listings {
    /// A new listing, in place of the job's last one.
    pub(crate) fn insert(&mut self, job: JobId, listing: Listing) {
        self.by_job.insert(job, listing);
    }

    /// It is answered, or nobody waits any more.
    pub(crate) fn remove(&mut self, job: JobId) -> Option<Listing> {
        self.by_job.remove(&job)
    }

    /// A job's listing, if it is still that one.
    pub(crate) fn on(&mut self, ticket: Ticket) -> Option<&mut Listing> {
        self.by_job.get_mut(&ticket.job).filter(|listing| listing.serial == ticket.serial)
    }

    /// A job's listing.
    pub(crate) fn get(&self, job: JobId) -> Option<&Listing> {
        self.by_job.get(&job)
    }

    /// Marks a listing as asked of a seed: the question's number and what to ask.
    pub(crate) fn ask(&mut self, job: JobId, seed: PeerId) -> Option<(u32, ListQuery)> {
        let listing = self.by_job.get_mut(&job).filter(|listing| listing.asked.is_none())?;
        self.next_ask = self.next_ask.wrapping_add(1);
        listing.asked = Some((seed, self.next_ask));
        Some((self.next_ask, listing.what.clone()))
    }

    /// The listing that this seed answers, once.
    pub(crate) fn answered(&mut self, seed: &PeerId, ask: u32) -> Option<(Ticket, &mut Listing)> {
        let wanted = Some((*seed, ask));
        let (job, listing) = self.by_job.iter_mut().find(|(_, listing)| listing.asked == wanted)?;
        let ticket = Ticket { job: *job, serial: listing.serial };
        (listing.open == 0 && listing.rows.is_empty()).then_some((ticket, listing))
    }

    /// A seed is gone: what it was asked and has not answered may be asked of another.
    pub(crate) fn seed_gone(&mut self, seed: &PeerId) {
        for listing in self.by_job.values_mut() {
            if listing.open == 0 && listing.asked.is_some_and(|(asked, _)| asked == *seed) {
                listing.asked = None;
            }
        }
    }

    /// Jobs that wait for a listing.
    pub(crate) fn jobs(&self) -> Vec<JobId> {
        self.by_job.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;

    fn seed(n: u8) -> PeerId {
        PeerId::new(PublicKey::from_bytes([n; 32]))
    }

    #[test]
    fn one_seed_is_asked_and_only_it_may_answer() {
        let mut listings = Listings::default();
        let what = ListQuery::Pattern { pattern: None, after: None };
        let (asked, open, rows, more) = (None, 0, Vec::new(), false);
        let listing = Listing { serial: 1, what, asked, open, rows, taken: Vec::new(), more };
        listings.insert(JobId(1), listing);
        let (ask, _) = listings.ask(JobId(1), seed(1)).unwrap();
        assert!(listings.ask(JobId(1), seed(2)).is_none(), "asked already");
        assert!(listings.answered(&seed(2), ask).is_none());
        assert!(listings.answered(&seed(1), ask + 1).is_none());
        assert!(listings.answered(&seed(1), ask).is_some());
        listings.seed_gone(&seed(1));
        assert!(listings.answered(&seed(1), ask).is_none());
        assert!(listings.ask(JobId(1), seed(2)).is_some());
    }

    #[test]
    fn a_listing_that_is_being_verified_is_not_asked_of_another_seed() {
        let mut listings = Listings::default();
        let what = ListQuery::Prefix("ab".into());
        let (asked, rows, more) = (None, Vec::new(), false);
        listings.insert(JobId(1), Listing { serial: 1, what, asked, open: 0, rows, taken: Vec::new(), more });
        let (ask, _) = listings.ask(JobId(1), seed(1)).unwrap();
        let (ticket, listing) = listings.answered(&seed(1), ask).unwrap();
        listing.open = 3;
        listings.seed_gone(&seed(1));
        assert!(listings.ask(JobId(1), seed(2)).is_none(), "its answer is here");
        assert!(listings.answered(&seed(1), ask).is_none(), "and no second one counts");
        assert!(listings.on(ticket).is_some());
        assert!(listings.on(Ticket { serial: 2, ..ticket }).is_none());
        listings.remove(JobId(1));
        assert!(listings.jobs().is_empty() && listings.get(JobId(1)).is_none());
    }
}
