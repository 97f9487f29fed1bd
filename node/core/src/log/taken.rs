//! What a yank takes of what was logged.
use super::{LoggedPublish, LoggedYank};
use crate::{ManifestId, Yanked};

/// How a yank takes a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// It names it, its grant, its signer or issuer, its build, or its key and time.
    Itself,
    /// It takes back this ancestor, with all that was made from it.
    Ancestor(ManifestId),
}

impl LoggedYank {
    /// Whether it takes that publish back, and how. The same as [`crate::Trust::yanked`], also for what nobody keeps any
    /// more, and for a yank that has lapsed.
    #[must_use]
    pub fn takes(&self, publish: &LoggedPublish) -> Option<Taking> {
        if self.names(&publish.manifest) || self.covers(publish) {
            return Some(Taking::Itself);
        }
        let cascades = self.yank.cascade;
        let ancestor = publish.ancestors.iter().find(|ancestor| cascades && self.names(ancestor));
        ancestor.copied().map(Taking::Ancestor)
    }

    fn names(&self, manifest: &ManifestId) -> bool {
        let own = matches!(&self.yank.what, Yanked::Manifest(id) if id == manifest);
        own || self.yank.manifests.contains(manifest)
    }

    fn covers(&self, publish: &LoggedPublish) -> bool {
        let grant = publish.grant.as_ref();
        match &self.yank.what {
            Yanked::Manifest(_) => false,
            Yanked::Grant(serial) => grant.is_some_and(|grant| grant.serial == *serial),
            Yanked::Publisher(by) => publish.signer == *by || grant.is_some_and(|grant| grant.issuer == *by),
            Yanked::Build { ci, build } => publish.provenance.ci == *ci && publish.provenance.build == *build,
            Yanked::Pattern { pattern, before } => {
                publish.published < *before && pattern.covers(&publish.key)
            }
        }
    }
}
