//! Why something is not believed, in words that tell a person what to do.
use super::Paper;
use crate::{DocumentError, Key, Lineage, ManifestId, Pattern, PeerId};
use core::net::IpAddr;
use core::time::Duration;

/// Why something is not believed: a closed list, each with what a person can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disbelief {
    /// Not a document of that kind, or one that breaks a rule of its own.
    #[error("{what} cannot be read: {why}")]
    Unreadable {
        /// What it should be.
        what: Paper,
        /// What is wrong with it.
        why: DocumentError,
    },
    /// A document that one key signs carries no signature, or several.
    #[error("{what} carries {found} signatures instead of one: sign it again")]
    SignatureCount {
        /// What it is.
        what: Paper,
        /// How many it carries.
        found: usize,
    },
    /// It belongs to another pool.
    #[error("{what} belongs to the pool {found:?} and this is {expected:?}: check which pool file is used")]
    OtherPool {
        /// What it is.
        what: Paper,
        /// The pool that it names.
        found: String,
        /// The pool of this root.
        expected: String,
    },
    /// Too few distinct root keys have signed.
    #[error("{what} is signed by {have} of the root's keys and needs {need}: have more key holders sign it")]
    TooFewRootKeys {
        /// Root or policy.
        what: Paper,
        /// Distinct keys of the root whose signature holds.
        have: usize,
        /// The root's threshold.
        need: u32,
    },
    /// Its time is over.
    #[error("{what} expired {} ago: renew it, unless this machine's clock is wrong", span(*ago))]
    Expired {
        /// What it is.
        what: Paper,
        /// For how long.
        ago: Duration,
    },
    /// It was made later than this machine's clock says it is now.
    #[error(
        "{what} is not valid yet: it begins in {}; this machine's clock is slow, or that of who signed it fast",
        span(*ahead)
    )]
    FromTheFuture {
        /// What it is.
        what: Paper,
        /// By how much.
        ahead: Duration,
    },
    /// It would be good for longer than is allowed.
    #[error("{what} lives for {}, longer than the {} that are allowed: sign it for less", span(*life), span(*longest))]
    LivesTooLong {
        /// What it is.
        what: Paper,
        /// From its making to its end.
        life: Duration,
        /// What is allowed.
        longest: Duration,
    },
    /// No publisher of the policy made the signature.
    #[error(
        "no publisher of the policy signed the manifest: sign it with a publisher's key, or add that key to the policy"
    )]
    NotAPublisher,
    /// Its signer may not publish under its key.
    #[error(
        "the publisher {publisher:?} may not publish {key}: no pattern that the policy grants it covers that key"
    )]
    KeyNotCovered {
        /// Its name in the policy.
        publisher: String,
        /// The manifest's key.
        key: Key,
    },
    /// Its signer was no longer a publisher.
    #[error(
        "the publisher {publisher:?} had expired {} before, retired or not renewed: sign with a key that publishes still, unless the clock of the seeds was wrong",
        span(*ago)
    )]
    PublisherExpired {
        /// Its name in the policy.
        publisher: String,
        /// How long before the manifest is judged.
        ago: Duration,
    },
    /// A root does not follow the one before it.
    #[error("root {found} does not follow root {have}, which is the last known: get the roots between them")]
    RootSkipped {
        /// Version of the last root that holds.
        have: u64,
        /// Version of the one after it.
        found: u64,
    },
    /// Too few keys of the root before have signed a root.
    #[error(
        "root {version} is signed by {have} keys of the root before it and needs {need}: have more key holders sign it"
    )]
    TooFewFormerRootKeys {
        /// Its version.
        version: u64,
        /// Distinct keys of the root before whose signature holds.
        have: usize,
        /// That root's threshold.
        need: u32,
    },
    /// A policy is older than the one that is known.
    #[error(
        "policy {found} is older than policy {have}, which is known: somebody replays it, or was rolled back"
    )]
    PolicyRolledBack {
        /// Version of the one that is known.
        have: u64,
        /// Version of the other.
        found: u64,
    },
    /// There are two policies of one version.
    #[error("there are two different policies {version}: sign the one that is meant under a higher version")]
    PolicyForked {
        /// Their version.
        version: u64,
    },
    /// A policy changes more seeds than quorums can follow.
    #[error(
        "policy {version} changes {changed} seeds where {allowed} may change: change one with each version, and wait until the seeds hold it"
    )]
    TooManySeedsChanged {
        /// Its version.
        version: u64,
        /// Seeds that were added, removed or replaced since the policy that is known.
        changed: u64,
        /// How many versions it is after that.
        allowed: u64,
    },
    /// No issuer of the policy signed the grant.
    #[error(
        "no issuer of the policy signed the grant: issue it with an issuer's key, or add that key to the policy"
    )]
    GrantNotIssued,
    /// Its issuer may not give it.
    #[error(
        "the grant {serial:?} is for {pattern}, which no pattern of its issuer contains: issue it for less"
    )]
    GrantTooWide {
        /// Which.
        serial: String,
        /// The pattern that is too wide.
        pattern: Pattern,
    },
    /// The seeds took the manifest when its grant was over.
    #[error(
        "the grant {serial:?} had expired {} before the seeds took the manifest: publish within a grant's life; if that was so, the clock of its issuer or of the seeds is wrong",
        span(*ago)
    )]
    GrantExpired {
        /// Which.
        serial: String,
        /// How long before the manifest is judged.
        ago: Duration,
    },
    /// Another key than the grant's made the manifest's signature.
    #[error("the manifest is not signed by the key of its grant {serial:?}: sign it with that key")]
    NotTheGrantsKey {
        /// Which.
        serial: String,
    },
    /// The grant is for other keys.
    #[error("the grant {serial:?} does not cover {key}: issue one whose pattern does")]
    GrantForOtherPattern {
        /// Which.
        serial: String,
        /// The manifest's key.
        key: Key,
    },
    /// More bytes than the grant allows.
    #[error(
        "{bytes} bytes are more than the {most} that the grant {serial:?} allows: save less, or issue it for more"
    )]
    GrantOverBudget {
        /// Which.
        serial: String,
        /// What its manifests stand for.
        bytes: u64,
        /// What they may.
        most: u64,
    },
    /// More manifests than the grant allows.
    #[error("the grant {serial:?} has been used for the {most} manifests that it allows: issue another")]
    GrantUsedUp {
        /// Which.
        serial: String,
        /// How many it allows.
        most: u32,
    },
    /// More is published under live grants than a seed counts.
    #[error(
        "{most} manifests of live grants are counted, as many as a seed can: try again when some have expired"
    )]
    TooManyGrantUses {
        /// How many.
        most: usize,
    },
    /// The manifest says that it comes from elsewhere than its grant says.
    #[error("{field} is {found:?} in the manifest and {granted:?} in its grant: state what the grant states")]
    ProvenanceDiffers {
        /// Which field.
        field: &'static str,
        /// What the grant states.
        granted: String,
        /// What the manifest states.
        found: String,
    },
    /// No yank key of the policy signed the yank.
    #[error("no yank key of the policy signed the yank: sign it with one")]
    NotAYankKey,
    /// The yank is over, and so is all that it was for.
    #[error("the yank lapsed {} ago: nothing that it takes back can be alive, unless this machine's clock is wrong", span(*ago))]
    Lapsed {
        /// For how long.
        ago: Duration,
    },
    /// It was taken back.
    #[error("the manifest {} was taken back by the yank {yank:?}: {reason}", manifest.short())]
    Yanked {
        /// Which.
        manifest: ManifestId,
        /// The yank's serial.
        yank: String,
        /// The yank's.
        reason: String,
    },
    /// It was made from something that was taken back with all its descendants.
    #[error("the manifest {} was made from {}, which was taken back with all that was made of it by the yank {yank:?}: {reason}", manifest.short(), ancestor.short())]
    AncestorYanked {
        /// Which.
        manifest: ManifestId,
        /// What it was made from.
        ancestor: ManifestId,
        /// The yank's serial.
        yank: String,
        /// The yank's.
        reason: String,
    },
    /// Something newer of that key is known to exist.
    #[error(
        "{key} was at sequence {lowest} when this node was started, and this is {sequence}: somebody answers with what is old"
    )]
    BelowLaunchFloor {
        /// The key.
        key: Key,
        /// The manifest's sequence.
        sequence: u64,
        /// The lowest that may be believed.
        lowest: u64,
    },
    /// Something newer of that lineage is known to exist.
    #[error("the manifest was published {} before the earliest that this node was told to believe of {lineage}", span(*before))]
    BeforeLaunchFloor {
        /// The lineage.
        lineage: Lineage,
        /// By how much.
        before: Duration,
    },
    /// The policy lets no token admit.
    #[error("the policy is strict: tokens admit nobody, an admission key must sign this peer's membership")]
    StrictAdmission,
    /// Each was made from the one before, too often.
    #[error(
        "the manifest is of generation {generation} and the policy allows {most}: save from a cold start"
    )]
    TooManyGenerations {
        /// The manifest's.
        generation: u32,
        /// The policy's.
        most: u32,
    },
    /// A seed's word is not that of a seed.
    #[error("{peer} is no seed of the policy")]
    NotASeed {
        /// Who it is.
        peer: PeerId,
    },
    /// A seed is named, and did not sign.
    #[error("{what} is not signed by the seed {seed} that it names")]
    NotSignedBySeed {
        /// What it is.
        what: Paper,
        /// The seed that it names.
        seed: PeerId,
    },
    /// More receipts than there can be seeds.
    #[error("the certificate has {found} receipts, more than a pool can have seeds")]
    TooManyReceipts {
        /// How many.
        found: usize,
    },
    /// It does not count, because too few seeds hold it.
    #[error("the manifest has good receipts of {have} seeds and needs {need}: its publish has not finished")]
    NotCertified {
        /// Distinct seeds of the policy whose receipts are for it.
        have: usize,
        /// The policy's `write`.
        need: u32,
    },
    /// The answer is another seed's.
    #[error("the answer is that of {found}, and {asked} was asked")]
    OtherSeed {
        /// Who was asked.
        asked: PeerId,
        /// Whom the answer names.
        found: PeerId,
    },
    /// The answer is to an older question, or another reader's.
    #[error("the answer repeats another nonce: it was given before, or to somebody else")]
    OtherNonce,
    /// The answer is to another question.
    #[error("the answer is to another question")]
    OtherQuery,
    /// More manifests than an answer may name.
    #[error("the answer comes with {found} manifests, more than it may name")]
    TooManyCandidates {
        /// How many came beside it.
        found: usize,
    },
    /// The answer names a manifest that did not come with it.
    #[error("the answer names the manifest {} and comes without it", manifest.short())]
    CandidateMissing {
        /// Which.
        manifest: ManifestId,
    },
    /// The answer says of a manifest what the manifest does not say.
    #[error("the manifest {} has another key or sequence than the answer says", manifest.short())]
    CandidateDiffers {
        /// Which.
        manifest: ManifestId,
    },
    /// The relayed answer is about something else.
    #[error("the relayed answer is about {lineage}, which was not asked for")]
    OtherLineage {
        /// What it is about.
        lineage: Lineage,
    },
    /// The relayed answer says what was newest too long ago.
    #[error(
        "the relayed answer is {} old, and the policy allows {}: a seed must be asked, unless this machine's clock is wrong",
        span(*age), span(*longest)
    )]
    TooOld {
        /// Since a seed signed it.
        age: Duration,
        /// The policy's.
        longest: Duration,
    },
    /// Neither an admission key nor a seed made the signature.
    #[error("{what} is signed by nobody who may admit: get the pool's present one from its operator")]
    NotAdmitted {
        /// Token or membership.
        what: Paper,
    },
    /// The membership is somebody else's.
    #[error("the membership is that of {named}, and {shown} shows it")]
    OtherPeer {
        /// Whose it is.
        named: PeerId,
        /// Who shows it.
        shown: PeerId,
    },
    /// The membership is for another address.
    #[error("the membership is for {named}, and the peer is at {seen}: it must join again from there")]
    OtherAddress {
        /// What it was given for.
        named: IpAddr,
        /// Where the peer is.
        seen: IpAddr,
    },
}

