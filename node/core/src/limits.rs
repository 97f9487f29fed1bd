//! The limits table: a bound on everything that a peer, a job or a disk could make grow, each with its reason.
//!
//! What is part of a format (a chunk's size, a key's length) is here too, because a reader refuses what is over it.

use core::time::Duration;

/// Plain bytes of a chunk at most: one buffer, one hash, one request.
pub const CHUNK_BYTES_MAX: u32 = 1024 * 1024;
/// Plain bytes where a cut is first looked for.
pub const CHUNK_BYTES_MIN: u32 = 64 * 1024;
/// Plain bytes of a chunk on average: smaller adds chunks, larger finds fewer repeats (measured on `node_modules` and npm caches).
pub const CHUNK_BYTES_AVERAGE: u32 = 256 * 1024;
/// Files of at least this many bytes are runs of their own; smaller ones are cut together.
pub const RUN_OWN_FILE_BYTES: u64 = 128 * 1024;
/// Bytes of a key at most.
pub const KEY_BYTES_MAX: usize = 256;
/// Segments of a key at most.
pub const KEY_SEGMENTS_MAX: usize = 16;
/// Fallbacks of one question at most: more is a misuse, and each costs a seed a look-up.
pub const FALLBACKS_MAX: usize = 8;
/// Bytes of a document's body at most.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// How deep JSON may nest.
pub const DOCUMENT_DEPTH_MAX: usize = 16;
/// Candidates of one answer at most, newest first.
pub const CANDIDATES_MAX: usize = 8;
/// Seeds of a policy at most.
pub const SEEDS_MAX: usize = 16;
/// Ancestors that a manifest names at most.
pub const ANCESTORS_MAX: usize = 64;
/// Entries of a tree at most: bounds the memory that a hostile tree can claim.
pub const TREE_ENTRIES_MAX: u64 = 2_000_000;
/// Bytes of an encoded tree at most (plain).
pub const TREE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Chunks that one manifest names at most, the tree's own included: 512 GiB at the average size.
pub const MANIFEST_CHUNKS_MAX: u32 = 2_000_000;
/// Bytes of one name in a path at most, as on Linux.
pub const NAME_BYTES_MAX: usize = 255;
/// How deep a tree may nest.
pub const PATH_DEPTH_MAX: usize = 64;
/// Bytes of a symlink's target at most.
pub const SYMLINK_BYTES_MAX: usize = 4095;
/// Bytes of one control message at most.
pub const CONTROL_BYTES_MAX: usize = 512 * 1024;
/// Neighbours that a seed hands out at most.
pub const NEIGHBOURS_MAX: usize = 32;
/// Peers that a node keeps control connections to at most (a seed: [`SEED_PEERS_MAX`]).
pub const PEERS_MAX: usize = 64;
/// Peers that a seed keeps control connections to at most.
pub const SEED_PEERS_MAX: usize = 20_000;
/// Ranges of one have message at most.
pub const HAVE_RANGES_MAX: usize = 4096;
/// Chunks under way from one peer at most.
pub const FETCHES_PER_PEER_MAX: usize = 16;
/// Chunks under way at most, whoever they come from: with [`CHUNK_BYTES_MAX`] it bounds the memory of transfers.
pub const FETCHES_MAX: usize = 48;
/// Chunk requests of one peer that wait to be served at most; more are answered `busy`.
pub const ASKS_PER_PEER_MAX: usize = 32;
/// Jobs served at once at most.
pub const JOBS_MAX: usize = 256;
/// Distance that two clocks may differ before a document from the future is refused.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(300);
/// A peer that sends nothing for a chunk for this long has stalled.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a question to a seed may take before it counts as silent.
pub const ANSWER_TIMEOUT: Duration = Duration::from_millis(2_500);
/// Life of a membership; it is renewed at half of it.
pub const MEMBERSHIP_LIFE: Duration = Duration::from_secs(15 * 60);
/// How often a seed issues relayed answers.
pub const RELAY_INTERVAL: Duration = Duration::from_secs(30);
