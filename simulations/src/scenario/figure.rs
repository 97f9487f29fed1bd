//! What is measured of a run, and what it may have gone through: names, as scenarios and reports have them.

use serde::{Deserialize, Serialize};

/// What is measured of a run, or of the honest jobs of one of its groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// Seconds from the beginning to the last completion.
    Makespan,
    /// Seconds that half of the jobs do not exceed.
    P50,
    /// Seconds that 99 of a hundred jobs do not exceed.
    P99,
    /// Seconds that the slowest job took.
    Max,
    /// The makespan over the bound.
    MakespanRatio,
    /// The half's time over the bound.
    P50Ratio,
    /// The time of 99 of a hundred over the bound.
    P99Ratio,
    /// The slowest job's time over the bound.
    MaxRatio,
    /// Jobs that completed, over those that there are to be.
    CompletedShare,
    /// What left the seeds, in copies of what anybody lacks.
    SeedCopies,
    /// What arrived a second time, over what arrived.
    DuplicateShare,
    /// What arrived after it was given up, over what arrived.
    LateShare,
    /// What was not what was asked for, over what arrived with it.
    JunkShare,
    /// Control messages, over what arrived.
    ControlShare,
    /// Control messages that each node sent each second.
    MessagesPerNodeSecond,
    /// Peers that were banned.
    Bans,
    /// How unevenly nodes gave: 0 all the same, 1 one gave all.
    UploadGini,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds of virtual time.
    Seconds,
    /// A number of times.
    Times,
    /// A part of something.
    Share,
    /// Just a number.
    Number,
}

/// Which way a figure gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The less, the better.
    Less,
    /// The more, the better.
    More,
    /// It says nothing by itself.
    Neither,
}

impl Figure {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 17] = [
        Self::Makespan,
        Self::P50,
        Self::P99,
        Self::Max,
        Self::MakespanRatio,
        Self::P50Ratio,
        Self::P99Ratio,
        Self::MaxRatio,
        Self::CompletedShare,
        Self::SeedCopies,
        Self::DuplicateShare,
        Self::LateShare,
        Self::JunkShare,
        Self::ControlShare,
        Self::MessagesPerNodeSecond,
        Self::Bans,
        Self::UploadGini,
    ];

    /// As scenarios and reports name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Makespan => "makespan",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::Max => "max",
            Self::MakespanRatio => "makespan-ratio",
            Self::P50Ratio => "p50-ratio",
            Self::P99Ratio => "p99-ratio",
            Self::MaxRatio => "max-ratio",
            Self::CompletedShare => "completed-share",
            Self::SeedCopies => "seed-copies",
            Self::DuplicateShare => "duplicate-share",
            Self::LateShare => "late-share",
            Self::JunkShare => "junk-share",
            Self::ControlShare => "control-share",
            Self::MessagesPerNodeSecond => "messages-per-node-second",
            Self::Bans => "bans",
            Self::UploadGini => "upload-gini",
        }
    }

    /// The figure of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|figure| figure.name() == name)
    }

    /// What it counts.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Makespan | Self::P50 | Self::P99 | Self::Max => Unit::Seconds,
            Self::MakespanRatio | Self::P50Ratio | Self::P99Ratio | Self::MaxRatio => Unit::Times,
            Self::CompletedShare
            | Self::DuplicateShare
            | Self::LateShare
            | Self::JunkShare
            | Self::ControlShare => Unit::Share,
            Self::SeedCopies | Self::MessagesPerNodeSecond | Self::Bans | Self::UploadGini => Unit::Number,
        }
    }

    /// Which way it gets better.
    #[must_use]
    pub fn better(self) -> Better {
        if self == Self::CompletedShare {
            Better::More
        } else if self == Self::Bans {
            Better::Neither
        } else {
            Better::Less
        }
    }

    /// Whether it is measured of each group, too.
    #[must_use]
    pub fn is_of_groups(self) -> bool {
        self <= Self::CompletedShare
    }
}

/// What a run may have gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cover {
    /// A wrong chunk was noticed.
    Junk,
    /// A peer was banned.
    Ban,
    /// A chunk was fetched from two at once, and the slower one was not needed.
    Hedge,
    /// A fetch was given up before its chunk was there.
    Stall,
    /// A chunk arrived after it was given up.
    Late,
    /// A chunk arrived a second time.
    Duplicate,
    /// A node's life was over.
    Left,
    /// A fault of the scenario began.
    Fault,
    /// A process started again.
    Restart,
    /// What is no message was noticed.
    Garbage,
    /// A document was not believed.
    Disbelieved,
    /// A manifest was taken back where it was known.
    Withdrawn,
    /// Somebody said or did otherwise than an honest engine.
    Lie,
}

impl Cover {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 13] = [
        Self::Junk,
        Self::Ban,
        Self::Hedge,
        Self::Stall,
        Self::Late,
        Self::Duplicate,
        Self::Left,
        Self::Fault,
        Self::Restart,
        Self::Garbage,
        Self::Disbelieved,
        Self::Withdrawn,
        Self::Lie,
    ];

    /// As scenarios and reports name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Junk => "junk",
            Self::Ban => "ban",
            Self::Hedge => "hedge",
            Self::Stall => "stall",
            Self::Late => "late",
            Self::Duplicate => "duplicate",
            Self::Left => "left",
            Self::Fault => "fault",
            Self::Restart => "restart",
            Self::Garbage => "garbage",
            Self::Disbelieved => "disbelieved",
            Self::Withdrawn => "withdrawn",
            Self::Lie => "lie",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_files() {
        for figure in Figure::ALL {
            assert_eq!(serde_json::to_value(figure).unwrap(), figure.name());
            assert_eq!(Figure::named(figure.name()), Some(figure));
        }
        for cover in Cover::ALL {
            assert_eq!(serde_json::to_value(cover).unwrap(), cover.name());
        }
    }
}
