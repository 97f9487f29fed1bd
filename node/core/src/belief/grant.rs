//! Grants: keys that may sign manifests for some minutes, and how much of them was used.
use super::trust::{not_from_the_future, one_signature, read};
use super::{Disbelief, Paper, Trust, VerifiedGrant};
use crate::limits::GRANT_USES_MAX;
use crate::{Digest, Envelope, Grant, Issuer, Manifest, ManifestId, Pattern, Timestamp};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

impl Trust {
    /// Judges a grant by itself, as it is at `at`: of this pool, signed by an issuer of the policy, whose patterns each
    /// of its patterns lies in, living no longer than that issuer's may, begun (give or take
    /// [`crate::limits::CLOCK_SKEW_MAX`]) and not expired.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn verify_grant(&self, envelope: &Envelope, at: Timestamp) -> Result<VerifiedGrant, Disbelief> {
        let what = Paper::Grant;
        let grant: Grant = read(envelope, what)?;
        self.same_pool(what, &grant.pool)?;
        one_signature(envelope, what)?;
        let issuer = self.issuer(envelope).ok_or(Disbelief::GrantNotIssued)?;
        within(&grant, issuer)?;
        not_from_the_future(what, grant.not_before, at)?;
        if grant.expires <= at {
            let ago = at.since(grant.expires);
            return Err(Disbelief::GrantExpired { serial: grant.serial, ago });
        }
        Ok(VerifiedGrant { id: envelope.digest(), grant, issuer: issuer.key })
    }

    /// Who issued it. Key ids decide nothing, but are where the search begins.
    fn issuer(&self, envelope: &Envelope) -> Option<&Issuer> {
        let keyid = envelope.signatures.first().map(|signature| signature.keyid.as_str());
        let issuers = self.policy().issuers.iter();
        let (likely, others): (Vec<_>, Vec<_>) =
            issuers.partition(|issuer| Some(issuer.key.to_string().as_str()) == keyid);
        likely.into_iter().chain(others).find(|issuer| envelope.signed_by(&issuer.key))
    }

    /// The grant of a manifest, if that holds at the moment when seeds took it, and lets its key sign this manifest.
    pub(super) fn grant_of(
        &self,
        envelope: &Envelope,
        manifest: &Manifest,
        (grant, at): (&Envelope, Timestamp),
    ) -> Result<VerifiedGrant, Disbelief> {
        let verified = self.verify_grant(grant, at)?;
        let grant = verified.grant();
        if !envelope.signed_by(&grant.key) {
            return Err(Disbelief::NotTheGrantsKey { serial: grant.serial.clone() });
        }
        if !grant.patterns.iter().any(|pattern| pattern.covers(&manifest.key)) {
            let (serial, key) = (grant.serial.clone(), manifest.key.clone());
            return Err(Disbelief::GrantForOtherPattern { serial, key });
        }
        let (bytes, most) = (manifest.bytes(), grant.bytes_max);
        if bytes > most {
            return Err(Disbelief::GrantOverBudget { serial: grant.serial.clone(), bytes, most });
        }
        same_provenance(grant, manifest)?;
        Ok(verified)
    }
}

/// The grant does not give what its issuer may not.
fn within(grant: &Grant, issuer: &Issuer) -> Result<(), Disbelief> {
    let covered = |pattern: &&Pattern| issuer.patterns.iter().any(|wider| pattern.lies_in(wider));
    if let Some(pattern) = grant.patterns.iter().find(|pattern| !covered(pattern)) {
        let (serial, pattern) = (grant.serial.clone(), pattern.clone());
        return Err(Disbelief::GrantTooWide { serial, pattern });
    }
    let (life, longest) = (grant.expires.since(grant.not_before), Duration::from_secs(issuer.grant_life_max));
    if life <= longest {
        return Ok(());
    }
    Err(Disbelief::LivesTooLong { what: Paper::Grant, life, longest })
}

/// What the grant states of where it is used, the manifest states too.
fn same_provenance(grant: &Grant, manifest: &Manifest) -> Result<(), Disbelief> {
    let fields = grant.provenance.fields().into_iter().zip(manifest.provenance.fields());
    let mut stated = fields.filter(|((_, granted), _)| !granted.is_empty());
    let Some(((field, granted), (_, found))) = stated.find(|((_, granted), (_, found))| granted != found)
    else {
        return Ok(());
    };
    Err(Disbelief::ProvenanceDiffers { field, granted: granted.to_owned(), found: found.to_owned() })
}

/// How much of each live grant's budget a seed has given away, so that the next manifest can be refused. A manifest
/// counts once however often it comes. At most [`GRANT_USES_MAX`] are counted at once.
#[derive(Clone, Debug, Default)]
pub struct GrantUse {
    grants: BTreeMap<Digest, Used>,
}

#[derive(Clone, Debug)]
struct Used {
    expires: Timestamp,
    manifests: BTreeSet<ManifestId>,
    bytes: u64,
}

impl GrantUse {
    /// Counts a manifest of that many bytes ([`Manifest::bytes`]) under a grant, before a receipt for it is signed at
    /// `wall`. One that was counted changes nothing.
    ///
    /// # Errors
    /// If the grant has no manifests or bytes left for it, or if too many are counted: nothing is counted then.
    pub fn count(
        &mut self,
        grant: &VerifiedGrant,
        (id, bytes): (ManifestId, u64),
        wall: Timestamp,
    ) -> Result<(), Disbelief> {
        self.grants.retain(|other, used| wall < used.expires || *other == grant.id());
        let counted: usize = self.grants.values().map(|used| used.manifests.len()).sum();
        let unused = Used { expires: grant.grant().expires, manifests: BTreeSet::new(), bytes: 0 };
        let used = self.grants.entry(grant.id()).or_insert(unused);
        if used.manifests.contains(&id) {
            return Ok(());
        }
        let bytes = used.bytes.saturating_add(bytes);
        used.has_room(grant.grant(), bytes)?;
        if counted >= GRANT_USES_MAX {
            return Err(Disbelief::TooManyGrantUses { most: GRANT_USES_MAX });
        }
        used.manifests.insert(id);
        used.bytes = bytes;
        Ok(())
    }
}

impl Used {
    /// Whether the grant allows one more manifest, and so many bytes with it.
    fn has_room(&self, grant: &Grant, bytes: u64) -> Result<(), Disbelief> {
        let Grant { serial, bytes_max, manifests_max, .. } = grant;
        if bytes > *bytes_max {
            let (serial, most) = (serial.clone(), *bytes_max);
            return Err(Disbelief::GrantOverBudget { serial, bytes, most });
        }
        if self.manifests.len() >= usize::try_from(*manifests_max).unwrap_or(usize::MAX) {
            return Err(Disbelief::GrantUsedUp { serial: serial.clone(), most: *manifests_max });
        }
        Ok(())
    }
}
