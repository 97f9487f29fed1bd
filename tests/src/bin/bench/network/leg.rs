//! What is measured between two machines, and what is wanted of it.

use crate::table::{Bar, Measure, Spec, Wanted};

/// One thing that is done in every round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leg {
    /// Nothing but the link.
    Link,
    /// Bytes that do not compress, from the instance to a seed that lacks them.
    Publish,
    /// The same to an instance that lacks them.
    Random,
    /// The input, to an instance that has nothing.
    Restore,
    Copy,
    Unpack,
    /// The second version, to an instance that has the first.
    RestoreNext,
    CopyNext,
    UnpackNext,
    /// Many caches of 1 MiB, one after the other, to an instance that has none of them.
    Small,
    /// A node starts and joins, and a job restores 1 MiB.
    Boot,
    /// A node that has just started joins, and a job gets the first chunk.
    Join,
}

use Leg as L;

/// How a leg is done, on the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// By a script of the shell. `ORIGIN` is the other machine's address; `TARGET` is a new directory, or what the leg before
    /// left there.
    Script {
        run: &'static str,
        needs: &'static str,
        target: &'static str,
    },
    Own(&'static str),
}

impl Leg {
    /// In the order of the table.
    pub(super) const ALL: [Self; 12] = [
        Self::Link,
        Self::Publish,
        Self::Random,
        Self::Restore,
        Self::Copy,
        Self::Unpack,
        Self::RestoreNext,
        Self::CopyNext,
        Self::UnpackNext,
        Self::Small,
        Self::Boot,
        Self::Join,
    ];

    /// In the order in which they are measured.
    pub(super) const GROUPS: [&'static str; 5] = ["link", "cold", "next", "small", "boot"];

    pub(super) const fn spec(self) -> Spec {
        let (id, name, group) = self.names();
        let command = match self.how() {
            How::Script { run, .. } => run,
            How::Own(command) => command,
        };
        Spec { id, name, group, command }
    }

    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Link => ("link", "  curl, to nowhere", "link"),
            Self::Publish => ("publish", "save of random bytes, published", "link"),
            Self::Random => ("random", "restore of random bytes", "link"),
            Self::Restore => ("restore", "restore, from the seed", "cold"),
            Self::Copy => ("rsync", "  rsync daemon", "cold"),
            Self::Unpack => ("curl", "  curl | zstd -dc | tar -x", "cold"),
            Self::RestoreNext => ("restore-next", "restore of version 2", "next"),
            Self::CopyNext => ("rsync-next", "  rsync daemon, over version 1", "next"),
            Self::UnpackNext => ("curl-next", "  curl | zstd -dc | tar -x, all of it", "next"),
            Self::Small => ("small", "restore of 1 MiB", "small"),
            Self::Boot => ("boot", "node starts, joins, restores 1 MiB", "boot"),
            Self::Join => ("join", "node joins, to the first chunk", "boot"),
        }
    }

    pub(super) const fn how(self) -> How {
        match self {
            Self::Link => script(r#"curl -sSf -o /dev/null "http://$ORIGIN:8080/random/random""#, "curl", ""),
            Self::Copy => script(r#"rsync -a "rsync://$ORIGIN:8730/first/" "$TARGET/""#, "rsync", "copied"),
            Self::CopyNext => {
                script(r#"rsync -a --delete "rsync://$ORIGIN:8730/next/" "$TARGET/""#, "rsync", "copied")
            }
            Self::Unpack => script(
                r#"curl -sSf "http://$ORIGIN:8080/first.tar.zst" | zstd -qdc | tar -C "$TARGET" -xf -"#,
                "zstd",
                "unpacked",
            ),
            Self::UnpackNext => script(
                r#"curl -sSf "http://$ORIGIN:8080/next.tar.zst" | zstd -qdc | tar -C "$TARGET" -xf -"#,
                "zstd",
                "unpacked-next",
            ),
            Self::Publish => How::Own("pollux save --json --signing-key publisher.pem KEY RANDOM"),
            Self::Random | Self::Restore | Self::RestoreNext | Self::Small => {
                How::Own("pollux restore --json KEY TARGET")
            }
            Self::Join => How::Own("from the node's word that it is ready to the first chunk on its socket"),
            Self::Boot => {
                How::Own("pollux-node --pool POOL …, until it is ready; pollux restore --json KEY TARGET")
            }
        }
    }

    /// Who writes over what the leg before left has to come after it.
    pub(super) const fn after(self) -> Option<Self> {
        match self {
            Self::RestoreNext => Some(Self::Restore),
            Self::CopyNext => Some(Self::Copy),
            Self::Link | Self::Publish | Self::Random | Self::Restore | Self::Copy | Self::Unpack => None,
            Self::UnpackNext | Self::Small | Self::Boot | Self::Join => None,
        }
    }

    pub(super) const fn is_of_next(self) -> bool {
        matches!(self, Self::RestoreNext | Self::CopyNext | Self::UnpackNext)
    }
}

const fn script(run: &'static str, needs: &'static str, target: &'static str) -> How {
    How::Script { run, needs, target }
}

/// What is wanted, by the name of the input.
pub(super) fn wanted(input: &str) -> Vec<Wanted> {
    let faster = |ours: Leg, theirs: Leg, bar: Option<f64>| Wanted {
        ours: ours.spec().id,
        theirs: theirs.spec().id,
        of: Measure::Faster,
        bar: bar.map(Bar::AtLeast),
    };
    let (copy, unpack) = match input {
        "node-modules" | "cargo-home" => (Some(4.0), Some(1.8)),
        "npm-cache" => (Some(2.0), Some(1.05)),
        "wheels" => (Some(1.05), Some(1.0)),
        _ => (None, None),
    };
    let is_known = copy.is_some();
    vec![
        faster(L::Random, L::Link, Some(0.93)),
        faster(L::Publish, L::Link, Some(0.85)),
        faster(L::Restore, L::Copy, copy),
        faster(L::Restore, L::Unpack, unpack),
        faster(L::RestoreNext, L::CopyNext, is_known.then_some(3.0)),
        faster(L::RestoreNext, L::UnpackNext, is_known.then_some(4.0)),
    ]
}

/// Seconds that a small restore takes at most, in the middle.
pub(super) const SMALL_SECONDS: f64 = 0.150;
/// Seconds from joining to the first chunk at most, in the middle and of 99 in 100.
pub(super) const JOIN_SECONDS: [f64; 2] = [0.030, 0.200];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_leg_has_a_name_of_its_own_and_a_group() {
        let ids: BTreeSet<&str> = Leg::ALL.iter().map(|leg| leg.spec().id).collect();
        assert_eq!(ids.len(), Leg::ALL.len());
        assert!(Leg::ALL.iter().all(|leg| Leg::GROUPS.contains(&leg.spec().group)));
        let place = |leg: Leg| Leg::ALL.iter().position(|known| *known == leg);
        assert!(Leg::ALL.iter().all(|leg| leg.after().is_none_or(|before| place(before) < place(*leg))));
    }

    #[test]
    fn bars_are_those_of_the_input() {
        let bar = |input: &str| wanted(input)[2].bar;
        assert_eq!(bar("cargo-home"), Some(Bar::AtLeast(4.0)));
        assert_eq!((bar("wheels"), bar("given")), (Some(Bar::AtLeast(1.05)), None));
    }
}