/// A time span in the largest unit that it has two of, for people.
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_in_the_largest_unit_they_have_two_of() {
        let texts =
            [0, 119, 120, 7_199, 7_200, 172_799, 172_800, u64::MAX].map(|s| span(Duration::from_secs(s)));
        assert_eq!(texts[..4], ["0 s", "119 s", "2 min", "119 min"]);
        assert_eq!(texts[4..7], ["2 h", "47 h", "2 days"]);
    }

    #[test]
    fn a_message_tells_by_how_much_and_what_to_do() {
        let expired = Disbelief::Expired { what: Paper::Root, ago: Duration::from_secs(3 * 3_600) };
        let text = "the root expired 3 h ago: renew it, unless this machine's clock is wrong";
        assert_eq!(expired.to_string(), text);
        let early = Disbelief::FromTheFuture { what: Paper::Root, ahead: Duration::from_secs(3 * 3_600) };
        let text = "the root is not valid yet: it begins in 3 h; this machine's clock is slow, or that of who signed it fast";
        assert_eq!(early.to_string(), text);
    }

    /// Whatever is refused for the time says by how much, and that a clock may be wrong.
    #[test]
    fn what_is_refused_for_the_time_hints_at_the_clock() {
        let (ago, what) = (Duration::from_secs(3 * 3_600), Paper::Manifest);
        let name = || "gate".to_owned();
        for why in [
            Disbelief::Expired { what, ago },
            Disbelief::FromTheFuture { what, ahead: ago },
            Disbelief::PublisherExpired { publisher: name(), ago },
            Disbelief::GrantExpired { serial: name(), ago },
            Disbelief::Lapsed { ago },
            Disbelief::TooOld { age: ago, longest: Duration::from_secs(600) },
        ] {
            let words = why.to_string();
            assert!(words.contains("3 h") && words.contains("clock"), "{words}");
        }
    }
}
