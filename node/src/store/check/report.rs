//! What a check found, for people and for machines.
use pollux_core::{ChunkId, Key, ManifestId};
use serde::Serialize;
use std::fmt;

/// Faults and manifests that are listed at most; all are counted.
pub(super) const LISTED_MAX: usize = 1000;
/// Of the report's JSON: raised when a name in it goes or means something else.
const REPORT_VERSION: u32 = 1;

/// What a check found. Its JSON is stable: names are added, and `version` is raised when one goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// 1.
    pub version: u32,
    /// Nothing is wrong, or all of it was repaired, and nothing is missing.
    pub sound: bool,
    /// Segments that were read.
    pub segments: u64,
    /// Bytes of their files.
    pub bytes: u64,
    /// Records whose chunk is whole.
    pub records: u64,
    /// Chunks in them.
    pub chunks: u64,
    /// Records that were quarantined before, and are passed over.
    pub quarantined: u64,
    /// Bytes behind the last whole record of the last segment, as after a crash: the next start cuts them off.
    pub torn_bytes: u64,
    /// What is wrong with segments.
    pub faults: u64,
    /// How much of that was repaired.
    pub repaired: u64,
    /// The first faults.
    pub listed_faults: Vec<CheckFault>,
    /// Certified manifests that were looked at.
    pub manifests: u64,
    /// Of these, expired ones and those whose content was let go: nothing of them need be there.
    pub not_needed: u64,
    /// Manifests in the records that cannot be read.
    pub unreadable_manifests: u64,
    /// Manifests of which something is missing.
    pub incomplete: u64,
    /// The first of them.
    pub listed_incomplete: Vec<Incomplete>,
}

/// What is wrong with a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckFault {
    /// The segment's number.
    pub segment: u32,
    /// Where in its file, in bytes.
    pub offset: u32,
    /// Which chunk it costs, if that is known.
    pub chunk: Option<ChunkId>,
    /// What it is.
    pub what: FaultKind,
    /// It was repaired.
    pub repaired: bool,
}

/// Kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Neither the segment's header nor its first record can be read.
    SegmentUnreadable,
    /// The segment's header is damaged; its first record makes it good.
    SegmentHeader,
    /// A record's header is damaged.
    RecordHeader,
    /// A frame is not what its record's checksum says.
    Frame,
    /// A frame does not hold the chunk that it is named after.
    Chunk,
    /// The segment does not end with a whole footer.
    Footer,
    /// The footer does not say what the records say.
    FooterDiffers,
}

/// A manifest of which something is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Incomplete {
    /// Its name.
    pub manifest: ManifestId,
    /// Its key.
    pub key: Key,
    /// Its sequence.
    pub sequence: u64,
    /// What is missing.
    pub lacks: Lacks,
}

/// What is missing of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lacks {
    /// A chunk of its tree, so it is not known which of its content is there.
    Tree,
    /// Its tree is there and cannot be what the manifest declares.
    GoodTree,
    /// So many chunks of its content.
    Chunks(u64),
}

impl CheckReport {
    /// Of a store in which nothing was looked at yet.
    pub(super) const fn new() -> Self {
        Self {
            version: REPORT_VERSION,
            sound: false,
            segments: 0,
            bytes: 0,
            records: 0,
            chunks: 0,
            quarantined: 0,
            torn_bytes: 0,
            faults: 0,
            repaired: 0,
            listed_faults: Vec::new(),
            manifests: 0,
            not_needed: 0,
            unreadable_manifests: 0,
            incomplete: 0,
            listed_incomplete: Vec::new(),
        }
    }

    /// Counts a fault.
    pub(super) fn note(&mut self, fault: CheckFault) {
        self.faults += 1;
        self.repaired += u64::from(fault.repaired);
        if self.listed_faults.len() < LISTED_MAX {
            self.listed_faults.push(fault);
        }
    }

    /// Counts a manifest of which something is missing.
    pub(super) fn note_incomplete(&mut self, incomplete: Incomplete) {
        self.incomplete += 1;
        if self.listed_incomplete.len() < LISTED_MAX {
            self.listed_incomplete.push(incomplete);
        }
    }

    /// Everything was looked at.
    pub(super) fn conclude(mut self) -> Self {
        self.sound = self.faults == self.repaired && self.incomplete == 0 && self.unreadable_manifests == 0;
        self
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SegmentUnreadable => "nothing of this segment can be read",
            Self::SegmentHeader => "the segment's header is damaged",
            Self::RecordHeader => "a record's header is damaged",
            Self::Frame => "a frame is not what its checksum says",
            Self::Chunk => "a frame does not hold the chunk that it is named after",
            Self::Footer => "the segment has no whole footer: it is damaged or cut off",
            Self::FooterDiffers => "the footer does not say what the records say",
        })
    }
}

impl fmt::Display for Lacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree => f.write_str("its tree is not there"),
            Self::GoodTree => f.write_str("its tree is not what it declares"),
            Self::Chunks(1) => f.write_str("1 chunk is not there"),
            Self::Chunks(chunks) => write!(f, "{chunks} chunks are not there"),
        }
    }
}
