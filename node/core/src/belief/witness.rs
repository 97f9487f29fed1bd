//! Witnesses: values that exist only because something was verified. Their fields are written in this folder only.
use super::Disbelief;
use crate::limits::SEEDS_MAX;
use crate::{
    Digest, Envelope, Grant, Manifest, ManifestId, Membership, PapersDigest, PeerId, PublicKey, Receipt,
    Timestamp, Yank, bounded,
};
use serde::{Deserialize, Serialize};

/// A manifest with its receipts as sent and stored: nothing is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedEnvelope {
    /// The signed manifest.
    pub manifest: Envelope,
    /// Receipts for it, at most [`SEEDS_MAX`].
    #[serde(deserialize_with = "bounded::list::<_, _, SEEDS_MAX>")]
    pub receipts: Vec<Envelope>,
}

/// A manifest whose signature, signer, pattern, times and bounds hold.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedManifest {
    pub(super) id: ManifestId,
    pub(super) manifest: Manifest,
    pub(super) envelope: Envelope,
    pub(super) publisher: String,
    pub(super) signer: PublicKey,
    pub(super) grant: Option<VerifiedGrant>,
}

impl VerifiedManifest {
    /// The manifest's name.
    #[must_use]
    pub const fn id(&self) -> ManifestId {
        self.id
    }

    /// What it says.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What was signed, with the signature.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The policy's name of the publisher that signed it; under a grant that grant's serial.
    #[must_use]
    pub fn publisher(&self) -> &str {
        &self.publisher
    }

    /// The key that signed it.
    #[must_use]
    pub const fn signer(&self) -> PublicKey {
        self.signer
    }

    /// The grant under which it was signed, if its signer is no publisher itself.
    #[must_use]
    pub const fn grant(&self) -> Option<&VerifiedGrant> {
        self.grant.as_ref()
    }
}

/// A grant that an issuer of the policy may give, and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedGrant {
    pub(super) id: Digest,
    pub(super) grant: Grant,
    pub(super) issuer: PublicKey,
}

impl VerifiedGrant {
    /// Its envelope's digest.
    #[must_use]
    pub const fn id(&self) -> Digest {
        self.id
    }

    /// What it says.
    #[must_use]
    pub const fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Who issued it.
    #[must_use]
    pub const fn issuer(&self) -> PublicKey {
        self.issuer
    }
}

/// A yank that a yank key of the policy signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedYank {
    pub(super) id: Digest,
    pub(super) yank: Yank,
    pub(super) envelope: Envelope,
}

impl VerifiedYank {
    /// Its envelope's digest.
    #[must_use]
    pub const fn id(&self) -> Digest {
        self.id
    }

    /// What it says.
    #[must_use]
    pub const fn yank(&self) -> &Yank {
        &self.yank
    }

    /// What was signed, with the signature.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}

/// A verified manifest with receipts of `write` seeds: it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct CertifiedManifest {
    pub(super) verified: VerifiedManifest,
    pub(super) receipts: Vec<Envelope>,
    pub(super) median: Timestamp,
}

impl CertifiedManifest {
    /// The manifest without its receipts.
    #[must_use]
    pub const fn verified(&self) -> &VerifiedManifest {
        &self.verified
    }

    /// The manifest's name.
    #[must_use]
    pub const fn id(&self) -> ManifestId {
        self.verified.id
    }

    /// What it says.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.verified.manifest
    }

    /// The receipts that hold, one for each seed, in the order of the seeds' ids. Those that did not are gone.
    #[must_use]
    pub fn receipts(&self) -> &[Envelope] {
        &self.receipts
    }

    /// The lower median of the receipts' times: when it was published, as most seeds say.
    #[must_use]
    pub const fn median(&self) -> Timestamp {
        self.median
    }

    /// To be sent and stored, where it will be judged anew.
    #[must_use]
    pub fn to_envelope(&self) -> CertifiedEnvelope {
        CertifiedEnvelope { manifest: self.verified.envelope.clone(), receipts: self.receipts.clone() }
    }
}

