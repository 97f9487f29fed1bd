//! A restore: a tree written beside its target from chunks in any order, then swapped in.
use super::{
    DiskError,
    beneath::{Beneath, Walk},
    claims::Claims,
    clone::{Cloned, can_clone},
    duplicates::Duplicates,
    layout::Layout,
    names::open_dir_at,
    parts::HELD_BYTES_MAX,
    room::{check_room, no_room, room_of},
    staging::{NEW, OLD, Staging},
    swap::{Swap, rename},
    target::{Target, Task},
    write::Writer,
};
use pollux_core::{ChunkRef, Entry, EntryKind, Tree};
use rustix::{
    fd::BorrowedFd,
    fs::{Mode, RenameFlags, fchmod},
    io::{Errno, fcntl_dupfd_cloexec},
};
use std::path::Path;

/// What to do with a target that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetMode {
    /// Only an absent or empty one will do.
    Fresh,
    /// Add what is not there; overwrite nothing.
    Merge,
    /// Swap the saved paths, leave the rest.
    Replace,
}

/// Which time of modification what is restored has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The one that it was saved with.
    Saved,
    /// The one of the restore: a system call less for each entry.
    Now,
}

/// What becomes of content that several files have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// It is written for each of them.
    Write,
    /// Files of 128 KiB or more are cloned from the first that has it, where the file system can.
    Clone,
}

/// How to restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreOptions {
    /// What to do with a target that is there already.
    pub mode: TargetMode,
    /// Which times of modification to leave.
    pub times: Times,
    /// What to do with content that several files have.
    pub repeats: Repeats,
}

/// A restore under way. Dropped before [`Restore::finish`], it leaves the target as it was and no litter.
///
/// The tree is written into a directory of mode 0700 beside the target, or inside it where a rename from beside would not
/// work (a mount point, another owner's parent) or would pull the working directory away. A process that is killed leaves
/// that directory; the next restore of the same target removes it.
#[derive(Debug)]
pub struct Restore {
    layout: Layout,
    claims: Claims,
    task: Task,
    writer: Writer,
    // Dropped in this order: what was staged in them is gone before parents that were made.
    staging: Staging,
    target: Target,
}

/// What a restore did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// One rename made all of it visible.
    pub atomic: bool,
    /// Files that are now in the target.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Entries, directories left out, that [`TargetMode::Merge`] found there already and left alone.
    pub kept: u64,
    /// What of them was cloned instead of written.
    pub cloned: Cloned,
}

/// What tests do otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tuning {
    pub(super) walk: Walk,
    /// Bytes of small files that may wait in memory.
    pub(super) held_bytes_max: u64,
    /// Whether files can be cloned in a directory of this one.
    pub(super) can_clone: fn(BorrowedFd<'_>, &str) -> bool,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { walk: Walk::possible(), held_bytes_max: HELD_BYTES_MAX, can_clone }
    }
}

impl Restore {
    /// Checks the target and the room on its disk, makes the staging directory and all directories in it.
    ///
    /// Parents of the target that are missing are made.
    ///
    /// # Errors
    /// A target that the mode does not allow, a lack of room, names that the file system does not tell apart, and what
    /// the system says no to. The target is as it was.
    pub fn begin(target: &Path, tree: Tree, options: RestoreOptions) -> Result<Self, DiskError> {
        Self::begin_with(target, tree, options, Tuning::default())
    }

    pub(super) fn begin_with(
        target: &Path,
        tree: Tree,
        options: RestoreOptions,
        tuning: Tuning,
    ) -> Result<Self, DiskError> {
        let target = Target::open(target)?;
        let task = target.task(options.mode, tree.roots())?;
        target.check_mounts(task, tree.roots())?;
        let staging = target.stage(task)?;
        check_room(staging.dir(), target.path(), &tree)?;
        let failed = |errno| DiskError::io(target.path(), errno);
        let top = Beneath::new(open_dir_at(staging.dir(), NEW).map_err(failed)?, tuning.walk);
        let writer = Writer::new(top, target.path().to_owned(), options.times, tuning.held_bytes_max)?;
        let clones = options.repeats == Repeats::Clone && (tuning.can_clone)(staging.dir(), OLD);
        let duplicates = if clones { Duplicates::of(&tree) } else { Duplicates::default() };
        let layout = Layout::new(tree, duplicates);
        writer.make_directories(&layout)?;
        Ok(Self { claims: Claims::new(layout.occurrence_count()), layout, task, writer, staging, target })
    }

    /// The distinct chunks that it needs, in content order.
    #[must_use]
    pub fn wanted(&self) -> Vec<ChunkRef> {
        self.layout.distinct()
    }

    /// Writes a chunk's plain bytes wherever they belong. Several threads may call at once, with chunks in any order; a
    /// chunk that was written already is not written again. The caller has hashed the bytes.
    ///
    /// # Errors
    /// A chunk that is none of the tree's does no harm. Any other error is of the disk: the restore cannot be finished.
    pub fn write(&self, chunk: ChunkRef, plain: &[u8]) -> Result<(), DiskError> {
        let found = self.layout.occurrences_of(chunk).ok_or(DiskError::StrangeChunk(chunk.id))?;
        if u32::try_from(plain.len()) != Ok(chunk.bytes) {
            return Err(DiskError::StrangeChunk(chunk.id));
        }
        if !self.claims.take(found.start) {
            return Ok(());
        }
        for place in found.flat_map(|occurrence| self.layout.placements_of(occurrence)) {
            let piece = slice(plain, &place.range).ok_or(DiskError::StrangeChunk(chunk.id))?;
            self.writer.put(&self.layout, place, piece).map_err(|error| self.explain(error))?;
        }
        self.claims.done();
        Ok(())
    }

