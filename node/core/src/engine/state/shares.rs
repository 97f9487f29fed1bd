//! What each publisher's caches take of a seed's disk: stored bytes, counted once, when they are first kept.
//!
//! A chunk is paid for by the publisher of the manifest that it was first pulled for, until that manifest expires: bytes are
//! counted for each publisher and day of expiry, so that what is counted is bounded however many manifests there are, and is
//! given back at the end of the day. Before a pull begins, what the seed lacks is reserved with its plain length, for no
//! frame is longer; what is paid in the end is the length of the frames. A chunk that the store had already, another
//! publisher's too, costs nothing. What was paid for stays so when its pull fails: it is on the disk.
use crate::engine::Share;
use crate::engine::transfer::PullId;
use crate::{PublicKey, Timestamp, VerifiedManifest};
use std::collections::BTreeMap;

/// Pulls that are known, with those that have ended: a few of their chunks may be kept later. More than there are swarms.
const PULLS_MAX: usize = 2 * crate::engine::bounds::SWARMS_MAX;
const DAY_MILLIS: u64 = 24 * 3_600 * 1_000;

/// Who pays for what is kept, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Payer {
    /// The publisher's key.
    pub publisher: PublicKey,
    /// The end of the day in which the manifest expires.
    pub until: Timestamp,
}

impl Payer {
    /// Who pays for a manifest; nobody if it is under a grant, which has a budget of its own.
    pub(crate) fn of(verified: &VerifiedManifest) -> Option<Self> {
        if verified.grant().is_some() {
            return None;
        }
        let days = verified.manifest().expires.as_millis().div_ceil(DAY_MILLIS);
        let until = Timestamp::from_millis(days.saturating_mul(DAY_MILLIS));
        Some(Self { publisher: verified.signer(), until })
    }

    fn share(self, bytes: u64) -> Share {
        Share { publisher: self.publisher, until: self.until, bytes }
    }
}

/// Whether a pull may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// It fits.
    Enough,
    /// It fits unless pulls under way take all that they may.
    NotNow,
    /// It does not fit.
    None,
}

#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    bytes: u64,
    durable: u64,
}

#[derive(Clone, Copy, Debug)]
struct Paid {
    payer: Payer,
    /// Plain bytes that it may still bring; none once it has ended.
    due: Option<u64>,
}

/// See the module. At most one number for each publisher that a policy names or named and each day that a manifest may live.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    taken: BTreeMap<Payer, Taken>,
    pulls: BTreeMap<PullId, Paid>,
}

impl Shares {
    /// The store remembers a count.
    pub(crate) fn recover(&mut self, share: Share) {
        let payer = Payer { publisher: share.publisher, until: share.until };
        let taken = self.taken.entry(payer).or_default();
        taken.bytes = taken.bytes.saturating_add(share.bytes);
        taken.durable = share.bytes;
    }

    /// Bytes that a publisher's caches take.
    pub(crate) fn taken(&self, publisher: &PublicKey, wall: Timestamp) -> u64 {
        let of_publisher = |until| Payer { publisher: *publisher, until };
        let days = self.taken.range(of_publisher(Timestamp::from_millis(0))..=of_publisher(Timestamp::MAX));
        let alive = days.filter(|(payer, _)| payer.until > wall);
        alive.fold(0, |sum, (_, taken)| sum.saturating_add(taken.bytes))
    }

    /// Whether so many plain bytes more are within the publisher's share.
    pub(crate) fn room(&self, payer: &Payer, bytes: u64, share: u64, wall: Timestamp) -> Room {
        let needed = self.taken(&payer.publisher, wall).saturating_add(bytes);
        let others = self.pulls.values().filter(|paid| paid.payer.publisher == payer.publisher);
        let reserved = others.filter_map(|paid| paid.due).fold(needed, u64::saturating_add);
        match (bytes, needed, reserved) {
            (0, ..) => Room::Enough,
            (_, needed, _) if needed > share => Room::None,
            (.., reserved) if reserved > share => Room::NotNow,
            _ => Room::Enough,
        }
    }

    /// A pull begins that may bring so many plain bytes.
    pub(crate) fn begin(&mut self, pull: PullId, payer: Payer, bytes: u64) {
        self.pulls.insert(pull, Paid { payer, due: Some(bytes) });
        while self.pulls.len() > PULLS_MAX {
            let ended = self.pulls.iter().find(|(_, paid)| paid.due.is_none());
            let oldest = ended.or(self.pulls.first_key_value()).map(|(pull, _)| *pull);
            oldest.map(|oldest| self.pulls.remove(&oldest));
        }
    }

    /// It has ended: nothing is reserved for it any more.
    pub(crate) fn end(&mut self, pull: PullId) {
        if let Some(paid) = self.pulls.get_mut(&pull) {
            paid.due = None;
        }
    }

    /// A chunk was kept that was pulled so: its plain and its stored bytes. Says who pays.
    pub(crate) fn pay(&mut self, pull: PullId, plain: u32, stored: u32) -> Option<Payer> {
        let paid = self.pulls.get_mut(&pull)?;
        paid.due = paid.due.map(|due| due.saturating_sub(u64::from(plain)));
        let taken = self.taken.entry(paid.payer).or_default();
        taken.bytes = taken.bytes.saturating_add(u64::from(stored));
        Some(paid.payer)
    }

    /// What has to be made durable of what this one pays for; none if it is.
    pub(crate) fn unsaved(&self, payer: Payer) -> Option<Share> {
        let taken = self.taken.get(&payer).filter(|taken| taken.durable < taken.bytes)?;
        Some(payer.share(taken.bytes))
    }

    /// That is durable.
    pub(crate) fn saved(&mut self, share: Share) {
        let payer = Payer { publisher: share.publisher, until: share.until };
        if let Some(taken) = self.taken.get_mut(&payer) {
            taken.durable = taken.durable.max(share.bytes);
        }
    }

    /// Forgets what was given back, and says what the store can forget.
    pub(crate) fn expire(&mut self, wall: Timestamp) -> Vec<Share> {
        let over: Vec<Payer> = self.taken.keys().filter(|payer| payer.until <= wall).copied().collect();
        let over = over.into_iter().filter_map(|payer| self.taken.remove(&payer).map(|_| payer.share(0)));
        over.collect()
    }
}

#[cfg(test)]
#[path = "shares_tests.rs"]
mod tests;
