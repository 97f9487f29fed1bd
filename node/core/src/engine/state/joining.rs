//! This node's own membership.
use crate::message::Refusal;
use crate::{Disbelief, Envelope, Instant, Now, VerifiedMembership};
use core::time::Duration;
use std::net::IpAddr;

/// A later membership replaces the one at hand only if it lasts longer by this much: several seeds renew at about
/// the same time, and every replacement is told to every peer.
const WORTH_TELLING: Duration = Duration::from_secs(60);

/// The membership at hand, if any.
#[derive(Debug, Default)]
pub(crate) struct Joining {
    held: Option<Held>,
    /// Why a seed last did not let this node in, since one did.
    refused: Option<Refusal>,
    /// Why the last membership that was given is not believed, since one was.
    unwelcome: Option<String>,
}

#[derive(Debug)]
struct Held {
    envelope: Envelope,
    until: Instant,
    address: IpAddr,
}

impl Joining {
    /// Keeps a membership; true when peers should be told of it.
    pub(crate) fn keep(&mut self, now: Now, membership: &VerifiedMembership) -> bool {
        let until = now.instant.after(membership.membership().expires.since(now.wall));
        let worth = self.held.as_ref().is_none_or(|held| held.until.after(WORTH_TELLING) < until);
        if worth {
            (self.refused, self.unwelcome) = (None, None);
            self.held = Some(Held {
                envelope: membership.envelope().clone(),
                until,
                address: membership.membership().address,
            });
        }
        worth
    }

    /// A seed does not let this node in.
    pub(crate) fn refused(&mut self, why: Refusal) {
        self.refused = Some(why);
    }

    /// Why the last seed that was asked did not, unless this node belongs.
    pub(crate) fn refusal(&self, now: Instant) -> Option<Refusal> {
        self.refused.filter(|_| !self.joined(now))
    }

    /// A membership that was given is not believed.
    pub(crate) fn disbelieved(&mut self, why: &Disbelief) {
        self.unwelcome = Some(why.to_string());
    }

    /// Why the last one that was given is not, unless this node belongs.
    pub(crate) fn unwelcome(&self, now: Instant) -> Option<&str> {
        self.unwelcome.as_deref().filter(|_| !self.joined(now))
    }

    /// How long this node still belongs; none: it does not.
    pub(crate) fn left(&self, now: Instant) -> Option<Duration> {
        self.held.as_ref().filter(|held| held.until > now).map(|held| held.until.since(now))
    }

    /// The membership to show, while it lasts.
    pub(crate) fn membership(&self, now: Instant) -> Option<&Envelope> {
        self.held.as_ref().filter(|held| held.until > now).map(|held| &held.envelope)
    }

    /// The address under which a seed saw this node.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.held.as_ref().map(|held| held.address)
    }

    /// Whether this node is a member now.
    pub(crate) fn joined(&self, now: Instant) -> bool {
        self.membership(now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::belief::fixture::{Pool, WALL, later, node};

    fn membership(expires: u64) -> VerifiedMembership {
        let pool = Pool::new(1);
        let mut membership = pool.membership(0, node(1));
        membership.expires = later(expires);
        let envelope = pool.by_seed(0, &membership);
        pool.trust().verify_membership(&envelope, &node(1), None, WALL).unwrap()
    }

    fn now(seconds: u64) -> Now {
        let instant = Instant::ZERO.after(Duration::from_secs(seconds));
        Now { instant, wall: later(seconds) }
    }

    #[test]
    fn a_membership_ends_by_the_clock_that_never_jumps() {
        let mut joining = Joining::default();
        assert!(!joining.joined(Instant::ZERO));
        assert!(joining.keep(now(0), &membership(600)));
        assert!(joining.joined(now(599).instant));
        assert!(!joining.joined(now(600).instant));
    }

    #[test]
    fn a_refusal_is_told_until_this_node_belongs() {
        let mut joining = Joining::default();
        assert_eq!(joining.refusal(Instant::ZERO), None);
        joining.refused(Refusal::AddressFull);
        joining.refused(Refusal::TokenExpired);
        assert_eq!(joining.refusal(Instant::ZERO), Some(Refusal::TokenExpired));
        assert!(joining.keep(now(0), &membership(600)));
        assert_eq!(joining.refusal(Instant::ZERO), None);
        joining.refused(Refusal::AddressFull);
        assert_eq!(joining.refusal(Instant::ZERO), None, "another seed has let it in");
        assert_eq!(joining.refusal(now(600).instant), Some(Refusal::AddressFull));
    }

    #[test]
    fn only_one_that_lasts_longer_is_worth_telling() {
        let mut joining = Joining::default();
        assert!(joining.keep(now(0), &membership(600)));
        assert!(!joining.keep(now(0), &membership(601)), "another seed, at about the same time");
        assert!(!joining.keep(now(0), &membership(300)));
        assert!(joining.keep(now(0), &membership(800)));
        assert!(joining.joined(now(799).instant));
    }
}
