//! redb's database over the store's seam to the disk. The store's own lock keeps other processes out.
use super::disk::DiskFile;
use redb::StorageBackend;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// A file for redb.
#[derive(Debug)]
pub(super) struct RecordsFile {
    file: Arc<dyn DiskFile>,
    /// Set when a sync fails: then nothing later may be called durable.
    broken: Arc<AtomicBool>,
}

impl RecordsFile {
    /// The database in this file.
    pub(super) fn new(file: Arc<dyn DiskFile>, broken: Arc<AtomicBool>) -> Self {
        Self { file, broken }
    }
}

impl StorageBackend for RecordsFile {
    fn len(&self) -> io::Result<u64> {
        self.file.bytes()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    /// Sets blocks aside for what is added, so that a full disk is found here and not in the middle of a commit.
    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let before = self.file.bytes()?;
        if bytes > before {
            self.file.reserve(before, bytes - before)?;
        }
        self.file.set_bytes(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync().inspect_err(|error| {
            self.broken.store(true, Ordering::SeqCst);
            tracing::error!(%error, "records could not be made durable");
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }
}
