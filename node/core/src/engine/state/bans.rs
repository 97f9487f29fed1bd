//! Peers that are refused for a while.
//!
//! Only what this node saw itself counts: a chunk that is not what it was asked for, or a message that nobody may send. There
//! is no message by which one peer reports another, so nobody can have somebody else removed, neither one liar nor several
//! that agree; and what a peer relays is judged by its signatures, and costs only itself. A seed names as neighbours only
//! whom it believes, by its own evidence too.
//!
//! No ban is for ever: an honest peer that was banned, by a fault of its disk perhaps, is welcome again after [`BAN_TIME`]. Who
//! is only slow is let go without a ban, and begins anew when it comes back. Seeds are never banned: without them there is
//! no pool.
use crate::engine::bounds::{BAN_TIME, BANS_MAX};
use crate::{Instant, PeerId};
use std::collections::BTreeMap;

/// Who is refused until when; bounded, the ban that ends first goes first.
#[derive(Debug, Default)]
pub(crate) struct Bans {
    until: BTreeMap<PeerId, Instant>,
}

impl Bans {
    /// Refuses a peer for [`BAN_TIME`].
    pub(crate) fn add(&mut self, now: Instant, peer: PeerId) {
        self.until.retain(|_, until| *until > now);
        self.until.insert(peer, now.after(BAN_TIME));
        if self.until.len() > BANS_MAX
            && let Some(oldest) = self.until.iter().min_by_key(|(_, until)| **until).map(|(peer, _)| *peer)
        {
            self.until.remove(&oldest);
        }
    }

    /// Whether the peer is refused now.
    pub(crate) fn holds(&self, now: Instant, peer: &PeerId) -> bool {
        self.until.get(peer).is_some_and(|until| *until > now)
    }

    /// How many are refused now.
    pub(crate) fn count(&self, now: Instant) -> usize {
        self.until.values().filter(|until| **until > now).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;

    fn peer(n: usize) -> PeerId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&u64::try_from(n).unwrap().to_le_bytes());
        PeerId::new(PublicKey::from_bytes(bytes))
    }

    #[test]
    fn a_ban_ends() {
        let mut bans = Bans::default();
        bans.add(Instant::ZERO, peer(1));
        assert!(bans.holds(Instant::ZERO, &peer(1)));
        assert!(!bans.holds(Instant::ZERO, &peer(2)));
        let later = Instant::ZERO.after(BAN_TIME);
        assert!(!bans.holds(later, &peer(1)));
        assert_eq!(bans.count(later), 0);
    }

    #[test]
    fn bans_are_bounded_and_the_oldest_goes() {
        let mut bans = Bans::default();
        for n in 0..=BANS_MAX {
            bans.add(Instant::from_micros(u64::try_from(n).unwrap()), peer(n));
        }
        let now = Instant::from_micros(5_000);
        assert_eq!(bans.count(now), BANS_MAX);
        assert!(!bans.holds(now, &peer(0)));
        assert!(bans.holds(now, &peer(BANS_MAX)));
    }

    #[test]
    fn a_ban_begins_anew_with_each_offence() {
        let mut bans = Bans::default();
        bans.add(Instant::ZERO, peer(1));
        let half = Instant::ZERO.after(BAN_TIME / 2);
        bans.add(half, peer(1));
        assert!(bans.holds(Instant::ZERO.after(BAN_TIME), &peer(1)));
        assert!(!bans.holds(half.after(BAN_TIME), &peer(1)));
        assert_eq!(bans.count(half), 1);
    }
}
