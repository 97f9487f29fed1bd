//! What the driver tells when somebody looks, and the page and the words that are made of it.

use super::counters::{ByName, Totals};
use super::page::Page;
use super::{table, words};
use crate::store::StoreUsage;
use pollux_client::ends::{ends, warning};
use pollux_client::printable::printable;
use pollux_client::protocol::Ending;
use pollux_core::engine::{EngineMeasures, EngineStatus, MissReason};
use pollux_core::message::{OfferRefusal, Refusal};
use pollux_core::{PeerRole, Timestamp, Trust};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lengths of the queues before the driver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queues {
    /// Events of the wire.
    pub wire: usize,
    /// Events of sessions.
    pub jobs: usize,
    /// Finished work.
    pub results: usize,
}

/// All that the driver knows at one time.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) totals: Totals,
    pub(super) status: EngineStatus,
    pub(super) measures: EngineMeasures,
    pub(super) trust: Arc<Trust>,
    /// Why the membership that a seed gave is not believed here.
    pub(super) unwelcome: Option<String>,
    pub(super) queues: Queues,
}

/// What stays while the program runs.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) role: PeerRole,
    /// When the pool file's token expires; none if it cannot be read.
    pub(super) token_expires: Option<Timestamp>,
    /// When the endpoint began, right after the store was opened.
    pub(super) started: Timestamp,
}

/// What is looked up outside of the driver.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub(super) store: StoreUsage,
    /// Whether a sync has failed.
    pub(super) broken: bool,
    /// The wall clock.
    pub(super) now: Timestamp,
}

impl Snapshot {
    /// The page for a scrape.
    pub(super) fn page(&self, facts: &Facts, machine: Machine) -> Page {
        let mut page = Page::default();
        let role = match facts.role {
            PeerRole::Node => "node",
            PeerRole::Seed => "seed",
        };
        page.facts(table::BUILD_INFO, &[env!("CARGO_PKG_VERSION"), role]);
        page.moment(table::STARTED, facts.started.as_millis());
        page.moment(table::CLOCK, machine.now.as_millis());
        self.restores(&mut page);
        self.wire(&mut page);
        self.state(&mut page);
        put_store(&mut page, machine.store);
        self.housework(&mut page);
        page.whole(table::STORE_BROKEN, machine.broken.into());
        self.papers(&mut page, facts);
        match facts.role {
            PeerRole::Node => self.of_node(&mut page),
            PeerRole::Seed => self.of_seed(&mut page, facts),
        }
        page
    }

    fn restores(&self, page: &mut Page) {
        let totals = &self.totals;
        page.whole(table::HITS, totals.hits);
        page.each(table::MISSES, all(&MissReason::ALL.map(MissReason::name), &totals.misses));
        page.each(table::CHUNKS_FAILED, all(&words::FETCH_ENDS, &totals.chunks_failed));
        page.each(table::DELIVERED, all(&words::SOURCES, &totals.delivered));
        page.durations(table::ANSWER_SECONDS, totals.answers.clone());
        page.durations(table::RESTORE_SECONDS, totals.restores.clone());
        page.each(table::PUBLISHES, all(&words::PUBLISH_RESULTS, &totals.publishes));
        page.whole(table::CERTIFIED, totals.certified);
    }

    fn wire(&self, page: &mut Page) {
        let totals = &self.totals;
        page.whole(table::RECEIVED, totals.received);
        page.each(table::SERVED, all(&words::CLASSES, &totals.served));
        page.whole(table::BANS, totals.bans);
        page.whole(table::OFFENCES, totals.offences);
        page.whole(table::UNKNOWN_MESSAGES, totals.unknown_messages);
        page.whole(table::HEDGES, self.measures.hedges);
        page.whole(table::DUPLICATES, self.measures.duplicate_bytes);
        page.whole(table::JUNK_CHUNKS, self.status.junk_chunks);
        page.whole(table::DISBELIEVED, totals.disbelieved);
        page.whole(table::WITHDRAWN, totals.withdrawn);
        page.whole(table::BANNED, self.status.banned.into());
        page.whole(table::MEMBERS, self.status.peers.into());
        page.whole(table::SEEDS_CONNECTED, self.status.seeds_connected.into());
        page.whole(table::SEEDS, self.status.seeds_total.into());
    }

    fn state(&self, page: &mut Page) {
        page.whole(table::JOBS, self.status.jobs.into());
        page.whole(table::FETCHES, self.status.fetches.into());
        page.whole(table::MANIFESTS, self.status.manifests.into());
        page.whole(table::YANKS, self.status.yanks.into());
        let length = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        let measures = &self.measures;
        page.each(
            table::QUEUE,
            [
                ("wire", length(self.queues.wire)),
                ("jobs", length(self.queues.jobs)),
                ("results", length(self.queues.results)),
                ("messages", measures.messages_waiting),
                ("questions", measures.questions.into()),
                ("publishes", measures.publishes.into()),
            ],
        );
    }

    fn housework(&self, page: &mut Page) {
        let done = &self.totals.housework;
        page.whole(table::LET_GO, self.totals.let_go);
        page.each(table::SWEEPS, done.sweeps);
        page.whole(table::SWEPT_BYTES, done.swept_bytes);
    }