    /// Makes links, sets what times and modes are still missing, and swaps the tree in.
    ///
    /// # Errors
    /// Chunks that were not written; a target that was changed meanwhile; what the system says no to. The target is as
    /// it was.
    pub fn finish(mut self) -> Result<Restored, DiskError> {
        let missing = self.layout.distinct().len().saturating_sub(self.claims.done_count());
        if missing > 0 || !self.writer.is_settled() {
            return Err(DiskError::Incomplete { missing });
        }
        self.writer.make_rest(&self.layout).map_err(|error| self.explain(error))?;
        self.writer.finish_directories(&self.layout)?;
        let totals = self.layout.tree().totals();
        let (files, bytes, cloned) = (totals.files, totals.bytes, self.writer.cloned());
        let all = Restored { atomic: true, files, bytes, kept: 0, cloned };
        let done = match self.task {
            Task::Fresh => Restored { atomic: self.swap_whole(RenameFlags::empty())?, ..all },
            Task::Whole => Restored { atomic: self.swap_whole(RenameFlags::EXCHANGE)?, ..all },
            Task::Roots => Restored { atomic: self.swap_roots()?, ..all },
            Task::Missing => self.add_missing(all)?,
        };
        self.target.keep_parents();
        Ok(done)
    }

    /// All at once, or name by name where that cannot be. A plain rename overwrites an empty directory and no filled one.
    fn swap_whole(&self, flags: RenameFlags) -> Result<bool, DiskError> {
        let Some((parent, name)) = self.target.parent().filter(|_| !self.staging.is_inside()) else {
            return self.swap_names();
        };
        if let Some(mode) = self.target.mode() {
            fchmod(self.writer.top().dir(), mode).map_err(|errno| self.failed(errno))?;
        }
        match rename(self.staging.dir(), NEW, parent, name, flags) {
            Ok(()) => Ok(true),
            Err(Errno::NOTEMPTY | Errno::EXIST) => {
                Err(DiskError::TargetNotEmpty(self.target.path().to_owned()))
            }
            Err(Errno::NOTDIR) => Err(DiskError::TargetNotADirectory(self.target.path().to_owned())),
            Err(_) if self.target.dir().is_some() => self.swap_names(),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    fn swap_names(&self) -> Result<bool, DiskError> {
        // It may have the target's mode by now, which may forbid taking anything out of it.
        fchmod(self.writer.top().dir(), Mode::RWXU).map_err(|errno| self.failed(errno))?;
        let mut swap = self.swap()?;
        if self.task == Task::Whole {
            swap.stash_all()?;
        }
        swap.bring_all()?;
        swap.keep();
        Ok(false)
    }

    fn swap_roots(&self) -> Result<bool, DiskError> {
        let mut swap = self.swap()?;
        for root in self.layout.tree().roots() {
            swap.replace(root)?;
        }
        Ok(swap.keep())
    }

    fn add_missing(&self, all: Restored) -> Result<Restored, DiskError> {
        let mut swap = self.swap()?;
        let mut done = all;
        swap.missing(&mut |path| {
            for entry in self.layout.subtree(path) {
                done.keep(entry);
            }
        })?;
        done.atomic = swap.keep();
        Ok(done)
    }

    fn swap(&self) -> Result<Swap<'_>, DiskError> {
        let dir = self.target.dir().ok_or(Errno::NOENT).and_then(|dir| fcntl_dupfd_cloexec(dir, 0));
        let target = Beneath::new(dir.map_err(|errno| self.failed(errno))?, Walk::possible());
        let old = open_dir_at(self.staging.dir(), OLD).map_err(|errno| self.failed(errno))?;
        let old = Beneath::new(old, Walk::possible());
        Ok(Swap::new(self.writer.top(), old, target, self.target.path().to_owned()))
    }

    /// As long as this is kept, nothing is written to a file: a disk that stands still.
    #[cfg(test)]
    pub(crate) fn stand_still(&self) -> impl Sized {
        self.writer.stand_still()
    }

    fn failed(&self, errno: Errno) -> DiskError {
        DiskError::io(self.target.path(), errno)
    }

    /// A full disk in the middle of it all: others write there too.
    fn explain(&self, error: DiskError) -> DiskError {
        if !error.is_full_disk() {
            return error;
        }
        no_room(self.staging.dir(), self.target.path(), room_of(self.layout.tree()))
    }
}

impl Restored {
    /// An entry was there already: it does not count as restored.
    fn keep(&mut self, entry: &Entry) {
        match entry.kind {
            EntryKind::File { bytes, .. } => {
                self.files = self.files.saturating_sub(1);
                self.bytes = self.bytes.saturating_sub(bytes);
                self.kept += 1;
            }
            EntryKind::Symlink { .. } => self.kept += 1,
            EntryKind::Directory => {}
        }
    }
}

fn slice<'a>(plain: &'a [u8], range: &std::ops::Range<u32>) -> Option<&'a [u8]> {
    plain.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}
