//! What is measured on one machine, and what is wanted of it.

use crate::table::{Bar, Measure, Spec, Wanted};

/// One thing that is done once in every round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Task {
    /// Into a pool that knows nothing, until the seed has signed.
    Save,
    /// The part of it until the node has everything and publishing begins.
    SaveLocal,
    Pack,
    BackUp,
    Index,
    Commit,
    /// Nothing changed since.
    SaveAgain,
    CopyAgain,
    BackUpAgain,
    /// Through a node that lacks it: from the saver and the seed.
    Cold,
    /// Through the next one, which has one peer more.
    Shared,
    /// Through a node that has it.
    Restore,
    Unpack,
    Copy,
    Extract,
    BringBack,
    ExtractIndex,
    Limit,
    /// The second version, after the first.
    SaveNext,
    PackNext,
    PackChanged,
}

/// How a task is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// By a script of the shell. `INPUT`, `NEXT` (the second version), `SHARED` (what all rounds share), `ROUND` (a directory of
    /// this round) and `TARGET` (a new directory) are set.
    Script {
        /// The script.
        run: &'static str,
        /// What is made before the clock runs.
        before: &'static str,
        /// The program that must be there.
        needs: &'static str,
        /// What it writes: its size is told.
        makes: &'static str,
    },
    /// By Pollux, or by this program; as people would do it.
    Own(&'static str),
}

use Task as T;

impl Task {
    /// In the order of the table.
    pub(crate) const ALL: [Self; 21] = [
        Self::Save,
        Self::SaveLocal,
        Self::Pack,
        Self::BackUp,
        Self::Index,
        Self::Commit,
        Self::SaveAgain,
        Self::CopyAgain,
        Self::BackUpAgain,
        Self::Cold,
        Self::Shared,
        Self::Restore,
        Self::Unpack,
        Self::Copy,
        Self::Extract,
        Self::BringBack,
        Self::ExtractIndex,
        Self::Limit,
        Self::SaveNext,
        Self::PackNext,
        Self::PackChanged,
    ];

    /// Tasks that are compared stand in one group; in it, each round begins with another one.
    pub(crate) const GROUPS: [&'static str; 5] = ["save", "again", "cold", "restore", "next"];

    /// What must have been done before.
    pub(crate) const fn after(self) -> &'static [Self] {
        match self {
            Self::Save | Self::SaveLocal | Self::Pack | Self::BackUp | Self::Index | Self::Commit => &[],
            Self::CopyAgain
            | Self::Copy
            | Self::Extract
            | Self::Limit
            | Self::PackNext
            | Self::PackChanged => &[],
            Self::SaveAgain | Self::Cold | Self::SaveNext => &[Self::Save],
            Self::BackUpAgain | Self::BringBack => &[Self::BackUp],
            Self::Shared | Self::Restore => &[Self::Cold],
            Self::Unpack => &[Self::Pack],
            Self::ExtractIndex => &[Self::Index],
        }
    }

