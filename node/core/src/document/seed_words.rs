//! What seeds sign: receipts, freshness answers, relayed answers.
use crate::{Fallback, Key, Lineage, ManifestId, Nonce, PeerId, Timestamp};
use serde::{Deserialize, Serialize};
/// A seed holds this manifest and its chunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt { pub pool: String, pub seed: PeerId, pub manifest: ManifestId, pub key: Key, pub sequence: u64, pub time: Timestamp }
/// "What is newest for this key or these fallbacks?"
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Query { pub key: Key, pub fallbacks: Vec<Fallback> }
/// A candidate by name; the certified manifest travels beside the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateRef { pub manifest: ManifestId, pub key: Key, pub sequence: u64, /** the seed has all chunks */ pub complete: bool }
/// A seed's reply to a query with a nonce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreshnessAnswer { pub pool: String, pub seed: PeerId, pub nonce: Nonce, pub query: Query, pub root_version: u64, pub policy_version: u64, /** newest first, 8 at most */ pub candidates: Vec<CandidateRef>, pub time: Timestamp }
/// The same for a lineage, without nonce, for members to hand on while seeds are away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayedAnswer { pub pool: String, pub seed: PeerId, pub lineage: Lineage, pub policy_version: u64, pub candidates: Vec<CandidateRef>, pub time: Timestamp }
