//! The values of labels, each list closed: what is not there yet counts as zero, so that a rate has where to begin.

use super::counters::Class;
use pollux_core::engine::{FetchEnd, PublishFailure, Source};
use pollux_core::message::Refusal;
use pollux_core::numbered::UNKNOWN;

/// Results of publishes.
pub(super) const PUBLISHED: &str = "published";
/// All of [`publish_failure`], and success.
pub(super) const PUBLISH_RESULTS: [&str; 8] =
    [PUBLISHED, "not-believed", "incomplete", "bad-tree", "lost-race", "refused", "seeds-silent", "timeout"];
/// All of [`source`].
pub(super) const SOURCES: [&str; 3] = ["store", "peer", "seed"];
/// All of [`class`].
pub(super) const CLASSES: [&str; 2] = ["node", "seed"];
/// Of what was evicted, by its reason: [`super::Pressure`] in its order.
pub(super) const PRESSURES: [&str; 2] = ["disk-short", "store-full"];
/// How sweeps ended.
pub(super) const SWEEP_RESULTS: [&str; 2] = ["swept", "failed"];
/// All of [`fetch_end`].
pub(super) const FETCH_ENDS: [&str; 4] = ["no-holder", "no-progress", "unknown-manifest", "yanked"];

/// Why seeds let this node not in: those of a later release have one name.
pub(super) fn join_refusals() -> Vec<&'static str> {
    Refusal::ALL.map(Refusal::name).into_iter().chain([UNKNOWN]).collect()
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
    use pollux_core::message::OfferRefusal;

    #[test]
    fn every_value_is_in_its_list() {
        let ends = [FetchEnd::NoHolder, FetchEnd::NoProgress, FetchEnd::UnknownManifest, FetchEnd::Yanked];
        assert_eq!(ends.map(fetch_end), FETCH_ENDS);
        assert_eq!([Source::Local, Source::Peer, Source::Seed].map(source), SOURCES);
        assert_eq!([Class::Node, Class::Seed].map(class), CLASSES);
        let failures = [
            PublishFailure::Incomplete { missing: 1 },
            PublishFailure::BadTree,
            PublishFailure::LostRace { standing: None, highest: 1 },
            PublishFailure::Refused(OfferRefusal::Busy),
            PublishFailure::SeedsSilent,
            PublishFailure::Timeout,
        ];
        assert!(join_refusals().contains(&Refusal::Unknown(17).name()));
        for failure in &failures {
            assert!(PUBLISH_RESULTS.contains(&publish_failure(failure)), "{failure:?}");
        }
    }
}
