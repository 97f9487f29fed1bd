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
/// Signatures of one envelope at most: a threshold of root keys is far below, and each costs a verification per key.
pub const SIGNATURES_MAX: usize = 16;
/// Bytes of an envelope's JSON at most: the body in base64, 16 signatures, and room.
pub const ENVELOPE_JSON_BYTES_MAX: usize = DOCUMENT_BYTES_MAX / 3 * 4 + 8 * 1024;
/// How deep JSON may nest.
pub const DOCUMENT_DEPTH_MAX: usize = 16;
/// Candidates of one answer at most, newest first.
pub const CANDIDATES_MAX: usize = 8;
/// Bytes of a pool's name at most; it is repeated in every document.
pub const POOL_NAME_BYTES_MAX: usize = 64;
/// Bytes of a field of provenance at most: a long URL.
pub const PROVENANCE_BYTES_MAX: usize = 512;
/// Bytes of a name that a policy gives somebody or something (a publisher, a zone, a serial) at most.
pub const LABEL_BYTES_MAX: usize = 128;
/// Keys of one kind (root, admission, yank) at most: each costs a verification per signature.
pub const KEYS_MAX: usize = 16;
/// Publishers of a policy at most, and issuers: each is looked at for every manifest.
pub const PUBLISHERS_MAX: usize = 512;
/// Patterns of one publisher or issuer at most, and pipelines.
pub const PATTERNS_MAX: usize = 64;
/// Networks of a policy at most: each is looked at for every dial.
pub const NETWORKS_MAX: usize = 256;
/// Addresses of one seed at most: each costs a dial when it is away.
pub const SEED_ADDRESSES_MAX: usize = 8;
/// Longest life that a policy may allow a manifest; the log of publishes is kept as long.
pub const MANIFEST_LIFE_MAX: Duration = Duration::from_secs(400 * 24 * 3600);
/// Longest life that a policy may allow a grant: a stolen one is of use no longer.
pub const GRANT_LIFE_MAX: Duration = Duration::from_secs(15 * 60);
/// Manifests that one yank names at most, so that its envelope stays below 16 KiB; who needs more signs another.
pub const YANK_MANIFESTS_MAX: usize = 64;
/// Yanks of a pool at most: each is looked at for every candidate, and a reader that remembers nothing fetches them
/// all. One can take a pattern, a publisher or a build, so few are needed.
pub const YANKS_MAX: usize = 1024;
/// Roots that follow the pinned one at most: decades of yearly changes, and the work that a chain can cause.
pub const ROOT_STEPS_MAX: usize = 64;
/// Manifests that a grant may allow at most: a build saves a few dozen caches, each perhaps tried at several sequences.
pub const GRANT_MANIFESTS_MAX: u32 = 1024;
/// Manifests under grants that a seed counts at once at most, in a few MiB: dozens for each build of a busy pool within
/// the life of its grant.
pub const GRANT_USES_MAX: usize = 64 * 1024;
/// Keys, and lineages, for which a launch floor is kept at most: one job asks for a few dozen.
pub const FLOORS_MAX: usize = 4096;
/// Most generations that a policy may allow: as many as a manifest can name ancestors.
pub const GENERATIONS_MAX: u32 = 64;
/// Oldest relayed answer that a policy may allow: a yank must not stay unheard for longer.
pub const RELAYED_AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Bytes of a pool file at most: three envelopes, and room for white space.
pub const POOL_FILE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Seeds of a policy at most.
pub const SEEDS_MAX: usize = 16;
/// Ancestors that a manifest names at most.
pub const ANCESTORS_MAX: usize = 64;
/// Entries of a tree at most: bounds the memory that a hostile tree can claim.
pub const TREE_ENTRIES_MAX: u64 = 2_000_000;
/// Bytes of an encoded tree at most (plain): room for [`TREE_ENTRIES_MAX`] entries, and few enough that a manifest
/// can name all its chunks within [`DOCUMENT_BYTES_MAX`].
pub const TREE_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Chunks of an encoded tree at most: [`TREE_BYTES_MAX`] cut at [`CHUNK_BYTES_MIN`] everywhere. In JSON each takes
/// some 90 bytes.
pub const TREE_CHUNKS_MAX: usize = 2048;
/// Paths under the base that one save names at most.
pub const ROOTS_MAX: usize = 64;
/// Bytes of all these paths together at most: they stand in the manifest, which has [`DOCUMENT_BYTES_MAX`].
pub const ROOTS_BYTES_MAX: usize = 8 * 1024;
/// Bytes of all paths and symlink targets of a tree at most, the paths written out: 67 for each of the most entries. A small
/// hostile encoding could swell to this.
pub const TREE_TEXT_BYTES_MAX: u64 = 128 * 1024 * 1024;
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
/// Bytes that are read of a peer's control messages, each with the four of its length, before it is known to belong: two
/// hellos and two joins with the longest names and labels that there can be take some 3.5 KB. What goes beyond waits unread.
pub const STRANGER_BYTES_MAX: usize = 4096;
/// Bytes of a short text in a message at most (a pool's name, a program's version).
pub const TEXT_BYTES_MAX: usize = 128;
/// Addresses of one peer at most.
pub const ADDRESSES_PER_PEER_MAX: usize = 8;
/// Rows of one listing at most; what does not fit is asked for again.
pub const LISTING_ROWS_MAX: usize = 64;
/// Names in one message of a seed that another catches up with at most: with 65 bytes each they fill half a message.
pub const RECORD_NAMES_MAX: usize = 4096;
/// Manifests and votes that one seed brings another in one message at most: each is verified by who gets it.
pub const BROUGHT_MAX: usize = 64;
/// Lineages of which a seed's metrics tell the newest save: each is a time series for whoever scrapes.
pub const LINEAGES_MEASURED_MAX: usize = 1000;
/// Bytes of a line of a seed's log at most: a manifest's provenance with every byte escaped, and its ancestors.
pub const LOG_LINE_BYTES_MAX: usize = 16 * 1024;
/// Lines of a page of a log at most.
pub const LOG_LINES_MAX: usize = 256;
/// Bytes of all lines of a page at most: below a message's bound with room for the rest.
pub const LOG_PAGE_BYTES_MAX: usize = 384 * 1024;
/// How long a line of a seed's log is kept: what an audit asks about happened within a year, and the month around it.
pub const LOG_KEPT: Duration = Duration::from_secs(400 * 24 * 3600);
/// Neighbours that a seed hands out at most.
pub const NEIGHBOURS_MAX: usize = 32;
/// Peers that a node keeps control connections to at most (a seed: [`SEED_PEERS_MAX`]).
pub const PEERS_MAX: usize = 64;
/// Peers that a node which has its [`PEERS_MAX`] takes on trial: one that shares a swarm takes the place of one that shares none.
pub const NEWCOMERS_MAX: usize = 8;
/// Peers that a seed keeps control connections to at most.
pub const SEED_PEERS_MAX: usize = 20_000;
/// Ranges of one have message at most.
pub const HAVE_RANGES_MAX: usize = 4096;
/// Chunks under way from one peer at most.
pub const FETCHES_PER_PEER_MAX: usize = 16;
/// Chunks under way at most, whoever they come from: with [`CHUNK_BYTES_MAX`] it bounds the memory of transfers.
pub const FETCHES_MAX: usize = 48;
/// Chunks that are asked of one peer with one request at most: a pipeline's worth, so that many small ones go together.
pub const REQUEST_CHUNKS_MAX: usize = 16;
/// Plain bytes that are asked for with one request at most, and given in one turn: a few average chunks, so that a request
/// costs little for each of them; more would bind a crowd to one peer, and others to wait for longer.
pub const REQUEST_BYTES_MAX: u32 = 1024 * 1024;
/// Chunks asked for by one peer that wait to be served at most; more are answered `busy`.
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
/// A statement that is signed elsewhere must be back and published by then: so long does a node keep chunks at least that
/// a job handed in, and no manifest names yet. Signing takes minutes; much longer would fill small disks with saves that
/// nobody signed.
pub const UNPUBLISHED_KEPT: Duration = Duration::from_secs(3600);
/// How often a seed issues relayed answers.
pub const RELAY_INTERVAL: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{ChunkSet, Control, Hello, RecordName};
    use crate::{
        ChunkId, ChunkRef, Envelope, KeyPair, ManifestId, Membership, PeerId, PeerRole, PublicKey, Timestamp,
        Token, TreeRef, TreeTotals,
    };

    #[test]
    fn bounds_fit_each_other() {
        const {
            assert!(CHUNK_BYTES_MIN < CHUNK_BYTES_AVERAGE && CHUNK_BYTES_AVERAGE < CHUNK_BYTES_MAX);
            assert!(FETCHES_PER_PEER_MAX <= FETCHES_MAX && FETCHES_PER_PEER_MAX <= ASKS_PER_PEER_MAX);
            assert!(REQUEST_CHUNKS_MAX <= FETCHES_PER_PEER_MAX && REQUEST_BYTES_MAX >= CHUNK_BYTES_MAX);
            assert!(ROOTS_BYTES_MAX < DOCUMENT_BYTES_MAX && DOCUMENT_BYTES_MAX < CONTROL_BYTES_MAX);
            assert!(PEERS_MAX < SEED_PEERS_MAX);
            assert!(NEIGHBOURS_MAX < PEERS_MAX && SEEDS_MAX <= NEIGHBOURS_MAX);
        }
        assert!(ANSWER_TIMEOUT < FETCH_TIMEOUT && RELAY_INTERVAL < MEMBERSHIP_LIFE / 2);
        assert!(CLOCK_SKEW_MAX < MEMBERSHIP_LIFE && GRANT_LIFE_MAX < MANIFEST_LIFE_MAX);
        assert!(GRANT_LIFE_MAX < UNPUBLISHED_KEPT);
    }

    #[test]
    fn the_largest_tree_can_be_named_by_a_manifest() {
        let chunk = ChunkRef { id: ChunkId::from_bytes([0xab; 32]), bytes: CHUNK_BYTES_MAX };
        let roots = vec!["r".repeat(ROOTS_BYTES_MAX / ROOTS_MAX); ROOTS_MAX];
        let tree = TreeRef { chunks: vec![chunk; TREE_CHUNKS_MAX], totals: TreeTotals::default(), roots };
        let bytes = serde_json::to_vec(&tree).unwrap().len();
        let ancestors = ANCESTORS_MAX * 70;
        assert!(bytes + ancestors + 16 * PROVENANCE_BYTES_MAX < DOCUMENT_BYTES_MAX, "{bytes}");
    }

    /// It says hello, again when it finds a membership, and asks twice to be let in.
    #[test]
    fn a_stranger_can_say_who_it_is_and_ask_to_be_let_in() {
        let key = KeyPair::from_seed([1; 32]);
        let (pool, label) = ("p".repeat(POOL_NAME_BYTES_MAX), "\"".repeat(LABEL_BYTES_MAX));
        let (issued, expires) = (Timestamp::default(), Timestamp::default().after(MEMBERSHIP_LIFE));
        let token = Token { pool: pool.clone(), serial: label, expires };
        let membership = Membership {
            pool,
            peer: PeerId::new(key.public()),
            role: PeerRole::Node,
            instance: Some("\"".repeat(LABEL_BYTES_MAX)),
            address: "2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap(),
            issuer: key.public(),
            issued,
            expires,
        };
        let text = "t".repeat(TEXT_BYTES_MAX);
        let hello = Control::Hello(Hello {
            pool: text.clone(),
            role: PeerRole::Node,
            software: text,
            membership: Some(Envelope::sign(&membership, &key)),
            listen_port: u16::MAX,
        });
        let join = Control::Join { token: Envelope::sign(&token, &key) };
        let bytes = 2 * (hello.encoded_bytes() + join.encoded_bytes()) + 4 * 4;
        assert!(bytes <= STRANGER_BYTES_MAX && STRANGER_BYTES_MAX < 2 * bytes, "{bytes}");
    }

    #[test]
    fn the_most_names_fit_a_message() {
        let (manifest, seed) = (ManifestId::from_bytes([1; 32]), PeerId::new(PublicKey::from_bytes([2; 32])));
        let names = vec![RecordName::Vote { manifest, seed }; RECORD_NAMES_MAX];
        let (epoch, seen, life, next) = (u64::MAX, u64::MAX, u64::MAX, u64::MAX);
        let message = Control::Known { epoch, seen, life, next, more: true, names };
        assert!(message.encoded_bytes() <= CONTROL_BYTES_MAX);
    }

    #[test]
    fn the_largest_announcement_fits_a_message() {
        let far = u32::MAX - 2 * u32::try_from(HAVE_RANGES_MAX).unwrap();
        let chunks: ChunkSet = (0..u32::try_from(HAVE_RANGES_MAX).unwrap()).map(|n| far + 2 * n).collect();
        let pieces = chunks.split();
        for chunks in pieces {
            let message = Control::Have { manifest: ManifestId::from_bytes([1; 32]), chunks };
            assert!(message.encode().len() <= CONTROL_BYTES_MAX);
        }
    }
}
