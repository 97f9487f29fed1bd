//! Members that have to show that they are still there, because a newcomer at their address wants their place.
use super::peers::Contact;
use crate::{Instant, PeerId, Timestamp};
use std::collections::BTreeMap;

/// By what a newcomer belongs, once there is a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It shows a membership that lasts until then.
    Shown(Timestamp),
    /// Its token holds.
    Token,
}

/// One member that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    /// When.
    pub asked: Instant,
    /// Who gets its place if it does not answer.
    pub newcomer: Contact,
    /// By what.
    pub claim: Claim,
}

/// At most one probe of each member, and one for each newcomer.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    of: BTreeMap<PeerId, Probe>,
}

impl Probes {
    /// A member was asked.
    pub(crate) fn begin(&mut self, member: PeerId, probe: Probe) {
        self.of.insert(member, probe);
    }

    /// The probe of this member is over.
    pub(crate) fn take(&mut self, member: &PeerId) -> Option<Probe> {
        self.of.remove(member)
    }

    /// Whether this member was asked a moment ago.
    pub(crate) fn is_asked(&self, member: &PeerId) -> bool {
        self.of.contains_key(member)
    }

    /// Whether somebody's place is being looked after for this newcomer.
    pub(crate) fn awaited_by(&self, newcomer: Contact) -> bool {
        self.of.values().any(|probe| probe.newcomer == newcomer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;

    fn peer(n: u8) -> PeerId {
        PeerId::new(PublicKey::from_bytes([n; 32]))
    }

    #[test]
    fn a_probe_is_of_one_member_for_one_newcomer() {
        let mut probes = Probes::default();
        let newcomer = Contact { peer: peer(2), session: 7 };
        let probe = Probe { asked: Instant::ZERO, newcomer, claim: Claim::Token };
        probes.begin(peer(1), probe);
        assert!(probes.is_asked(&peer(1)) && !probes.is_asked(&peer(2)));
        assert!(probes.awaited_by(newcomer));
        assert!(!probes.awaited_by(Contact { session: 8, ..newcomer }), "it has come anew");
        assert_eq!(probes.take(&peer(1)), Some(probe));
        assert_eq!(probes.take(&peer(1)), None);
        assert!(!probes.awaited_by(newcomer));
    }
}
