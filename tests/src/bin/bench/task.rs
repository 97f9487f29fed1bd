//! What is measured, and what is compared with what.

use serde::Serialize;

/// One thing that is done once in every round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Task {
    /// Into a pool that knows nothing, until the seed has signed.
    Save,
    /// The part of it until the node has everything and publishing begins.
    SaveLocal,
    Pack,
    /// Nothing changed since.
    SaveAgain,
    CopyAgain,
    /// Through a node that lacks it: from the saver and the seed.
    Cold,
    /// Through the next one, which has one peer more.
    Shared,
    /// Through a node that has it.
    Restore,
    Unpack,
    Copy,
    Extract,
    Limit,
}

impl Task {
    /// Tasks that are compared stand in one group; in it, each round begins with another one.
    pub(crate) const GROUPS: [&[Self]; 5] = [
        &[Self::Save, Self::Pack],
        &[Self::SaveAgain, Self::CopyAgain],
        &[Self::Cold],
        &[Self::Shared],
        &[Self::Restore, Self::Unpack, Self::Copy, Self::Extract, Self::Limit],
    ];

    /// In the order of the table.
    pub(crate) const ALL: [Self; 12] = [
        Self::Save,
        Self::SaveLocal,
        Self::Pack,
        Self::SaveAgain,
        Self::CopyAgain,
        Self::Cold,
        Self::Shared,
        Self::Restore,
        Self::Unpack,
        Self::Copy,
        Self::Extract,
        Self::Limit,
    ];

    /// For the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Save => "save, published and durable",
            Self::SaveLocal => "  until the node has it",
            Self::Pack => "  tar | zstd -3 -T0",
            Self::SaveAgain => "save again, unchanged",
            Self::CopyAgain => "  rsync -a, unchanged",
            Self::Cold => "restore, from saver and seed",
            Self::Shared => "restore, from peers and seed",
            Self::Restore => "restore, from the node's store",
            Self::Unpack => "  zstd -dc | tar -x",
            Self::Copy => "  rsync -a",
            Self::Extract => "  tar -x",
            Self::Limit => "  written from memory",
        }
    }

    /// The directory that it writes to, in a round's.
    pub(crate) const fn target(self) -> &'static str {
        match self {
            Self::Save | Self::SaveLocal | Self::SaveAgain | Self::Pack | Self::CopyAgain => "",
            Self::Cold => "cold",
            Self::Shared => "shared",
            Self::Restore => "restore",
            Self::Unpack => "unpack",
            Self::Copy => "copy",
            Self::Extract => "extract",
            Self::Limit => "limit",
        }
    }

    /// What is run, for whoever reads the figures later.
    pub(crate) const fn command(self) -> &'static str {
        match self {
            Self::Save | Self::SaveLocal | Self::SaveAgain => {
                "pollux save --json --signing-key publisher.pem KEY INPUT"
            }
            Self::Pack => "tar -C INPUT -cf - . | zstd -q -3 -T0 -o ARCHIVE.zst",
            Self::CopyAgain => "rsync -a INPUT/ MIRROR/",
            Self::Cold | Self::Shared | Self::Restore => "pollux restore --json KEY TARGET",
            Self::Unpack => "zstd -qdc ARCHIVE.zst | tar -C TARGET -xf -",
            Self::Copy => "rsync -a INPUT/ TARGET/",
            Self::Extract => "tar -C TARGET -xf ARCHIVE",
            Self::Limit => "mkdir, openat, write and futimens from memory, a thread for every core",
        }
    }
}

/// How many times faster one task should be than another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    pub(crate) ours: Task,
    pub(crate) theirs: Task,
    /// Less is a failure.
    pub(crate) floor: Option<f64>,
    /// What is aimed for.
    pub(crate) bar: Option<f64>,
}

impl Comparison {
    pub(crate) const ALL: [Self; 7] = [
        Self::new(Task::Save, Task::Pack, Some(1.0), None),
        Self::new(Task::SaveLocal, Task::Pack, Some(1.0), Some(1.2)),
        Self::new(Task::SaveAgain, Task::CopyAgain, None, Some(1.0)),
        Self::new(Task::Restore, Task::Unpack, None, Some(2.0)),
        Self::new(Task::Restore, Task::Copy, Some(1.0), Some(3.2)),
        Self::new(Task::Restore, Task::Extract, None, Some(1.3)),
        // At most one and a half times its time.
        Self::new(Task::Restore, Task::Limit, None, Some(0.667)),
    ];

    const fn new(ours: Task, theirs: Task, floor: Option<f64>, bar: Option<f64>) -> Self {
        Self { ours, theirs, floor, bar }
    }
}

/// Bytes stored, as a share of what `tar | zstd -3` makes: at most.
pub(crate) const STORED_BAR: f64 = 1.12;
/// Resident bytes of a daemon at its highest: at most.
pub(crate) const MEMORY_FLOOR: u64 = 200_000_000;
