//! What tests of several modules begin with.

use crate::clock::now;
use pollux_core::{
    ChunkId, ChunkRef, Grant, Manifest, Provenance, PublicKey, Timestamp, TreeRef, TreeTotals,
};
use std::sync::LazyLock;
use std::time::Duration;

/// The same moment for all of them.
pub(crate) static NOW: LazyLock<Timestamp> = LazyLock::new(now);

/// A manifest that says what it must and no more.
pub(crate) fn manifest() -> Manifest {
    Manifest {
        pool: "ci".to_owned(),
        key: "core/main/npm/node20-1".parse().unwrap(),
        sequence: 7,
        created: *NOW,
        expires: NOW.after(Duration::from_secs(14 * 86_400)),
        tree: TreeRef {
            chunks: vec![ChunkRef { id: ChunkId::of(b"tree"), bytes: 4 }],
            totals: TreeTotals::default(),
            roots: vec![String::new()],
        },
        ancestors: Vec::new(),
        generation: 1,
        provenance: Provenance::default(),
        packages: None,
        grant: None,
    }
}

/// A grant that lets this key sign it.
pub(crate) fn grant(key: PublicKey) -> Grant {
    Grant {
        pool: "ci".to_owned(),
        serial: "g1".to_owned(),
        key,
        patterns: vec!["core/main/**".parse().unwrap()],
        bytes_max: 1000,
        manifests_max: 4,
        not_before: *NOW,
        expires: NOW.after(Duration::from_secs(900)),
        provenance: Provenance::default(),
    }
}
