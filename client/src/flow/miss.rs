//! Why there was nothing to restore: the closed list that jobs, logs and reports use.

use crate::connection::ConnectionError;
use crate::disk::DiskError;
use pollux_core::engine::MissReason;
use std::path::Path;

/// What a node that nobody can talk to is called.
pub const NO_NODE: &str = "no-node";

/// A miss is an answer, not an error; the job goes on without its cache.
#[derive(Debug, thiserror::Error)]
pub enum Miss {
    /// The environment says that Pollux is off.
    #[error("POLLUX_DISABLE is set")]
    Disabled,
    /// Nobody answers on the socket, or the node refuses.
    #[error("{0}")]
    NoNode(String),
    /// The node says why.
    #[error("{0}")]
    Node(MissReason),
    /// The job will save again, and what it makes of the newest save would be one generation too many.
    #[error(
        "the newest save is generation {generation} of at most {most}, and nothing that is made from it can be saved: \
         the job starts cold, and readers keep what they have"
    )]
    GenerationBound {
        /// How often its tree was made from a tree.
        generation: u32,
        /// How often the policy lets it be.
        most: u32,
    },
    /// The connection broke.
    #[error("{0}")]
    Broken(String),
    /// A deadline passed.
    #[error("no progress within the time allowed")]
    TooSlow,
    /// What came is not what the manifest says.
    #[error("what came is not what its manifest says: {0}")]
    NotBelieved(String),
    /// The target is not one to restore into as asked.
    #[error("{0}")]
    Target(String),
    /// The target's disk says no; the target is as it was.
    #[error("{0}")]
    Disk(String),
}

impl Miss {
    /// The reason's name in reports and JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::NoNode(_) => NO_NODE,
            Self::Node(reason) => reason.name(),
            Self::NotBelieved(_) => MissReason::NotBelieved.name(),
            Self::TooSlow => MissReason::TooSlow.name(),
            Self::GenerationBound { .. } => "generation-bound",
            Self::Broken(_) => "broken",
            Self::Target(_) => "target",
            Self::Disk(_) => "disk",
        }
    }

    pub(super) fn no_node(socket: &Path, error: &ConnectionError) -> Self {
        if matches!(error, ConnectionError::NoNode { .. }) {
            return Self::NoNode(error.to_string());
        }
        Self::NoNode(format!("{error} ({})", socket.display()))
    }

    /// What the caller can mend by asking differently is a miss of its own; both come with the hint.
    pub(super) fn of_disk(error: &DiskError) -> Self {
        let words = error.hint().map_or_else(|| error.to_string(), |hint| format!("{error}: {hint}"));
        if matches!(
            error,
            DiskError::TargetNotEmpty(_) | DiskError::TargetNotADirectory(_) | DiskError::Mounted(_)
        ) {
            return Self::Target(words);
        }
        Self::Disk(words)
    }
}

impl From<ConnectionError> for Miss {
    fn from(error: ConnectionError) -> Self {
        if matches!(error, ConnectionError::TimedOut) {
            return Self::TooSlow;
        }
        Self::Broken(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_names_is_closed() {
        let words = || "words".to_owned();
        let table = [
            (Miss::Disabled, "disabled"),
            (Miss::NoNode(words()), "no-node"),
            (Miss::Node(MissReason::Yanked), "yanked"),
            (Miss::GenerationBound { generation: 4, most: 4 }, "generation-bound"),
            (Miss::Broken(words()), "broken"),
            (Miss::TooSlow, "too-slow"),
            (Miss::NotBelieved(words()), "not-believed"),
            (Miss::Target(words()), "target"),
            (Miss::Disk(words()), "disk"),
        ];
        for (miss, name) in table {
            assert_eq!(miss.name(), name);
            assert!(!miss.to_string().is_empty(), "{name}");
        }
    }

    #[test]
    fn a_target_that_asking_otherwise_would_mend_comes_with_the_hint() {
        let miss = Miss::of_disk(&DiskError::TargetNotEmpty("/x".into()));
        assert_eq!(miss.name(), "target");
        assert!(miss.to_string().contains("--replace"), "{miss}");
        assert_eq!(Miss::of_disk(&DiskError::Disturbed("/x".into())).name(), "disk");
    }

    #[test]
    fn a_node_that_is_no_use_is_named_by_its_socket() {
        let miss = Miss::no_node(Path::new("/run/x.sock"), &ConnectionError::TimedOut);
        assert_eq!(miss.name(), "no-node");
        assert!(miss.to_string().contains("/run/x.sock"), "{miss}");
        assert_eq!(Miss::from(ConnectionError::TimedOut).name(), "too-slow");
        assert_eq!(Miss::from(ConnectionError::Closed).name(), "broken");
    }
}
