//! A pool on disk for tests.

use super::{Change, InitRequest, OpenPool, init};
use crate::key_file;
use pollux_core::{KeyPair, PoolFile, Timestamp};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// The time of every test.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_793_696_700_000);

/// A pool with its keys, in a directory of its own.
pub(crate) struct Scene {
    directory: TempDir,
}

impl Scene {
    pub(crate) fn new(seeds: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        init(&InitRequest {
            policy_days: 30,
            ..InitRequest::new(
                directory.path().join("pool"),
                (1..=seeds).map(|number| format!("192.0.2.{number}:4480")).collect(),
                NOW,
            )
        })
        .unwrap();
        Self { directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("pool").join(name)
    }

    pub(crate) fn pool(&self) -> OpenPool {
        OpenPool::read(&self.path("pool.json")).unwrap()
    }

    pub(crate) fn key(&self, name: &str) -> KeyPair {
        key_file::read(&self.path(&format!("{name}.pem"))).unwrap()
    }

    /// Puts another content into the pool file.
    pub(crate) fn put(&self, file: &PoolFile) -> OpenPool {
        fs::write(self.path("pool.json"), file.to_json()).unwrap();
        self.pool()
    }

    /// Signs a change with the pool's first root key, and puts it into force.
    pub(crate) fn apply(&self, mut change: Change) -> OpenPool {
        let pool = self.pool();
        change.sign(&pool, &self.key("root")).unwrap();
        self.put(&change.finish(&pool, NOW).unwrap())
    }
}

/// A key made of this byte.
pub(crate) fn pair(byte: u8) -> KeyPair {
    KeyPair::from_seed([byte; 32])
}
