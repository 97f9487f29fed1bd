//! What is there? For people: rows from a seed, each verified here; or what this node knows itself.
use super::Alarm;
use super::rejudge::is_yank;
use crate::engine::bounds::JOB_WAIT_MAX;
use crate::engine::state::listings::Listing;
use crate::engine::state::tasks::{AfterVerify, Ticket};
use crate::engine::{Engine, Event, JobId, JobReply, Work};
use crate::limits::LISTING_ROWS_MAX;
use crate::message::{Control, ListQuery};
use crate::{CertifiedEnvelope, CertifiedManifest, Disbelief, Now, PeerId};
use core::time::Duration;

impl Engine {
    /// A job asks for a listing.
    pub(super) fn list(&mut self, now: Now, job: JobId, what: ListQuery, wait: Duration) {
        let deadline = now.instant.after(wait.min(JOB_WAIT_MAX));
        let (serial, rows, taken) = (self.tasks.serial(), Vec::new(), Vec::new());
        let listing = Listing { serial, what, asked: None, open: 0, rows, taken, more: false };
        self.listings.insert(job, listing);
        if self.is_seed() {
            return self.list_from_here(job);
        }
        self.timers.set(Alarm::Listing(job), deadline);
        let seed = self.peers.admitting().next();
        if let Some(seed) = seed {
            self.list_from_seed(job, seed);
        }
    }

    /// Asks a seed, unless one is asked already.
    pub(super) fn list_from_seed(&mut self, job: JobId, seed: PeerId) {
        if let Some((ask, what)) = self.listings.ask(job, seed) {
            self.send(seed, Control::List { ask, what });
        }
    }

    /// Answers from what this node knows.
    pub(super) fn list_from_here(&mut self, job: JobId) {
        let Some(listing) = self.listings.get(job) else { return };
        let found = self.catalogue.list(&listing.what);
        let withdrawn =
            |row: &CertifiedManifest| self.catalogue.get(&row.id()).is_some_and(|row| row.withdrawn);
        let (gone, rows): (Vec<_>, Vec<_>) = found.rows.into_iter().partition(withdrawn);
        let taken = gone.iter().filter(|row| self.withdrawn.why(&row.id()).is_some());
        let taken = taken.map(CertifiedManifest::to_envelope).collect();
        let from_seed = self.is_seed();
        self.end_listing(job, JobReply::Listing { rows, more: found.more, from_seed, taken });
    }

    /// A member asks this seed.
    pub(super) fn on_list(&mut self, peer: PeerId, ask: u32, what: &ListQuery) {
        let rows = self.catalogue.list(what);
        let envelopes = rows.rows.iter().map(CertifiedManifest::to_envelope).collect();
        self.send(peer, Control::Listing { ask, rows: envelopes, more: rows.more });
    }

    /// A seed answers; every row is verified before it is shown.
    pub(super) fn on_listing(
        &mut self,
        now: Now,
        seed: PeerId,
        ask: u32,
        (rows, more): (Vec<CertifiedEnvelope>, bool),
    ) {
        let Some((ticket, listing)) = self.listings.answered(&seed, ask) else { return };
        let more = more || rows.len() > LISTING_ROWS_MAX;
        listing.more = more;
        listing.open = rows.len().min(LISTING_ROWS_MAX);
        for certified in rows.into_iter().take(LISTING_ROWS_MAX) {
            let then = AfterVerify::Row { ticket, row: Box::new(certified.clone()) };
            self.verify(Some(seed), Work::Certified { certified, wall: now.wall }, then);
        }
        self.end_full_listing(ticket);
    }

    /// A row was judged.
    pub(super) fn row_judged(
        &mut self,
        ticket: Ticket,
        certified: CertifiedEnvelope,
        result: Result<CertifiedManifest, Disbelief>,
    ) {
        let Some(listing) = self.listings.on(ticket) else { return };
        listing.open = listing.open.saturating_sub(1);
        match result {
            Ok(row) => listing.rows.push(row),
            // Everything else about it holds.
            Err(why) if is_yank(&why) => listing.taken.push(certified),
            Err(why) => self.event(Event::Disbelieved { from: None, why }),
        }
        self.end_full_listing(ticket);
    }

    fn end_full_listing(&mut self, ticket: Ticket) {
        let Some(listing) = self.listings.on(ticket).filter(|listing| listing.open == 0) else { return };
        let (mut rows, taken) = (core::mem::take(&mut listing.rows), core::mem::take(&mut listing.taken));
        let more = listing.more;
        rows.sort_by(|one, other| {
            let place = |row: &CertifiedManifest| (row.manifest().key.clone(), row.manifest().sequence);
            place(one).cmp(&place(other))
        });
        self.end_listing(ticket.job, JobReply::Listing { rows, more, from_seed: true, taken });
    }

    fn end_listing(&mut self, job: JobId, reply: JobReply) {
        self.listings.remove(job);
        self.timers.clear(Alarm::Listing(job));
        self.reply(job, reply);
    }
}
