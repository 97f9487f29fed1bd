//! What was saved before: for each file what told it apart, and the chunks of all of them. An unchanged tree costs a walk then,
//! and a changed one the reading of what changed.
//!
//! An index is a hint in the user's own cache, and whatever is wrong with it, the save reads everything as if there were none:
//!
//! ```text
//! mod     what it says, and which files it is believed of
//! codec   its bytes
//! shelf   where it lies, and who may have written it
//! reuse   which chunks a new listing has as they were
//! ```
//!
//! **A file is believed unchanged** where size, both times, device and inode are those of before, and it was last changed well
//! before the index was made ([`Stamp::is_settled`]): clocks of file systems tick, and what is written twice in one tick looks
//! the same. The time of change is the kernel's own, which no program sets. On file systems whose clock may be another
//! machine's ([`is_local`]) no index is used.
//!
//! What no time tells, no index can: whoever still writes to a file through memory that is mapped moves its times with the first
//! write only, until the system has written that to the disk, which it never does where files are in memory. Such files are
//! not for saving while they are written, with an index or without.

mod codec;
mod reuse;
mod shelf;

pub(super) use reuse::Reuse;
pub use shelf::Shelf;

use super::Scan;
use super::scan::Stamp;
use pollux_core::Tree;
use rustix::fs::fstatfs;
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock that shows fractions of a second ticks at least this often: ten times what kernels do.
const TICK_NS: i64 = 100_000_000;
/// One that shows none may tick every two seconds.
const COARSE_TICK_NS: i64 = 3_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;
/// ext2 to 4, xfs, btrfs, tmpfs, overlay, f2fs, ZFS, bcachefs: `linux/magic.h`, and the last two their own.
const LOCAL: [i128; 8] =
    [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0xF2F5_2010, 0x2FC1_2FC1, 0xCA45_1A4E];

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Index {
    /// What was saved.
    tree: Tree,
    /// Of each file of it, in the order of the listing.
    stamps: Vec<Stamp>,
    /// When the listing began, in nanoseconds since 1970.
    listed_ns: i64,
}

impl Index {
    /// Of what was just saved.
    pub(super) fn new(scan: &Scan, tree: Tree) -> Self {
        let stamps = scan.files().map(|(_, stamp)| *stamp).collect();
        Self { tree, stamps, listed_ns: scan.begun_ns }
    }

    /// As if it had been made long after all that it is of.
    #[cfg(test)]
    pub(super) fn made_late(self) -> Self {
        Self { listed_ns: i64::MAX, ..self }
    }

    /// As if it had been made before all that it is of had been there for a while.
    #[cfg(test)]
    pub(super) fn made_early(self) -> Self {
        Self { listed_ns: 0, ..self }
    }

    /// With another tree in the place of what was saved.
    #[cfg(test)]
    pub(super) fn with_tree(self, tree: Tree) -> Self {
        Self { tree, ..self }
    }

    /// Whether a save after this one would find no more in a newer index: it says the same, and all of it is settled.
    pub(super) fn is_as_good_as(&self, newer: &Self) -> bool {
        self.stamps == newer.stamps
            && self.tree == newer.tree
            && self.stamps.iter().all(|stamp| stamp.is_settled(self.listed_ns))
    }

    /// Whether a file of the listing is believed to be the one that the index has in this place of its files.
    fn believes(&self, before: usize, now: &Stamp) -> bool {
        self.stamps.get(before) == Some(now) && now.is_settled(self.listed_ns)
    }
}

impl Stamp {
    /// Whether it was changed so long before this time that nobody can have changed it since and left the same stamp.
    pub(super) fn is_settled(&self, listed_ns: i64) -> bool {
        let newest = self.changed_ns.max(self.modified_ns);
        let is_coarse = self.changed_ns % SECOND_NS == 0;
        let tick = if is_coarse { COARSE_TICK_NS } else { TICK_NS };
        newest < listed_ns.saturating_sub(tick)
    }
}

/// Now, by the clock that file systems of this machine take their times from.
pub(super) fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or_default()
}

/// Whether times of this file system are by this machine's clock.
pub(super) fn is_local(directory: impl rustix::fd::AsFd) -> bool {
    fstatfs(directory).is_ok_and(|found| LOCAL.contains(&i128::from(found.f_type)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file as a file system with a clock of this tick has it.
    #[derive(Clone, Copy, Debug)]
    struct Written {
        content: u32,
        stamp: Stamp,
    }

    fn written(at_ns: i64, tick_ns: i64, content: u32) -> Written {
        let shown = at_ns - at_ns.rem_euclid(tick_ns);
        Written { content, stamp: Stamp { changed_ns: shown, modified_ns: shown, ..Stamp::default() } }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// Written, listed, written again, always with the same size: what is believed is what was listed.
        #[test]
        fn no_change_is_hidden_however_coarse_the_clock(
            tick in prop_oneof![Just(1), Just(1_000), Just(4_000_000), Just(10_000_000), Just(SECOND_NS), Just(2 * SECOND_NS)],
            first in 5 * SECOND_NS..15 * SECOND_NS,
            until_listed in prop_oneof![0..20_000_000i64, 0..4 * SECOND_NS],
            until_again in prop_oneof![0..20_000_000i64, 0..4 * SECOND_NS],
        ) {
            let (listed, again) = (first + until_listed, first + until_listed + until_again);
            let (before, after) = (written(first, tick, 1), written(again, tick, 2));
            let is_believed = before.stamp == after.stamp && after.stamp.is_settled(listed);
            prop_assert!(!is_believed || before.content == after.content);
        }
    }

    #[test]
    fn times_of_what_is_no_disk_of_this_machine_are_not_gone_by() {
        assert!(!is_local(std::fs::File::open("/proc").unwrap()));
    }

    #[test]
    fn what_was_written_long_before_is_settled_and_what_is_newer_is_not() {
        let stamp = |at_ns| written(at_ns, 4_000_000, 1).stamp;
        assert!(stamp(5 * SECOND_NS + 4_000_000).is_settled(6 * SECOND_NS));
        for listed in [5 * SECOND_NS, 4 * SECOND_NS, i64::MIN] {
            assert!(!stamp(5 * SECOND_NS).is_settled(listed), "{listed}");
        }
        // A time that somebody set counts as well.
        let ahead = Stamp { modified_ns: 9 * SECOND_NS, ..stamp(SECOND_NS) };
        assert!(!ahead.is_settled(6 * SECOND_NS));
    }
}
