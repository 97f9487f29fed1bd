//! What a seed has written to its log a moment ago, and how much of what members cause it still writes.
use super::log_shares::LogShares;
use crate::engine::bounds::{REFUSALS_LOGGED_MAX, REFUSALS_WINDOW, REFUSED_PEERS_MAX};
use crate::{Instant, LoggedMore, ManifestId, Now, PeerId};
use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

/// Refusals of one member.
#[derive(Clone, Copy, Debug)]
struct Refusals {
    since: Instant,
    logged: u32,
    unlogged: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// Certificates that are logged, and whose record is under way: bounded as records are.
    recording: BTreeSet<ManifestId>,
    refusals: BTreeMap<PeerId, Refusals>,
    shares: LogShares,
}

impl Journal {
    /// A certificate is about to be recorded; whether it is to be logged: another bringer's record may be under way.
    pub(crate) fn begins(&mut self, manifest: ManifestId) -> bool {
        self.recording.insert(manifest)
    }

    /// It was recorded, or the disk refused it.
    pub(crate) fn ended(&mut self, manifest: &ManifestId) {
        self.recording.remove(manifest);
    }

    /// A member at this address is refused; if that is to be logged, how many of its refusals were not since the last that
    /// was. Nobody fills the log with what it is refused, under whatever names.
    pub(crate) fn refused(&mut self, now: Now, peer: PeerId, address: Option<IpAddr>) -> Option<u64> {
        if !self.shares.has_left(now, address) {
            return None;
        }
        let unlogged = self.refused_to(now.instant, peer)?;
        self.shares.take(address);
        Some(unlogged)
    }

    /// What was left out of the log since addresses had their share; of those whose time is over.
    pub(crate) fn take_unlogged(&mut self, now: Instant) -> Vec<LoggedMore> {
        self.shares.take_over(now)
    }

    /// When the next of it can be taken.
    pub(crate) fn unlogged_due(&self) -> Option<Instant> {
        self.shares.next_over()
    }

    fn refused_to(&mut self, now: Instant, peer: PeerId) -> Option<u64> {
        if !self.refusals.contains_key(&peer) && !self.has_room(now) {
            return None;
        }
        let fresh = Refusals { since: now, logged: 0, unlogged: 0 };
        let refusals = self.refusals.entry(peer).or_insert(fresh);
        if now.since(refusals.since) >= REFUSALS_WINDOW {
            *refusals = Refusals { unlogged: refusals.unlogged, ..fresh };
        }
        if refusals.logged >= REFUSALS_LOGGED_MAX {
            refusals.unlogged = refusals.unlogged.saturating_add(1);
            return None;
        }
        refusals.logged = refusals.logged.saturating_add(1);
        Some(core::mem::take(&mut refusals.unlogged))
    }

    /// Those whose while is over make room.
    fn has_room(&mut self, now: Instant) -> bool {
        if self.refusals.len() >= REFUSED_PEERS_MAX {
            self.refusals.retain(|_, refusals| now.since(refusals.since) < REFUSALS_WINDOW);
        }
        self.refusals.len() < REFUSED_PEERS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;

    fn peer(n: u32) -> PeerId {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        PeerId::new(PublicKey::from_bytes(bytes))
    }

    /// Eight members are at one address.
    fn refused(journal: &mut Journal, instant: Instant, peer: PeerId) -> Option<u64> {
        let [a, b, c, d, ..] = *peer.key().as_bytes();
        let address = IpAddr::V4((u32::from_le_bytes([a, b, c, d]) / 8).into());
        journal.refused(Now { instant, wall: crate::belief::fixture::WALL }, peer, Some(address))
    }

    #[test]
    fn a_certificate_is_logged_once_while_it_is_recorded() {
        let mut journal = Journal::default();
        let manifest = ManifestId::from_bytes([1; 32]);
        assert!(journal.begins(manifest));
        assert!(!journal.begins(manifest));
        journal.ended(&manifest);
        assert!(journal.begins(manifest));
    }

    #[test]
    fn nobody_fills_the_log_and_what_is_left_out_is_counted() {
        let mut journal = Journal::default();
        for _ in 0..REFUSALS_LOGGED_MAX {
            assert_eq!(refused(&mut journal, Instant::ZERO, peer(1)), Some(0));
        }
        for _ in 0..9 {
            assert_eq!(refused(&mut journal, Instant::ZERO, peer(1)), None);
        }
        assert_eq!(refused(&mut journal, Instant::ZERO, peer(2)), Some(0), "another has its own share");
        let later = Instant::ZERO.after(REFUSALS_WINDOW);
        assert_eq!(refused(&mut journal, later, peer(1)), Some(9));
        assert_eq!(refused(&mut journal, later, peer(1)), Some(0));
    }

    #[test]
    fn only_so_many_members_are_remembered() {
        let mut journal = Journal::default();
        let most = u32::try_from(REFUSED_PEERS_MAX).unwrap();
        assert!((0..most).all(|n| refused(&mut journal, Instant::ZERO, peer(n)).is_some()));
        assert_eq!(refused(&mut journal, Instant::ZERO, peer(most)), None);
        let later = Instant::ZERO.after(REFUSALS_WINDOW);
        assert_eq!(refused(&mut journal, later, peer(most)), Some(0));
        assert_eq!(journal.refusals.len(), 1);
    }
}