/// A verified manifest with receipts of more seeds than may be faulty, and of fewer than `write`: it counts for no reader.
/// See [`Trust::weigh`](crate::Trust::weigh).
#[derive(Clone, Debug, PartialEq)]
pub struct ShortManifest {
    pub(super) verified: VerifiedManifest,
    pub(super) receipts: Vec<Envelope>,
    pub(super) median: Timestamp,
    pub(super) stated: Timestamp,
    pub(super) need: u32,
}

impl ShortManifest {
    /// The manifest without its receipts.
    #[must_use]
    pub const fn verified(&self) -> &VerifiedManifest {
        &self.verified
    }

    /// The receipts that hold, one for each seed, in the order of the seeds' ids.
    #[must_use]
    pub fn receipts(&self) -> &[Envelope] {
        &self.receipts
    }

    /// The lower median of the receipts' times.
    #[must_use]
    pub const fn median(&self) -> Timestamp {
        self.median
    }

    /// The lower median of the times that all its receipts state, those of seeds that are in force no more too: when it was
    /// published, if it was kept by who had verified its certificate. Nothing about it is verified here.
    #[must_use]
    pub const fn stated_median(&self) -> Timestamp {
        self.stated
    }

    /// Why no reader believes it.
    #[must_use]
    pub const fn disbelief(&self) -> Disbelief {
        Disbelief::NotCertified { have: self.receipts.len(), need: self.need }
    }

    /// To be sent and stored, where it will be judged anew.
    #[must_use]
    pub fn to_envelope(&self) -> CertifiedEnvelope {
        CertifiedEnvelope { manifest: self.verified.envelope.clone(), receipts: self.receipts.clone() }
    }
}

/// What a seed finds of a manifest that was certified by other seeds.
#[derive(Clone, Debug, PartialEq)]
pub enum Weighed {
    /// It counts.
    Certified(CertifiedManifest),
    /// It lacks receipts.
    Short(ShortManifest),
}

/// A receipt whose seed is one of the policy's, and signed it. Whether that manifest holds is another matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedReceipt {
    pub(super) receipt: Receipt,
    pub(super) envelope: Envelope,
}

impl VerifiedReceipt {
    /// What it says.
    #[must_use]
    pub const fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// What was signed, with the signature.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}

/// A seed's answer that counts, with those of its candidates that hold.
#[derive(Clone, Debug)]
pub struct VerifiedAnswer {
    pub(super) seed: PeerId,
    pub(super) candidates: Vec<CertifiedManifest>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) policy_version: u64,
    pub(super) papers: Option<PapersDigest>,
    pub(super) time: Timestamp,
}

/// A certified candidate that is not believed here and now: expired, say, or of a publisher that is none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which.
    pub manifest: ManifestId,
    /// Why.
    pub why: Disbelief,
}

impl VerifiedAnswer {
    /// Whose answer it is.
    #[must_use]
    pub const fn seed(&self) -> PeerId {
        self.seed
    }

    /// The version of the newest policy that the seed says it knows.
    #[must_use]
    pub const fn policy_version(&self) -> u64 {
        self.policy_version
    }

    /// Which policy and yanks the seed says it knows, if it says so.
    #[must_use]
    pub const fn papers(&self) -> Option<PapersDigest> {
        self.papers
    }

    /// When it was signed, by the seed's clock.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// What may be restored, in the order of the answer.
    #[must_use]
    pub fn candidates(&self) -> &[CertifiedManifest] {
        &self.candidates
    }

    /// What the seed named too and may not be restored: for logs, and to tell a miss's reason.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }
}

/// A membership that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedMembership {
    pub(super) membership: Membership,
    pub(super) envelope: Envelope,
}

impl VerifiedMembership {
    /// What it says.
    #[must_use]
    pub const fn membership(&self) -> &Membership {
        &self.membership
    }

    /// What was signed, with the signature.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}