    fn papers(&self, page: &mut Page, facts: &Facts) {
        page.whole(table::ROOT_VERSION, self.trust.root().version);
        page.whole(table::POLICY_VERSION, self.trust.policy().version);
        page.whole(table::WRITE_QUORUM, self.trust.policy().write.into());
        page.whole(table::READ_QUORUM, self.trust.policy().read.into());
        page.moment(table::ROOT_EXPIRY, self.trust.root().expires.as_millis());
        page.moment(table::POLICY_EXPIRY, self.trust.policy().expires.as_millis());
        page.moments(table::PUBLISHER_EXPIRY, self.publishers_expire());
        if let Some(expires) = facts.token_expires {
            page.moment(table::TOKEN_EXPIRY, expires.as_millis());
        }
    }

    /// The first end of each name: several publishers may have one.
    fn publishers_expire(&self) -> BTreeMap<String, u64> {
        let mut first = BTreeMap::new();
        for publisher in &self.trust.policy().publishers {
            let expires = publisher.expires.as_millis();
            let known = first.entry(publisher.name.clone()).or_insert(expires);
            *known = expires.min(*known);
        }
        first
    }

    fn of_node(&self, page: &mut Page) {
        page.whole(table::JOINED, self.status.joined.into());
        page.each(table::JOIN_REFUSALS, all(&words::join_refusals(), &self.totals.join_refusals));
        page.each(table::EVICTED, self.totals.housework.evicted);
    }

    fn of_seed(&self, page: &mut Page, facts: &Facts) {
        page.whole(table::SIGNING, self.status.silent.is_none().into());
        page.whole(table::RECEIPTS, self.totals.receipts);
        page.each(
            table::OFFERS_REFUSED,
            all(&OfferRefusal::ALL.map(OfferRefusal::name), &self.totals.offers_refused),
        );
        let refused =
            |why: Refusal| (why.name(), self.status.refusals.get(why.name()).copied().unwrap_or_default());
        page.each(table::JOINS_REFUSED, Refusal::ALL.map(refused));
        page.whole(table::OFFERS, self.measures.offers.into());
        let newest = self.measures.newest_saves.iter();
        page.moments(table::NEWEST_SAVE, newest.map(|(lineage, time)| (lineage.as_str(), time.as_millis())));
        page.whole(table::LINEAGES_LEFT_OUT, self.measures.lineages_left_out);
        let swept = self.totals.housework.clean.unwrap_or(facts.started);
        page.moment(table::SWEPT, swept.as_millis());
        self.shares(page);
    }

    fn shares(&self, page: &mut Page) {
        let (mut used, mut bounds) = (BTreeMap::<&str, u64>::new(), BTreeMap::<&str, u64>::new());
        for share in &self.measures.shares {
            sum(used.entry(&share.publisher).or_default(), share.bytes);
        }
        for publisher in &self.trust.policy().publishers {
            if let Some(bytes) = publisher.byte_share {
                sum(bounds.entry(&publisher.name).or_default(), bytes);
            }
        }
        page.each(table::SHARE_BYTES, used);
        page.each(table::SHARE_BYTES_MAX, bounds);
    }

    /// What this program lacks to be of use; empty: nothing.
    pub(super) fn lacks(&self, role: PeerRole, now: Timestamp) -> String {
        if let Some(over) = self.over(now) {
            return over;
        }
        match role {
            PeerRole::Node if self.status.joined => String::new(),
            PeerRole::Node => format!("not a member of the pool: {}", self.outside()),
            PeerRole::Seed => {
                self.status.silent.map_or_else(String::new, |why| format!("this seed signs nothing: {why}"))
            }
        }
    }

    /// The root or the policy has expired while the program runs: nothing that anybody signs is believed.
    fn over(&self, now: Timestamp) -> Option<String> {
        let over = ends(&self.trust, None, now).into_iter().filter(|end| end.expires_ms <= now.as_millis());
        over.filter(|end| matches!(end.what, Ending::Root | Ending::Policy))
            .find_map(|end| warning(&end, now))
    }

    /// Why this node is no member.
    fn outside(&self) -> String {
        if let Some(why) = self.status.refused {
            return format!("a seed says that {why}");
        }
        let unwelcome = self.unwelcome.as_ref();
        unwelcome.map_or_else(
            || "no seed has let this node in yet".to_owned(),
            |why| format!("the membership that a seed gave is not believed here: {}", printable(why)),
        )
    }
}

fn put_store(page: &mut Page, usage: StoreUsage) {
    page.whole(table::STORE_BYTES, usage.bytes);
    page.whole(table::STORE_BYTES_MAX, usage.bytes_max);
    page.whole(table::STORE_BYTES_POSSIBLE, usage.bytes_possible());
    page.whole(table::STORE_CHUNKS, usage.chunks);
    page.whole(table::DISK_FREE, usage.disk_free_bytes);
    page.whole(table::DISK_FREE_MIN, usage.free_bytes_min);
}

const fn sum(total: &mut u64, more: u64) {
    *total = total.saturating_add(more);
}

/// Each name of a closed list, also those of which nothing was counted.
fn all<'a>(names: &'a [&'static str], counts: &'a ByName) -> impl Iterator<Item = (&'static str, u64)> + 'a {
    names.iter().map(|name| (*name, counts.get(name).copied().unwrap_or_default()))
}
