//! Yanks: what is taken back, and by which of them.
use super::trust::{one_signature, read};
use super::used::{Target, Used};
use super::{CertifiedManifest, Disbelief, Paper, ShortManifest, Trust, VerifiedManifest, VerifiedYank};
use crate::limits::{CLOCK_SKEW_MAX, YANKS_MAX};
use crate::{Digest, Envelope, ManifestId, Timestamp, Yank, Yanked};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// Distinct yanks in the order of their digests; the union of what was heard. At most [`YANKS_MAX`], of which the
/// latest stay: who has heard the same yanks has the same set, in whatever order they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct YankSet {
    yanks: BTreeMap<Digest, VerifiedYank>,
    /// The yanks that name a manifest.
    named: BTreeMap<ManifestId, BTreeSet<Digest>>,
}

impl YankSet {
    /// Adds a yank; whether the set has changed.
    pub fn insert(&mut self, yank: VerifiedYank) -> bool {
        let id = yank.id();
        if self.yanks.contains_key(&id) {
            return false;
        }
        for manifest in names(yank.yank()) {
            self.named.entry(manifest).or_default().insert(id);
        }
        self.yanks.insert(id, yank);
        if self.yanks.len() > YANKS_MAX {
            self.remove_earliest();
        }
        self.yanks.contains_key(&id)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.yanks.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.yanks.is_empty()
    }

    /// Whether this one is among them, by [`Envelope::digest`].
    #[must_use]
    pub fn contains(&self, yank: &Digest) -> bool {
        self.yanks.contains_key(yank)
    }

    /// All of them, in the order of their digests.
    pub fn iter(&self) -> impl Iterator<Item = &VerifiedYank> {
        self.yanks.values()
    }

    /// What tells two sets apart: BLAKE3 of the text `pollux yanks v1` and a line end, then the digests of all yanks
    /// (32 bytes each), ascending.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"pollux yanks v1\n");
        for id in self.yanks.keys() {
            hasher.update(id.as_bytes());
        }
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }

    /// Drops those for which `keep` is false.
    fn retain(&mut self, keep: impl Fn(&VerifiedYank) -> bool) {
        let gone: Vec<Digest> = self.iter().filter(|yank| !keep(yank)).map(VerifiedYank::id).collect();
        gone.iter().for_each(|id| self.remove(id));
    }

    fn remove_earliest(&mut self) {
        let earliest = self.iter().min_by_key(|yank| (yank.yank().time, yank.id())).map(VerifiedYank::id);
        if let Some(earliest) = earliest {
            self.remove(&earliest);
        }
    }

    fn remove(&mut self, id: &Digest) {
        let Some(yank) = self.yanks.remove(id) else { return };
        for manifest in names(yank.yank()) {
            let Some(by) = self.named.get_mut(&manifest) else { continue };
            by.remove(id);
            if by.is_empty() {
                self.named.remove(&manifest);
            }
        }
    }

    /// The yanks that name this manifest.
    fn naming(&self, manifest: &ManifestId) -> impl Iterator<Item = &VerifiedYank> {
        self.named.get(manifest).into_iter().flatten().filter_map(|id| self.yanks.get(id))
    }
}

/// The manifests that a yank names.
fn names(yank: &Yank) -> impl Iterator<Item = ManifestId> {
    let own = match &yank.what {
        Yanked::Manifest(id) => Some(*id),
        Yanked::Grant(_) | Yanked::Publisher(_) | Yanked::Build { .. } | Yanked::Pattern { .. } => None,
    };
    own.into_iter().chain(yank.manifests.iter().copied())
}

