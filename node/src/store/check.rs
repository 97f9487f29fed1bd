//! Checks a store that no node has open: every record of every segment, the footers, and whether what certified manifests
//! name is there.
//!
//! - To look changes nothing on disk: files are opened for reading, and the records' database is opened over an [`Overlay`].
//! - To repair does what a node does that finds the same: damaged records are quarantined, footers written anew.
//! - Memory: one frame, one segment's list of records, and the index of the chunks.
mod manifests;
mod report;
mod segments;

pub use report::{CheckFault, CheckReport, FaultKind, Incomplete, Lacks};

use super::{
    StoreError, directory,
    disk::{Disk, RealDisk},
    index::Index,
    overlay::Overlay,
    records::{Quarantined, Records},
};
use pollux_core::{FrameDecoder, Timestamp};
use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

/// What a check may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckMode {
    /// Nothing on disk changes.
    Look,
    /// What can be repaired is.
    Repair,
}

/// How far a check has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckProgress {
    /// Bytes of segments that were read.
    pub bytes: u64,
    /// Of so many.
    pub bytes_total: u64,
    /// Manifests that were looked at, once all segments were read.
    pub manifests: u64,
}

/// A check under way.
struct Checker<'a> {
    disk: Arc<dyn Disk>,
    records: Records,
    mode: CheckMode,
    /// What has expired by then is no matter.
    wall: Timestamp,
    /// Found damaged before.
    quarantined: HashSet<Quarantined>,
    /// Chunks that are whole.
    index: Index,
    decoder: FrameDecoder,
    tree_decoder: FrameDecoder,
    report: CheckReport,
    progress: CheckProgress,
    tell: &'a mut dyn FnMut(CheckProgress),
}

/// Checks the store in this directory. `tell` hears of each record and manifest.
///
/// # Errors
/// [`StoreError::InUse`], [`StoreError::BeingChecked`], [`StoreError::Absent`], [`StoreError::NewerFormat`],
/// [`StoreError::OlderFormat`], [`StoreError::NotAStore`]: the directory is left as it is. Otherwise what the disk says; what was
/// repaired before that stays so.
pub fn check(
    directory: &Path,
    mode: CheckMode,
    wall: Timestamp,
    tell: &mut dyn FnMut(CheckProgress),
) -> Result<CheckReport, StoreError> {
    let failed = |error| StoreError::disk(format!("use the store directory {}", directory.display()), error);
    let (_claim, disk) = match mode {
        CheckMode::Look => (directory::claim_to_look(directory)?, RealDisk::to_look(directory)),
        CheckMode::Repair => (directory::claim_found(directory)?, RealDisk::new(directory).map_err(failed)?),
    };
    check_on(Arc::new(disk), mode, wall, tell)
}

/// The same on any disk.
pub(super) fn check_on(
    disk: Arc<dyn Disk>,
    mode: CheckMode,
    wall: Timestamp,
    tell: &mut dyn FnMut(CheckProgress),
) -> Result<CheckReport, StoreError> {
    let records = open_records(&*disk, mode)?;
    let numbers = disk.segments().map_err(|error| StoreError::disk("list the segments", error))?;
    let mut bytes_total = 0_u64;
    for number in &numbers {
        let bytes = disk.open_segment(*number).and_then(|file| file.bytes());
        let bytes =
            bytes.map_err(|error| StoreError::disk(format!("measure segment {:08}", number.0), error))?;
        bytes_total = bytes_total.saturating_add(bytes);
    }
    let mut checker = Checker {
        quarantined: records.quarantined()?.into_iter().collect(),
        disk,
        records,
        mode,
        wall,
        index: Index::default(),
        decoder: FrameDecoder::new(),
        tree_decoder: FrameDecoder::new(),
        report: CheckReport::new(),
        progress: CheckProgress { bytes_total, ..CheckProgress::default() },
        tell,
    };
    for number in &numbers {
        checker.check_segment(*number, numbers.last() == Some(number))?;
    }
    checker.report.chunks = checker.index.chunks();
    checker.check_manifests()?;
    Ok(checker.report.conclude())
}

/// The records, over memory where nothing may change; a store that was only begun has none.
fn open_records(disk: &dyn Disk, mode: CheckMode) -> Result<Records, StoreError> {
    let failed = |error| StoreError::disk("open the records", error);
    let file = disk.open_records().map_err(failed)?;
    let file = match (file, mode) {
        (Some(file), CheckMode::Repair) => file,
        (Some(file), CheckMode::Look) => Arc::new(Overlay::new(file).map_err(failed)?),
        (None, _) => Arc::new(Overlay::empty()),
    };
    Records::open(file, Arc::new(AtomicBool::new(false)))
}

impl Checker<'_> {
    /// So many more bytes were read, or a manifest was looked at.
    fn advance(&mut self, bytes: u64) {
        self.progress.bytes = self.progress.bytes.saturating_add(bytes);
        self.progress.manifests = self.report.manifests;
        (self.tell)(self.progress);
    }
}
