//! How the command ends: kinds of failure, their exit status, and a hint for each.

use super::common::is_of_seed;
use super::output;
use pollux_client::connection::ConnectionError;
use pollux_client::disk::DiskError;
use pollux_client::flow::SaveError;
use pollux_client::key_file::KeyFileError;
use pollux_client::printable::printable_lines;
use pollux_client::protocol::PublishEnd;
use pollux_client::text_file::TextFileError;
use serde::Serialize;
use std::io::{self, Write};
use std::process::ExitCode;

/// What went wrong, by what a caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Failed,
    Usage,
    Miss,
    Unreachable,
    Refused,
    Directory,
    Outvoted,
    NotBelieved,
    TakenBack,
    Unwell,
    Interrupted,
}

impl Kind {
    /// What JSON calls it. Scripts depend on these: they never change.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Miss => "miss",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Directory => "directory",
            Self::Outvoted => "outvoted",
            Self::NotBelieved => "not_believed",
            Self::TakenBack => "taken_back",
            Self::Unwell => "unwell",
            Self::Interrupted => "interrupted",
        }
    }

    /// Scripts depend on these: they never change.
    pub(crate) const fn status(self) -> u8 {
        match self {
            Self::Failed | Self::Unwell => 1,
            Self::Usage => 2,
            Self::Miss => 3,
            Self::Unreachable => 4,
            Self::Refused => 5,
            Self::Directory => 6,
            Self::Outvoted => 7,
            Self::NotBelieved => 8,
            Self::TakenBack => 9,
            Self::Interrupted => 130,
        }
    }
}

/// A failure in words.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    pub(crate) hint: Option<&'static str>,
    /// What a restore would call it: the name of a miss.
    pub(crate) reason: Option<&'static str>,
    /// Its object is printed already.
    pub(crate) told: bool,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl ToString) -> Self {
        Self { kind, message: message.to_string(), hint: None, reason: None, told: false }
    }

    /// Scripts have heard of it, in an object with more.
    pub(crate) const fn told(mut self) -> Self {
        self.told = true;
        self
    }

    pub(crate) const fn reason(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    pub(crate) const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }
}

/// A failure as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct FailureReport<'a> {
    error: ErrorReport<'a>,
}

#[derive(Debug, Serialize)]
struct ErrorReport<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl Failure {
    /// Prints it as one object for scripts. A miss, what is not believed, what was taken back and what a doctor found have
    /// objects of their own, and have printed them.
    pub(crate) fn print_json(&self) {
        if !self.told && ![Kind::Miss, Kind::NotBelieved, Kind::TakenBack, Kind::Unwell].contains(&self.kind)
        {
            // Nothing better can be done where standard output is gone.
            drop(output::print_json(&self.report()));
        }
    }

    pub(crate) fn report(&self) -> FailureReport<'_> {
        let Self { kind, reason, ref message, hint, .. } = *self;
        FailureReport { error: ErrorReport { kind: kind.name(), reason, message, hint } }
    }
}

/// Says what went wrong and what to do.
pub(crate) fn report_failure(failure: &Failure) -> ExitCode {
    let mut err = io::stderr().lock();
    // Nothing better can be done where standard error is gone.
    drop(writeln!(err, "pollux: {}", printable_lines(&failure.message)));
    if let Some(hint) = failure.hint {
        drop(writeln!(err, "  hint: {hint}"));
    }
    ExitCode::from(failure.kind.status())
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(Kind::Failed, error)
    }
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        let failure = |kind| Self::new(kind, &error);
        match &error {
            ConnectionError::NoNode { path, .. } if is_of_seed(path) => failure(Kind::Unreachable)
                .hint("a seed runs here, and no node: --socket /run/pollux-seed/pollux.sock asks it"),
            ConnectionError::NoNode { .. } => failure(Kind::Unreachable).hint(
                "is pollux-node running on this instance? name its socket with --socket or POLLUX_SOCKET",
            ),
            ConnectionError::Refused(_) => failure(Kind::Refused).hint("the node's log tells more"),
            ConnectionError::TimedOut => {
                failure(Kind::Unreachable).hint("`pollux status` tells whether the node has joined its pool")
            }
            ConnectionError::Interrupted => failure(Kind::Interrupted),
            ConnectionError::Closed => failure(Kind::Unreachable).hint("the node's log tells why it hung up"),
            ConnectionError::OutOfTurn | ConnectionError::Frame(_) => {
                failure(Kind::Failed).hint("does the socket belong to a pollux-node of the same release?")
            }
            ConnectionError::Io(_) => failure(Kind::Failed),
        }
    }
}

