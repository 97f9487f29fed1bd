//! Manifests and yanks: which there are, and what must never be said of them.

use super::jobs::PUBLISH_MAX;
use super::{Fault, World};
use crate::content::Content;
use crate::numbered::{NodeNo, VersionNo};
use crate::pool::Pool;
use crate::scenario::Scenario;
use pollux_core::ManifestId;
use pollux_core::engine::{Input, JobRequest};
use std::collections::BTreeMap;

/// All manifests that a publisher signs in a run, and which versions they are of.
pub(super) fn manifests(
    scenario: &Scenario,
    pool: &Pool,
    content: &Content,
) -> BTreeMap<ManifestId, VersionNo> {
    let of = |(no, version): (VersionNo, &crate::content::Version)| {
        let name = scenario.caches.get(version.cache).map_or("", |cache| cache.name.as_str());
        [(pool.manifest(name, version).id(), no), (pool.rival(name, version).id(), no)]
    };
    content.versions().flat_map(of).collect()
}

impl World {
    /// A node boots, and its job brings a yank to the seeds.
    pub(super) fn boot_and_yank(&mut self, no: NodeNo, number: usize) {
        let Some((cache, manifest)) = self.yanked(number) else { return };
        let papers = self.pool.yank(number, manifest, self.clocks(no).wall);
        self.boot(no);
        let job = self.open_job(no, cache);
        self.name_manifest(no, manifest);
        self.feed(no, Input::Job { job, request: JobRequest::Spread { papers, deadline: PUBLISH_MAX } });
    }

    /// Of which cache a yank is, and what it takes back.
    pub(crate) fn yanked(&self, number: usize) -> Option<(usize, ManifestId)> {
        let yank = self.scenario.yanks.get(number)?;
        let (cache, spec) = self.scenario.cache(&yank.cache)?;
        let version = self.content.version_of(cache, u64::from(yank.version))?;
        Some((cache, self.pool.manifest(&spec.name, self.content.version(version)).id()))
    }

    /// Which version a manifest is of.
    pub(super) fn version_found(&self, manifest: ManifestId) -> Option<(ManifestId, VersionNo)> {
        self.manifests.get(&manifest).map(|version| (manifest, *version))
    }

    /// Only what a publisher signed is ever certified, and no two manifests of one sequence are.
    pub(super) fn note_certified(&mut self, no: NodeNo, manifest: ManifestId) {
        let Some((_, version)) = self.version_found(manifest) else {
            return self.fault(no, Fault::Untrusted);
        };
        let version = self.content.version(version);
        let (cache, sequence) = (version.cache, version.sequence);
        let first = *self.certified.entry((cache, sequence)).or_insert(manifest);
        if first != manifest {
            self.fault(no, Fault::Forked { sequence });
        }
    }
}
