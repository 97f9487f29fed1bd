//! The manifest.
use crate::{ChunkRef, Envelope, Key, ManifestId, Timestamp, TreeTotals};
use serde::{Deserialize, Serialize};
/// "In this pool, this key means this tree."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /** pool */ pub pool: String, /** key */ pub key: Key, /** from 1, per key */ pub sequence: u64, /** made */ pub created: Timestamp, /** end */ pub expires: Timestamp,
    /** tree */ pub tree: TreeRef, /** what it was made from, 64 at most */ pub ancestors: Vec<ManifestId>, /** counted where the tree changed */ pub generation: u32,
    /** where from */ pub provenance: Provenance, /** digest of the audit list */ pub packages: Option<crate::ChunkId>, /** grant of the signer, if it is not a publisher */ pub grant: Option<Envelope>,
}
/// The tree's encoded form, cut in chunks, and its totals. A manifest's chunk index space: 0.. the tree's chunks, then the tree's content chunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeRef { /** chunks of the encoding, in order */ pub chunks: Vec<ChunkRef>, /** totals */ pub totals: TreeTotals, /** paths under the base */ pub roots: Vec<String> }
/// Where a manifest comes from; all informational, none decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance { pub ci: String, pub tenant: String, pub pipeline: String, pub project: String, pub r#ref: String, pub change: String, pub commit: String, pub job: String, pub build: String, pub builder_image: String }
impl Manifest {
    /// Bounds and self-consistency (lengths, counts, generation, created ≤ expires).
    pub fn check(&self) -> Result<(), crate::DocumentError> { todo!() }
    /// Number of indices: tree chunks + content chunks.
    pub fn chunk_count(&self) -> u32 { todo!() }
}
