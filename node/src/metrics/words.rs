//! The values of labels, each list closed: what is not there yet counts as zero, so that a rate has where to begin.

use super::counters::Class;
use pollux_core::engine::{FetchEnd, MissReason, PublishFailure, Source};
use pollux_core::message::{OfferRefusal, Refusal};

/// Results of publishes.
pub(super) const PUBLISHED: &str = "published";
/// All of [`publish_failure`], and success.
pub(super) const PUBLISH_RESULTS: [&str; 8] =
    [PUBLISHED, "not-believed", "incomplete", "bad-tree", "lost-race", "refused", "seeds-silent", "timeout"];
/// All of [`source`].
pub(super) const SOURCES: [&str; 3] = ["store", "peer", "seed"];
/// All of [`class`].
pub(super) const CLASSES: [&str; 2] = ["node", "seed"];
/// All of [`miss`].
pub(super) const MISSES: [&str; 7] =
    ["nothing-saved", "seeds-silent", "not-joined", "not-believed", "no-holder", "too-slow", "yanked"];
/// All of [`fetch_end`].
pub(super) const FETCH_ENDS: [&str; 4] = ["no-holder", "no-progress", "unknown-manifest", "yanked"];
/// All of [`offer_refusal`].
pub(super) const OFFER_REFUSALS: [&str; 9] = [
    "not-believed",
    "conflict",
    "sequence-too-far",
    "cannot-pull",
    "full",
    "bad-tree",
    "busy",
    "grant-over-budget",
    "share-full",
];
/// Why somebody is not let in.
pub(super) const REFUSALS: [Refusal; 7] = [
    Refusal::BadToken,
    Refusal::TokenExpired,
    Refusal::OtherPool,
    Refusal::AddressFull,
    Refusal::NotASeed,
    Refusal::Full,
    Refusal::NotByToken,
];

pub(super) const fn miss(why: MissReason) -> &'static str {
    match why {
        MissReason::NothingSaved => "nothing-saved",
        MissReason::SeedsSilent => "seeds-silent",
        MissReason::NotJoined => "not-joined",
        MissReason::NotBelieved => "not-believed",
        MissReason::NoHolder => "no-holder",
        MissReason::TooSlow => "too-slow",
        MissReason::Yanked => "yanked",
    }
}

pub(super) const fn fetch_end(why: FetchEnd) -> &'static str {
    match why {
        FetchEnd::NoHolder => "no-holder",
        FetchEnd::NoProgress => "no-progress",
        FetchEnd::UnknownManifest => "unknown-manifest",
        FetchEnd::Yanked => "yanked",
    }
}

pub(super) const fn publish_failure(why: &PublishFailure) -> &'static str {
    match why {
        PublishFailure::NotBelieved(_) => "not-believed",
        PublishFailure::Incomplete { .. } => "incomplete",
        PublishFailure::BadTree => "bad-tree",
        PublishFailure::LostRace { .. } => "lost-race",
        PublishFailure::Refused(_) => "refused",
        PublishFailure::SeedsSilent => "seeds-silent",
        PublishFailure::Timeout => "timeout",
    }
}

pub(super) const fn offer_refusal(why: OfferRefusal) -> &'static str {
    match why {
        OfferRefusal::NotBelieved => "not-believed",
        OfferRefusal::Conflict => "conflict",
        OfferRefusal::SequenceTooFar => "sequence-too-far",
        OfferRefusal::CannotPull => "cannot-pull",
        OfferRefusal::Full => "full",
        OfferRefusal::BadTree => "bad-tree",
        OfferRefusal::Busy => "busy",
        OfferRefusal::GrantOverBudget => "grant-over-budget",
        OfferRefusal::ShareFull => "share-full",
    }
}

pub(super) const fn source(source: Source) -> &'static str {
    match source {
        Source::Local => "store",
        Source::Peer => "peer",
        Source::Seed => "seed",
    }
}

pub(super) const fn class(class: Class) -> &'static str {
    match class {
        Class::Node => "node",
        Class::Seed => "seed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_its_list() {
        use MissReason as M;
        let misses = [
            M::NothingSaved,
            M::SeedsSilent,
            M::NotJoined,
            M::NotBelieved,
            M::NoHolder,
            M::TooSlow,
            M::Yanked,
        ];
        assert_eq!(misses.map(miss), MISSES);
        let ends = [FetchEnd::NoHolder, FetchEnd::NoProgress, FetchEnd::UnknownManifest, FetchEnd::Yanked];
        assert_eq!(ends.map(fetch_end), FETCH_ENDS);
        assert_eq!([Source::Local, Source::Peer, Source::Seed].map(source), SOURCES);
        assert_eq!([Class::Node, Class::Seed].map(class), CLASSES);
        use OfferRefusal as O;
        let offers = [
            O::NotBelieved,
            O::Conflict,
            O::SequenceTooFar,
            O::CannotPull,
            O::Full,
            O::BadTree,
            O::Busy,
            O::GrantOverBudget,
            O::ShareFull,
        ];
        assert_eq!(offers.map(offer_refusal), OFFER_REFUSALS);
        let failures = [
            PublishFailure::Incomplete { missing: 1 },
            PublishFailure::BadTree,
            PublishFailure::LostRace { standing: None, highest: 1 },
            PublishFailure::Refused(O::Busy),
            PublishFailure::SeedsSilent,
            PublishFailure::Timeout,
        ];
        for failure in &failures {
            assert!(PUBLISH_RESULTS.contains(&publish_failure(failure)), "{failure:?}");
        }
    }

    /// Scripts see the same words for one thing, wherever they look.
    #[test]
    fn reasons_are_those_of_the_wire_and_the_log() {
        for why in [MissReason::NothingSaved, MissReason::TooSlow] {
            assert_eq!(serde_json::to_value(why).unwrap(), miss(why));
        }
        for why in [OfferRefusal::SequenceTooFar, OfferRefusal::GrantOverBudget] {
            assert_eq!(serde_json::to_value(why).unwrap(), offer_refusal(why));
        }
    }
}