impl Trust {
    /// Judges a yank: of this pool, signed by a yank key of the policy, not lapsed at `wall`. What it takes back need
    /// not be known. One from the future counts: it must be heard where a clock is slow.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn verify_yank(&self, envelope: &Envelope, wall: Timestamp) -> Result<VerifiedYank, Disbelief> {
        let what = Paper::Yank;
        let yank: Yank = read(envelope, what)?;
        self.same_pool(what, &yank.pool)?;
        one_signature(envelope, what)?;
        if envelope.signers_until(&self.policy().yank, 1).is_empty() {
            return Err(Disbelief::NotAYankKey);
        }
        let lapses = self.lapses(&yank);
        if lapses <= wall {
            return Err(Disbelief::Lapsed { ago: wall.since(lapses) });
        }
        Ok(VerifiedYank { id: envelope.digest(), yank, envelope: envelope.clone() })
    }

    /// With all of these yanks that hold, beside those that it knows, of which the lapsed ones go. The others are ignored:
    /// one seed's junk keeps nobody from hearing what is true. At most [`YANKS_MAX`] are looked at.
    #[must_use]
    pub fn hear(mut self, yanks: &[Envelope], wall: Timestamp) -> Self {
        let unheard = yanks.iter().take(YANKS_MAX).filter(|one| !self.yanks.contains(&one.digest()));
        let heard: Vec<_> = unheard.filter_map(|one| self.verify_yank(one, wall).ok()).collect();
        let mut set = core::mem::take(&mut self.yanks);
        set.retain(|yank| wall < self.lapses(yank.yank()));
        for yank in heard {
            set.insert(yank);
        }
        self.with_yanks(set)
    }

    /// Why a manifest that was believed before is believed no more: a yank takes it, its grant, its signer or its
    /// build, or a cascading one takes an ancestor. For what is held when a yank arrives.
    #[must_use]
    pub fn yanked(&self, certified: &CertifiedManifest, wall: Timestamp) -> Option<Disbelief> {
        self.not_yanked(certified.verified(), certified.median(), wall).err()
    }

    /// The same of one that lacks receipts.
    #[must_use]
    pub fn short_yanked(&self, short: &ShortManifest, wall: Timestamp) -> Option<Disbelief> {
        self.not_yanked(short.verified(), short.median(), wall).err()
    }

    /// See [`Self::yanked`]; the manifest was taken by seeds when it was `published`.
    pub(super) fn not_yanked(
        &self,
        verified: &VerifiedManifest,
        published: Timestamp,
        wall: Timestamp,
    ) -> Result<(), Disbelief> {
        let counts = |yank: &VerifiedYank| wall < self.lapses(yank.yank());
        self.free(&Target::of(verified, published), counts)
    }

    /// Why something that was used is believed no more, whatever became of its manifest since: as [`Self::yanked`], by every
    /// yank that is known.
    #[must_use]
    pub fn used_yanked(&self, used: &Used) -> Option<Disbelief> {
        self.free(&used.target(), |_| true).err()
    }

    /// No yank that counts takes it.
    fn free(&self, target: &Target<'_>, counts: impl Fn(&VerifiedYank) -> bool) -> Result<(), Disbelief> {
        let counts = |yank: &&VerifiedYank| counts(yank);
        let mut wide = self.yanks.iter().filter(counts);
        let mut named = self.yanks.naming(&target.manifest).filter(counts);
        let direct = named.next().or_else(|| wide.find(|yank| target.is_taken_by(&yank.yank().what)));
        if let Some(yank) = direct {
            return Err(disbelief(target.manifest, yank, None));
        }
        for ancestor in target.ancestors {
            let mut cascading = self.yanks.naming(ancestor).filter(|yank| yank.yank().cascade);
            if let Some(yank) = cascading.find(counts) {
                return Err(disbelief(target.manifest, yank, Some(*ancestor)));
            }
        }
        Ok(())
    }

    /// The first moment when the yank counts no more: nothing that was made before it can be alive.
    fn lapses(&self, yank: &Yank) -> Timestamp {
        let longest = Duration::from_secs(self.policy().manifest_life_max);
        yank.time.after(longest).after(CLOCK_SKEW_MAX * 2)
    }
}

fn disbelief(manifest: ManifestId, yank: &VerifiedYank, ancestor: Option<ManifestId>) -> Disbelief {
    let Yank { serial, reason, .. } = yank.yank();
    let (yank, reason) = (serial.clone(), reason.clone());
    match ancestor {
        None => Disbelief::Yanked { manifest, yank, reason },
        Some(ancestor) => Disbelief::AncestorYanked { manifest, ancestor, yank, reason },
    }
}