impl From<DiskError> for Failure {
    fn from(error: DiskError) -> Self {
        let missing = matches!(error, DiskError::Missing(_));
        let hint =
            error.hint().or(missing.then_some("name a directory that is there, as this process sees it"));
        // A glob is judged before any directory is looked at.
        let kind = if matches!(error, DiskError::BadGlob { .. }) { Kind::Usage } else { Kind::Directory };
        Self { hint, ..Self::new(kind, error) }
    }
}

const KEY_IS_THERE: &str = "no key is ever overwritten: name a file that is not there yet";

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        // The other errors say what to do themselves.
        let hint = if let KeyFileError::Io { source, .. } = &error {
            let is_there = source.kind() == io::ErrorKind::AlreadyExists;
            Some(if is_there { KEY_IS_THERE } else { "name a key file that this user can read" })
        } else {
            None
        };
        Self { hint, ..Self::new(Kind::Usage, error) }
    }
}

impl From<TextFileError> for Failure {
    fn from(error: TextFileError) -> Self {
        let exists = matches!(error, TextFileError::Exists { .. });
        let hint = exists.then_some("--force replaces it; nothing else is ever overwritten");
        Self { hint, ..Self::new(Kind::Usage, error) }
    }
}

impl From<SaveError> for Failure {
    fn from(error: SaveError) -> Self {
        let failure = |kind| Self::new(kind, &error);
        match error {
            SaveError::Connection(error) => error.into(),
            SaveError::Disk(error) => error.into(),
            SaveError::Statement(_) => failure(Kind::Usage)
                .hint("--provenance, --life and --restored are what the manifest is made of"),
            SaveError::TooSlow => failure(Kind::Unreachable).hint(
                "--timeout gives it longer; the chunks stay in the node, and the same command again goes on from there",
            ),
            SaveError::Contended => failure(Kind::Failed).hint("save once more when they are done"),
            SaveError::Outvoted { .. } => failure(Kind::Outvoted)
                .hint("begin again with `pollux save --unsigned-out`: the chunks are in the node already"),
            SaveError::OtherPool { .. } => {
                failure(Kind::Usage).hint("--socket or POLLUX_SOCKET names the node of the right pool")
            }
            SaveError::Changing(_) => {
                failure(Kind::Directory).hint("save after the job has finished writing")
            }
            SaveError::Put(_) => {
                failure(Kind::Failed).hint("`pollux status` shows the node's store and disk")
            }
            SaveError::NoSeeds(_) => {
                failure(Kind::Unreachable).hint("`pollux doctor` says whether seeds are away, a clock is wrong, or something has expired")
            }
            SaveError::Publish(ref why) => publish_failure(why),
        }
    }
}

