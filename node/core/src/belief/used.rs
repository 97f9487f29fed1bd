//! What yanks are judged by: of a manifest at hand, or of one that was used and may have been forgotten since.
use super::{CertifiedManifest, VerifiedManifest};
use crate::{Key, Manifest, ManifestId, PublicKey, Timestamp, Yanked};

/// What of a certified manifest decides whether a yank takes it: so that whoever used it can be told, also where nobody here
/// knows the manifest any more. See [`Trust::used_yanked`](crate::Trust::used_yanked).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    manifest: ManifestId,
    key: Key,
    published: Timestamp,
    signer: PublicKey,
    /// Its serial, and who issued it.
    grant: Option<(String, PublicKey)>,
    ci: String,
    build: String,
    ancestors: Vec<ManifestId>,
}

impl Used {
    /// Its name.
    #[must_use]
    pub const fn manifest(&self) -> ManifestId {
        self.manifest
    }

    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    pub(super) fn target(&self) -> Target<'_> {
        Target {
            manifest: self.manifest,
            key: &self.key,
            published: self.published,
            signer: self.signer,
            grant: self.grant.as_ref().map(|(serial, issuer)| (serial.as_str(), *issuer)),
            build: (&self.ci, &self.build),
            ancestors: &self.ancestors,
        }
    }
}

impl From<&CertifiedManifest> for Used {
    fn from(certified: &CertifiedManifest) -> Self {
        let Target { manifest, key, published, signer, grant, build: (ci, build), ancestors } =
            Target::of(certified.verified(), certified.median());
        Self {
            manifest,
            key: key.clone(),
            published,
            signer,
            grant: grant.map(|(serial, issuer)| (serial.to_owned(), issuer)),
            ci: ci.to_owned(),
            build: build.to_owned(),
            ancestors: ancestors.to_vec(),
        }
    }
}

/// What a yank may take, as far as it is known.
pub(super) struct Target<'a> {
    pub(super) manifest: ManifestId,
    key: &'a Key,
    published: Timestamp,
    signer: PublicKey,
    grant: Option<(&'a str, PublicKey)>,
    /// Its CI and its name there.
    build: (&'a str, &'a str),
    pub(super) ancestors: &'a [ManifestId],
}

impl<'a> Target<'a> {
    /// The manifest was taken by seeds when it was `published`.
    pub(super) fn of(verified: &'a VerifiedManifest, published: Timestamp) -> Self {
        let Manifest { key, provenance, ancestors, .. } = verified.manifest();
        Self {
            manifest: verified.id(),
            key,
            published,
            signer: verified.signer(),
            grant: verified.grant().map(|grant| (grant.grant().serial.as_str(), grant.issuer())),
            build: (&provenance.ci, &provenance.build),
            ancestors,
        }
    }

    /// Whether a yank of this takes it; what it was made from is not looked at.
    pub(super) fn is_taken_by(&self, what: &Yanked) -> bool {
        match what {
            Yanked::Manifest(id) => *id == self.manifest,
            Yanked::Grant(serial) => self.grant.is_some_and(|(own, _)| own == serial),
            Yanked::Publisher(by) => {
                self.signer == *by || self.grant.is_some_and(|(_, issuer)| issuer == *by)
            }
            Yanked::Build { ci, build } => self.build == (ci, build),
            Yanked::Pattern { pattern, before } => self.published < *before && pattern.covers(self.key),
        }
    }
}
