//! The manifest: what a key means.

use super::bounds::{check_distinct, check_life, check_pool, check_range, check_text, invalid};
use super::{Document, DocumentError, Envelope};
use crate::key::quoted;
use crate::limits::{
    ANCESTORS_MAX, CHUNK_BYTES_MAX, GENERATIONS_MAX, MANIFEST_CHUNKS_MAX, PROVENANCE_BYTES_MAX,
    ROOTS_BYTES_MAX, ROOTS_MAX, TREE_BYTES_MAX, TREE_CHUNKS_MAX, TREE_ENTRIES_MAX,
};
use crate::{ChunkId, ChunkRef, Key, ManifestId, Timestamp, TreeTotals, check_path};
use serde::{Deserialize, Serialize};

/// "In this pool, this key means this tree." Signed by a publisher, or by the key of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The pool.
    pub pool: String,
    /// What is given a meaning.
    pub key: Key,
    /// From 1, higher with every manifest of this key: the highest one counts.
    pub sequence: u64,
    /// When it was made, by its signer's clock; nothing is judged by it but what claims to be from the future.
    pub created: Timestamp,
    /// From then on it is no answer.
    pub expires: Timestamp,
    /// What the key means.
    pub tree: TreeRef,
    /// Manifests that the tree was made from, all the way back, nearest first; distinct, at most [`ANCESTORS_MAX`].
    pub ancestors: Vec<ManifestId>,
    /// How often a tree was made from a tree: 1 for one that was made from nothing, and one more wherever the tree
    /// differs from the one that it was made from; at most [`GENERATIONS_MAX`].
    pub generation: u32,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Name of the list of packages in it, which was made for audits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<ChunkId>,
    /// The grant of the signer, where that is not a publisher itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Envelope>,
}

/// A tree by name: the chunks of its encoded form, and what it amounts to.
///
/// A manifest's chunks are numbered from 0: first those of the tree's encoding, then the content chunks that the
/// tree lists, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeRef {
    /// The chunks of the tree's encoding, in order: 1 to [`TREE_CHUNKS_MAX`], together at most [`TREE_BYTES_MAX`].
    pub chunks: Vec<ChunkRef>,
    /// What the tree must amount to once it is decoded.
    pub totals: TreeTotals,
    /// The saved paths under the base: 1 to [`ROOTS_MAX`] distinct ones, together at most [`ROOTS_BYTES_MAX`],
    /// components joined by `/`. The empty path is the base itself.
    pub roots: Vec<String>,
}

/// Where a manifest comes from, as its signer says. For people and audits; none of it makes a manifest believed, but
/// it must say what the signer's grant says, and a yank may name a build by it. Each field is printable text of at
/// most [`PROVENANCE_BYTES_MAX`] bytes; those that are empty are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// The CI system, `zuul.example.org`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ci: String,
    /// Its tenant, organisation or group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tenant: String,
    /// The pipeline, `gate-and-submit`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pipeline: String,
    /// The project.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub project: String,
    /// The branch or tag.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#ref: String,
    /// The change under review, with its patch set.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub change: String,
    /// The commit that was built.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub commit: String,
    /// The job's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub job: String,
    /// The build's id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub build: String,
    /// The image that the build ran in, by digest.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub builder_image: String,
}

impl Manifest {
    /// How many chunks the manifest numbers: the tree's own and the content's.
    #[must_use]
    pub fn chunk_count(&self) -> u32 {
        let own = u32::try_from(self.tree.chunks.len()).unwrap_or(u32::MAX);
        own.saturating_add(self.tree.totals.chunks)
    }

    /// Plain bytes that it stands for: those of its files and those of the tree's encoding. Chunks that repeat count
    /// each time. The budget of a grant is in these.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let tree: u64 = self.tree.chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum();
        tree.saturating_add(self.tree.totals.bytes)
    }
}

impl Document for Manifest {
    const TYPE: &'static str = "application/vnd.pollux.manifest.v1+json";
    const FIELDS: &'static [&'static str] = &[
        "pool",
        "key",
        "sequence",
        "created",
        "expires",
        "tree",
        "ancestors",
        "generation",
        "provenance",
        "packages",
        "grant",
    ];

    fn check(&self) -> Result<(), DocumentError> {
        check_pool(&self.pool)?;
        check_range("sequence", self.sequence, 1..=u64::MAX)?;
        check_life(self.created, self.expires)?;
        self.tree.check()?;
        check_range("tree.totals.chunks", self.chunk_count(), 1..=MANIFEST_CHUNKS_MAX)?;
        check_range("ancestors", self.ancestors.len(), 0..=ANCESTORS_MAX)?;
        check_distinct("ancestors", self.ancestors.iter())?;
        check_range("generation", self.generation, 1..=GENERATIONS_MAX)?;
        self.provenance.check()
    }
}

impl TreeRef {
    fn check(&self) -> Result<(), DocumentError> {
        check_range("tree.chunks", self.chunks.len(), 1..=TREE_CHUNKS_MAX)?;
        for chunk in &self.chunks {
            check_range("tree.chunks", chunk.bytes, 1..=CHUNK_BYTES_MAX)?;
        }
        let bytes = self.chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum();
        check_range("tree.chunks", bytes, 1..=TREE_BYTES_MAX)?;
        check_totals(&self.totals)?;
        check_range("tree.roots", self.roots.len(), 1..=ROOTS_MAX)?;
        check_range("tree.roots", self.roots.iter().map(String::len).sum(), 0..=ROOTS_BYTES_MAX)?;
        check_distinct("tree.roots", self.roots.iter())?;
        self.roots.iter().try_for_each(|root| check_root(root))
    }
}

fn check_totals(totals: &TreeTotals) -> Result<(), DocumentError> {
    let entries = totals.files.saturating_add(totals.directories).saturating_add(totals.symlinks);
    check_range("tree.totals", entries, 0..=TREE_ENTRIES_MAX)?;
    if totals.bytes > 0 && (totals.files == 0 || totals.chunks == 0) {
        return invalid("tree.totals", "there are bytes, but no files or no chunks that hold them");
    }
    Ok(())
}

/// A path that stays under the base, or the base itself.
fn check_root(root: &str) -> Result<(), DocumentError> {
    if root.is_empty() {
        return Ok(());
    }
    check_path(root).or_else(|fault| invalid("tree.roots", format!("`{}`: {fault}", quoted(root))))
}

impl Provenance {
    /// Every field with its name as messages to people have it, `provenance.ref`, in the order above.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, &str); 10] {
        [
            ("provenance.ci", &self.ci),
            ("provenance.tenant", &self.tenant),
            ("provenance.pipeline", &self.pipeline),
            ("provenance.project", &self.project),
            ("provenance.ref", &self.r#ref),
            ("provenance.change", &self.change),
            ("provenance.commit", &self.commit),
            ("provenance.job", &self.job),
            ("provenance.build", &self.build),
            ("provenance.builder_image", &self.builder_image),
        ]
    }

    pub(super) fn check(&self) -> Result<(), DocumentError> {
        self.fields().into_iter().try_for_each(|(field, text)| check_text(field, text, PROVENANCE_BYTES_MAX))
    }
}

#[cfg(test)]
mod tests;