fn publish_failure(why: &PublishEnd) -> Failure {
    let failure = |kind| Failure::new(kind, format!("not published: {why}"));
    match why {
        PublishEnd::NotBelieved(_) => {
            failure(Kind::Refused).hint("signer, KEY, grant and --life are what the pool's policy judges")
        }
        PublishEnd::Refused(_) => failure(Kind::Refused).hint(
            "the seed's log tells more; one that is full needs more room (`bytes_max` under [store] there), and \
             `pollux usage '**'` shows what takes it",
        ),
        PublishEnd::BadTree | PublishEnd::Incomplete { .. } => failure(Kind::Failed).hint("save once more"),
        PublishEnd::LostRace { .. } => failure(Kind::Failed).hint("save once more"),
        PublishEnd::SeedsSilent | PublishEnd::Timeout => failure(Kind::Unreachable)
            .hint("the chunks stay in the node: the same command again goes on from there"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_client::protocol::PutFailure;
    use pollux_core::DocumentError;
    use pollux_core::engine::MissReason;

    #[test]
    fn every_kind_has_its_documented_status() {
        let table = [
            (Kind::Failed, 1),
            (Kind::Usage, 2),
            (Kind::Miss, 3),
            (Kind::Unreachable, 4),
            (Kind::Refused, 5),
            (Kind::Directory, 6),
            (Kind::Outvoted, 7),
            (Kind::NotBelieved, 8),
            (Kind::TakenBack, 9),
            (Kind::Unwell, 1),
            (Kind::Interrupted, 130),
        ];
        for (kind, status) in table {
            assert_eq!(kind.status(), status, "{kind:?}");
            assert_eq!(kind.name().replace('_', ""), format!("{kind:?}").to_lowercase());
        }
    }

    #[test]
    fn a_failure_is_an_object_that_begins_with_its_version() {
        let failure = Failure::new(Kind::Usage, "a \"word\"");
        let text = output::json(&failure.report()).unwrap();
        let expected = "{\n  \"version\": 1,\n  \"error\": {\n    \"kind\": \"usage\",\n    \
                        \"message\": \"a \\\"word\\\"\"\n  }\n}";
        assert_eq!(text, expected);
        let text = output::json(&failure.hint("do this").report()).unwrap();
        assert!(text.contains("\"hint\": \"do this\""), "{text}");
    }

    #[test]
    fn a_missing_node_is_unreachable_and_the_hint_names_the_flag() {
        let source = io::Error::from(io::ErrorKind::NotFound);
        let failure = Failure::from(ConnectionError::NoNode { path: "/x".into(), source });
        assert_eq!(failure.kind, Kind::Unreachable);
        assert!(failure.hint.unwrap().contains("--socket"));
    }

    #[test]
    fn a_key_that_the_policy_does_not_name_is_refused() {
        let failure = Failure::from(SaveError::Publish(PublishEnd::NotBelieved("no publisher".to_owned())));
        assert_eq!(failure.kind, Kind::Refused);
        assert!(failure.message.contains("no publisher"));
    }

    #[test]
    fn every_failed_save_has_a_kind_and_a_hint() {
        let publish = SaveError::Publish;
        let words = || "words".to_owned();
        let why = DocumentError::Invalid { field: "provenance.job", why: words() };
        let table = [
            (SaveError::Statement(why), Kind::Usage),
            (DiskError::Missing("/x".into()).into(), Kind::Directory),
            (DiskError::Excluded("/x".into()).into(), Kind::Directory),
            (DiskError::BadGlob { glob: "[".to_owned(), why: words() }.into(), Kind::Usage),
            (SaveError::Changing("/x".into()), Kind::Directory),
            (ConnectionError::TimedOut.into(), Kind::Unreachable),
            (ConnectionError::Closed.into(), Kind::Unreachable),
            (ConnectionError::Refused(words()).into(), Kind::Refused),
            (ConnectionError::OutOfTurn.into(), Kind::Failed),
            (SaveError::Put(PutFailure::Full), Kind::Failed),
            (SaveError::NoSeeds(MissReason::NotJoined), Kind::Unreachable),
            (SaveError::TooSlow, Kind::Unreachable),
            (SaveError::Contended, Kind::Failed),
            (SaveError::Outvoted { sequence: 1 }, Kind::Outvoted),
            (SaveError::OtherPool { manifest: words(), node: words() }, Kind::Usage),
            (publish(PublishEnd::NotBelieved(words())), Kind::Refused),
            (publish(PublishEnd::Refused(words())), Kind::Refused),
            (publish(PublishEnd::BadTree), Kind::Failed),
            (publish(PublishEnd::Incomplete { missing: 1 }), Kind::Failed),
            (publish(PublishEnd::LostRace { standing: None, highest: 1 }), Kind::Failed),
            (publish(PublishEnd::SeedsSilent), Kind::Unreachable),
            (publish(PublishEnd::Timeout), Kind::Unreachable),
        ];
        for (error, kind) in table {
            let words = error.to_string();
            let failure = Failure::from(error);
            assert_eq!(failure.kind, kind, "{words}");
            assert!(failure.hint.is_some(), "{words}");
        }
    }

    #[test]
    fn an_interruption_is_no_failure_of_its_own() {
        let failure = Failure::from(SaveError::from(ConnectionError::Interrupted));
        assert_eq!((failure.kind, failure.kind.status()), (Kind::Interrupted, 130));
    }
}
