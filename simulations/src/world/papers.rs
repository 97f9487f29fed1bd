//! Manifests and yanks: which there are, and what must never be said of them.

use super::jobs::PUBLISH_MAX;
use super::{Violation, World};
use crate::content::{Content, Version};
use crate::node::Role;
use crate::numbered::{NodeNo, VersionNo};
use crate::pool::Pool;
use crate::scenario::{Publish, Scenario, YankSpec};
use core::time::Duration;
use pollux_core::ManifestId;
use pollux_core::engine::{Input, JobId, JobRequest};
use std::collections::BTreeMap;

/// How often a save tries to win a race that nobody wins, as the client.
const TRIES_MAX: u32 = 4;

/// All manifests that a publisher signs in a run, and which versions they are of.
pub(super) fn manifests(
    scenario: &Scenario,
    pool: &Pool,
    content: &Content,
) -> BTreeMap<ManifestId, (VersionNo, u64)> {
    let mut manifests = BTreeMap::new();
    for (no, version) in content.versions() {
        let name = scenario.caches.get(version.cache).map_or("", |cache| cache.name.as_str());
        let ids = (0..builds(scenario, version)).map(|build| pool.manifest(name, version, build).id());
        manifests.extend(ids.map(|id| (id, (no, version.sequence))));
    }
    manifests
}

/// Of which cache each yank is, and what it takes back.
pub(super) fn yanked(
    scenario: &Scenario,
    pool: &Pool,
    content: &Content,
) -> Vec<Option<(usize, ManifestId)>> {
    let of = |yank: &YankSpec| {
        let (cache, spec) = scenario.cache(&yank.cache)?;
        let version = content.version_of(cache, u64::from(yank.version))?;
        Some((cache, pool.manifest(&spec.name, content.version(version), 0).id()))
    };
    scenario.yanks.iter().map(of).collect()
}

/// How many builds publish a version.
pub(super) fn builds(scenario: &Scenario, version: &Version) -> u32 {
    publish_of(scenario, version).map_or(1, |publish| publish.builds)
}

/// What a scenario says of publishing a version; nothing of the first ones.
pub(super) fn publish_of<'a>(scenario: &'a Scenario, version: &Version) -> Option<&'a Publish> {
    let later = usize::try_from(version.sequence).ok()?.checked_sub(2)?;
    let name = &scenario.caches.get(version.cache)?.name;
    scenario.publishes.iter().filter(|publish| publish.cache == *name).nth(later)
}

impl World {
    /// A node boots, and its job brings a yank to the seeds.
    pub(super) fn boot_and_yank(&mut self, no: NodeNo, number: usize) {
        let Some(&Some((cache, manifest))) = self.yanked.get(number) else { return };
        let papers = self.pool.yank(number, manifest, self.clocks(no).wall);
        self.boot(no);
        let job = self.open_job(no, cache);
        self.name_manifest(no, manifest);
        self.feed(no, Input::Job { job, request: JobRequest::Spread { papers, deadline: PUBLISH_MAX } });
    }

    /// Whether some yank takes a manifest back.
    pub(crate) fn is_ever_yanked(&self, manifest: &ManifestId) -> bool {
        self.yanked.iter().flatten().any(|(_, yanked)| yanked == manifest)
    }

    /// A race that nobody won is run again above the highest sequence that was voted for, as the client does.
    pub(super) fn publish_above(&mut self, no: NodeNo, job: JobId, highest: u64) -> bool {
        let Role::Saver { version, build } = self.nodes.at(no).spec.role else { return false };
        let known = self.content.version(version);
        let Some(cache) = self.scenario.caches.get(known.cache) else { return false };
        let Some(running) = self.nodes.at_mut(no).job.as_mut().filter(|running| running.id == job) else {
            return false;
        };
        running.tries += 1;
        if running.tries >= TRIES_MAX {
            return false;
        }
        let sequence = highest.saturating_add(1);
        let manifest = self.pool.manifest_at(&cache.name, known, (build, sequence));
        running.manifest = Some(manifest.id());
        self.manifests.insert(manifest.id(), (version, sequence));
        let request = JobRequest::Publish { manifest, deadline: PUBLISH_MAX };
        self.answer(no, Duration::ZERO, Input::Job { job, request });
        true
    }

    /// Which version a manifest is of.
    pub(super) fn version_found(&self, manifest: ManifestId) -> Option<(ManifestId, VersionNo)> {
        self.manifests.get(&manifest).map(|(version, _)| (manifest, *version))
    }

    /// Only what a publisher signed is ever certified, and no two manifests of one sequence are.
    pub(super) fn note_certified(&mut self, no: NodeNo, manifest: ManifestId) {
        let Some(&(version, sequence)) = self.manifests.get(&manifest) else {
            return self.violated(no, Violation::Untrusted);
        };
        let cache = self.content.version(version).cache;
        let first = *self.certified.entry((cache, sequence)).or_insert(manifest);
        if first != manifest {
            self.violated(no, Violation::Forked { sequence });
        }
    }
}
