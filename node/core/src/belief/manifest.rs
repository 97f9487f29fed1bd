//! Manifests: who signed, whether the policy lets them, and for how long.
use super::trust::{not_expired, not_from_the_future, one_signature, read, short_lived};
use super::{Disbelief, Paper, Trust, VerifiedGrant, VerifiedManifest};
use crate::{Envelope, Key, Manifest, PublicKey, Publisher, Timestamp};
use core::time::Duration;

/// When a manifest is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    /// When its signer must have been a publisher, and the manifest must have been made: now for who is to vouch for
    /// it, the median time of the receipts for who reads it. Never what the manifest itself says: a thief backdates.
    pub(super) published: Timestamp,
    /// When it must not have expired.
    pub(super) wall: Timestamp,
}

/// Who signed a manifest.
pub(super) struct Signer {
    pub(super) name: String,
    pub(super) key: PublicKey,
    pub(super) grant: Option<VerifiedGrant>,
}

impl Signer {
    pub(super) fn vouches(self, envelope: &Envelope, manifest: Manifest) -> VerifiedManifest {
        let Self { name: publisher, key: signer, grant } = self;
        let (id, envelope) = (envelope.id(), envelope.clone());
        VerifiedManifest { id, manifest, envelope, publisher, signer, grant }
    }
}

impl Trust {
    /// Judges a manifest that is to be published, for the seed that would vouch for it and for the node that would
    /// offer it: everything at `wall`. It does not count yet: see [`Self::certify`].
    ///
    /// One publisher of the policy must have signed it, whose patterns cover the key, and who has not expired; or the
    /// key of the grant that it carries (see [`Self::verify_grant`]), which covers the key and the bytes, and says of
    /// its provenance what the manifest says. It must be of this pool, not from the future (give or take
    /// [`crate::limits::CLOCK_SKEW_MAX`]), not expired, not live longer than the policy allows (with the same allowance), be of a
    /// generation that the policy allows, and not be taken back by a yank. Root and policy must not have expired.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn verify_manifest(
        &self,
        envelope: &Envelope,
        wall: Timestamp,
    ) -> Result<VerifiedManifest, Disbelief> {
        self.in_force(wall)?;
        let manifest = read(envelope, Paper::Manifest)?;
        self.judge(envelope, manifest, Judged { published: wall, wall })
    }

    /// Judges a manifest that was read from this envelope.
    pub(super) fn judge(
        &self,
        envelope: &Envelope,
        manifest: Manifest,
        at: Judged,
    ) -> Result<VerifiedManifest, Disbelief> {
        self.same_pool(Paper::Manifest, &manifest.pool)?;
        let signer = self.signer(envelope, &manifest, at.published)?;
        self.times(&manifest, at)?;
        self.generations(&manifest)?;
        let verified = signer.vouches(envelope, manifest);
        self.not_yanked(&verified, at.published, at.wall)?;
        Ok(verified)
    }

    /// Who signed, and by whose leave, at the moment when seeds took it.
    pub(super) fn signer(
        &self,
        envelope: &Envelope,
        manifest: &Manifest,
        at: Timestamp,
    ) -> Result<Signer, Disbelief> {
        one_signature(envelope, Paper::Manifest)?;
        let Some(grant) = &manifest.grant else {
            let Publisher { name, key, .. } = self.publisher(envelope, &manifest.key, at)?;
            return Ok(Signer { name: name.clone(), key: *key, grant: None });
        };
        let grant = self.grant_of(envelope, manifest, (grant, at))?;
        Ok(Signer { name: grant.grant().serial.clone(), key: grant.grant().key, grant: Some(grant) })
    }

    /// The publisher that signed. Key ids decide nothing, so it is found by trying: first those that may publish
    /// this key, mostly one or two; the others only to tell what is wrong.
    fn publisher(&self, envelope: &Envelope, key: &Key, at: Timestamp) -> Result<&Publisher, Disbelief> {
        let publishers = self.policy().publishers.iter();
        let covers = |publisher: &&Publisher| publisher.patterns.iter().any(|pattern| pattern.covers(key));
        let (covering, others): (Vec<_>, Vec<_>) = publishers.partition(covers);
        let signed = |publisher: &&Publisher| envelope.signed_by(&publisher.key);
        let Some(signer) = covering.into_iter().find(signed) else {
            let signer = others.into_iter().find(signed).ok_or(Disbelief::NotAPublisher)?;
            return Err(Disbelief::KeyNotCovered { publisher: signer.name.clone(), key: key.clone() });
        };
        if at < signer.expires {
            return Ok(signer);
        }
        Err(Disbelief::PublisherExpired { publisher: signer.name.clone(), ago: at.since(signer.expires) })
    }

    pub(super) fn times(&self, manifest: &Manifest, at: Judged) -> Result<(), Disbelief> {
        let longest = Duration::from_secs(self.policy().manifest_life_max);
        not_from_the_future(Paper::Manifest, manifest.created, at.published)?;
        not_expired(Paper::Manifest, manifest.expires, at.wall)?;
        short_lived(Paper::Manifest, manifest.created, manifest.expires, longest)
    }

    pub(super) fn generations(&self, manifest: &Manifest) -> Result<(), Disbelief> {
        let most = self.policy().generations_max;
        let generation = manifest.generation;
        if generation <= most { Ok(()) } else { Err(Disbelief::TooManyGenerations { generation, most }) }
    }
}
