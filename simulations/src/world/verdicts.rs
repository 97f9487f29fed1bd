//! Verifications that were done before: a membership is shown to every neighbour, and judging it is a third of what a
//! large crowd costs. What is remembered is what would be found again.

use pollux_core::engine::{Verdict, Work};
use pollux_core::{Envelope, PeerId, Timestamp, Trust, VerifiedMembership};
use std::collections::BTreeMap;

/// Memberships that hold, by the hash of their envelope; who shows it must be whom it names.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    memberships: BTreeMap<[u8; 32], VerifiedMembership>,
}

impl Verdicts {
    /// What the work finds. Runs it, unless it is about a membership that was found to hold and still does.
    pub(super) fn run(&mut self, work: Work, trust: &Trust) -> Verdict {
        let Work::Membership { envelope, peer, wall } = &work else { return work.run(trust) };
        let name = hash(envelope);
        if let Some(known) = self.known(&name, peer, *wall) {
            return Verdict::Membership(Ok(known.clone()));
        }
        let verdict = work.run(trust);
        if let Verdict::Membership(Ok(verified)) = &verdict {
            self.memberships.insert(name, verified.clone());
        }
        verdict
    }

    /// Only its end can make a membership that held hold no more, but where a clock is behind.
    fn known(&self, name: &[u8; 32], peer: &PeerId, wall: Timestamp) -> Option<&VerifiedMembership> {
        let known = self.memberships.get(name)?;
        let membership = known.membership();
        (membership.peer == *peer && (membership.issued..membership.expires).contains(&wall)).then_some(known)
    }
}

fn hash(envelope: &Envelope) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let signatures = envelope.signatures.iter().flat_map(|one| [one.keyid.as_bytes(), one.sig.as_slice()]);
    for part in [envelope.payload_type.as_bytes(), &envelope.payload].into_iter().chain(signatures) {
        hasher.update(&part.len().to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbered::NodeNo;
    use crate::pool::{self, BEGIN, Pool};
    use crate::scenario::Scenario;
    use core::time::Duration;
    use pollux_core::{Membership, PeerRole};

    fn peer(no: u32) -> PeerId {
        PeerId::new(pool::identity(NodeNo(no)).public())
    }

    fn shown(signer: u32) -> Envelope {
        let key = pool::identity(NodeNo(signer));
        let membership = Membership {
            pool: Pool::new(&Scenario::default()).trust.policy().pool.clone(),
            peer: peer(5),
            role: PeerRole::Node,
            instance: None,
            address: pool::address(NodeNo(5), NodeNo(5), 0).ip(),
            issuer: key.public(),
            issued: BEGIN,
            expires: BEGIN.after(Duration::from_secs(900)),
        };
        Envelope::sign(&membership, &key)
    }

    fn holds(verdicts: &mut Verdicts, envelope: &Envelope, of: u32, seconds: u64) -> bool {
        let wall = BEGIN.after(Duration::from_secs(seconds));
        let work = Work::Membership { envelope: envelope.clone(), peer: peer(of), wall };
        let trust = Pool::new(&Scenario::default()).trust;
        let found = verdicts.run(work.clone(), &trust);
        assert_eq!(format!("{found:?}"), format!("{:?}", work.run(&trust)), "as if nothing were remembered");
        matches!(found, Verdict::Membership(Ok(_)))
    }

    #[test]
    fn what_is_remembered_is_what_would_be_found() {
        let (mut verdicts, good, forged) = (Verdicts::default(), shown(0), shown(3));
        for _ in 0..2 {
            assert!(holds(&mut verdicts, &good, 5, 1));
            assert!(!holds(&mut verdicts, &good, 6, 1), "of another peer");
            assert!(!holds(&mut verdicts, &forged, 5, 1), "signed by no seed");
        }
        assert_eq!(verdicts.memberships.len(), 1);
        let mut signature_changed = good.clone();
        signature_changed.signatures[0].sig[0] ^= 1;
        assert!(!holds(&mut verdicts, &signature_changed, 5, 1));
        assert!(!holds(&mut verdicts, &good, 5, 900), "it has expired");
    }
}