    /// Its row.
    pub(crate) const fn spec(self) -> Spec {
        let (id, name, group) = self.names();
        let command = match self.how() {
            How::Script { run, .. } => run,
            How::Own(command) => command,
        };
        Spec { id, name, group, command }
    }

    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Save => ("save", "save, published and durable", "save"),
            Self::SaveLocal => ("save-local", "save, until the node has it", "save"),
            Self::Pack => ("pack", "  tar | zstd -3 -T0", "save"),
            Self::BackUp => ("restic-backup", "  restic backup", "save"),
            Self::Index => ("casync-make", "  casync make", "save"),
            Self::Commit => ("ostree-commit", "  ostree commit", "save"),
            Self::SaveAgain => ("save-again", "save again, unchanged", "again"),
            Self::CopyAgain => ("rsync-again", "  rsync -a, unchanged", "again"),
            Self::BackUpAgain => ("restic-again", "  restic backup, unchanged", "again"),
            Self::Cold => ("restore-cold", "restore, from saver and seed", "cold"),
            Self::Shared => ("restore-shared", "restore, from peers and seed", "cold"),
            Self::Restore => ("restore", "restore, from the node's store", "restore"),
            Self::Unpack => ("unpack", "  zstd -dc | tar -x", "restore"),
            Self::Copy => ("rsync", "  rsync -a", "restore"),
            Self::Extract => ("extract", "  tar -x", "restore"),
            Self::BringBack => ("restic-restore", "  restic restore", "restore"),
            Self::ExtractIndex => ("casync-extract", "  casync extract", "restore"),
            Self::Limit => ("limit", "  written from memory", "restore"),
            Self::SaveNext => ("save-next", "save of version 2", "next"),
            Self::PackNext => ("pack-next", "  tar | zstd -3 -T0, all of it", "next"),
            Self::PackChanged => ("pack-changed", "  tar | zstd -3 -T0, what changed", "next"),
        }
    }

    /// See [`How`].
    pub(crate) const fn how(self) -> How {
        match self {
            Self::Save | Self::SaveLocal => {
                How::Own("pollux save --json --signing-key publisher.pem KEY INPUT")
            }
            Self::SaveAgain => How::Own("pollux save --json --signing-key publisher.pem KEY INPUT"),
            Self::SaveNext => How::Own("pollux save --json --signing-key publisher.pem KEY NEXT"),
            Self::Cold | Self::Shared | Self::Restore => How::Own("pollux restore --json KEY TARGET"),
            Self::Limit => How::Own("mkdir, openat, write and futimens from memory, a thread for every core"),
            Self::Pack => {
                zstd(r#"tar -C "$INPUT" -cf - . | zstd -q -3 -T0 -o "$ROUND/input.tar.zst""#, "input.tar.zst")
            }
            Self::PackNext => {
                zstd(r#"tar -C "$NEXT" -cf - . | zstd -q -3 -T0 -o "$ROUND/next.tar.zst""#, "next.tar.zst")
            }
            Self::PackChanged => zstd(
                r#"tar -C "$NEXT" --null -T "$SHARED/changed" -cf - | zstd -q -3 -T0 -o "$ROUND/changed.tar.zst""#,
                "changed.tar.zst",
            ),
            Self::BackUp => restic(r#"cd "$INPUT" && restic -q -r "$ROUND/restic" --no-cache backup ."#),
            Self::BackUpAgain => {
                script(r#"cd "$INPUT" && restic -q -r "$ROUND/restic" --no-cache backup ."#, "restic")
            }
            Self::BringBack => script(
                r#"restic -q -r "$ROUND/restic" --no-cache restore latest --target "$TARGET""#,
                "restic",
            ),
            Self::Index => How::Script {
                run: r#"casync make --store="$ROUND/casync" --without=all --with=unix "$ROUND/input.caidx" "$INPUT""#,
                before: "",
                needs: "casync",
                makes: "casync",
            },
            Self::ExtractIndex => {
                script(r#"casync extract --store="$ROUND/casync" "$ROUND/input.caidx" "$TARGET""#, "casync")
            }
            Self::Commit => How::Script {
                run: r#"ostree commit --repo="$ROUND/ostree" -b all --tree=dir="$INPUT""#,
                before: r#"ostree init --repo="$ROUND/ostree" --mode=archive"#,
                needs: "ostree",
                makes: "ostree",
            },
            Self::CopyAgain => script(r#"rsync -a "$INPUT/" "$SHARED/mirror/""#, "rsync"),
            Self::Copy => script(r#"rsync -a "$INPUT/" "$TARGET/""#, "rsync"),
            Self::Unpack => script(r#"zstd -qdc "$ROUND/input.tar.zst" | tar -C "$TARGET" -xf -"#, "zstd"),
            Self::Extract => script(r#"tar -C "$TARGET" -xf "$SHARED/input.tar""#, "tar"),
        }
    }

    /// The node whose job restores, if it is a restore of ours.
    pub(crate) fn reader(self) -> Option<&'static str> {
        let reader = if self == Self::Shared { "other" } else { "reader" };
        matches!(self, Self::Cold | Self::Shared | Self::Restore).then_some(reader)
    }

    /// Whether it writes to a directory of its own, which is made before the clock runs where a script does it.
    pub(crate) const fn has_target(self) -> bool {
        match self {
            Self::Cold | Self::Shared | Self::Restore | Self::Unpack | Self::Copy | Self::Extract => true,
            Self::BringBack | Self::ExtractIndex | Self::Limit => true,
            Self::Save | Self::SaveLocal | Self::Pack | Self::BackUp | Self::Index | Self::Commit => false,
            Self::SaveAgain | Self::CopyAgain | Self::BackUpAgain => false,
            Self::SaveNext | Self::PackNext | Self::PackChanged => false,
        }
    }
}

const fn script(run: &'static str, needs: &'static str) -> How {
    How::Script { run, before: "", needs, makes: "" }
}

const fn zstd(run: &'static str, makes: &'static str) -> How {
    How::Script { run, before: "", needs: "zstd", makes }
}

const fn restic(run: &'static str) -> How {
    How::Script { run, before: r#"restic -q -r "$ROUND/restic" init"#, needs: "restic", makes: "restic" }
}

/// Bytes that a change may cost beyond what it is: for each run of changed files.
const CHANGE_BYTES: u64 = 128 * 1024;

/// What is wanted, by the name of the input and the runs of files that version 2 changes.
pub(crate) fn wanted(input: &str, changes: u64) -> Vec<Wanted> {
    let faster = |ours: Task, theirs: Task, bar: f64| wants(ours, theirs, Measure::Faster, Bar::AtLeast(bar));
    let bytes = |theirs: Task, plus: u64, most: f64| {
        wants(T::SaveNext, theirs, Measure::Bytes { plus }, Bar::AtMost(most))
    };
    let next = if input == "npm-cache" { 0.5 } else { 0.75 };
    let mut wanted = vec![
        faster(T::SaveLocal, T::Pack, 1.2),
        wants(T::SaveLocal, T::Pack, Measure::Cpu, Bar::AtMost(1.0)),
        faster(T::SaveLocal, T::BackUp, 4.0),
        faster(T::SaveLocal, T::Index, 5.0),
        faster(T::SaveLocal, T::Commit, 3.0),
        Wanted { bar: None, ..faster(T::Save, T::Pack, 1.0) },
        wants(T::Save, T::Pack, Measure::Bytes { plus: 0 }, Bar::AtMost(1.12)),
        faster(T::SaveAgain, T::CopyAgain, 1.0),
        faster(T::Restore, T::Unpack, 2.0),
        faster(T::Restore, T::Copy, 3.2),
        faster(T::Restore, T::BringBack, 4.0),
        faster(T::Restore, T::ExtractIndex, 3.5),
        faster(T::Restore, T::Extract, 1.3),
        // At most one and a half times its time.
        faster(T::Restore, T::Limit, 0.667),
    ];
    wanted.push(bytes(T::PackNext, 0, next));
    wanted.push(bytes(T::PackChanged, changes.saturating_mul(CHANGE_BYTES), 1.0));
    wanted
}

const fn wants(ours: Task, theirs: Task, of: Measure, bar: Bar) -> Wanted {
    Wanted { ours: ours.spec().id, theirs: theirs.spec().id, of, bar: Some(bar) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_task_has_a_name_of_its_own_a_group_and_what_it_needs_before_it() {
        let ids: BTreeSet<&str> = Task::ALL.iter().map(|task| task.spec().id).collect();
        assert_eq!(ids.len(), Task::ALL.len());
        for (place, task) in Task::ALL.iter().enumerate() {
            assert!(Task::GROUPS.contains(&task.spec().group), "{task:?}");
            let before = &Task::ALL[..place];
            assert!(task.after().iter().all(|needed| before.contains(needed)), "{task:?}");
        }
    }

    #[test]
    fn scripts_name_only_what_is_set() {
        let set = ["$INPUT", "$NEXT", "$SHARED", "$ROUND", "$TARGET"];
        for task in Task::ALL {
            let How::Script { run, before, makes, .. } = task.how() else { continue };
            for script in [run, before] {
                let unknown = script.split('"').filter(|part| part.starts_with('$'));
                assert!(
                    unknown.into_iter().all(|part| set.iter().any(|name| part.starts_with(name))),
                    "{script}"
                );
            }
            assert_eq!(run.contains("$TARGET"), task.has_target(), "{run}");
            assert!(makes.is_empty() || run.contains(makes), "{run}");
        }
    }
}
