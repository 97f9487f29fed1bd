//! Seeds that cannot be dialled, for the log: each reason once in a while, however often a job asks.

use pollux_core::PeerId;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Between two lines of one seed and reason.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// What was said lately.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// At most one for each seed of the policies of the last minute.
    said: BTreeMap<PeerId, (String, Instant)>,
}

impl Missed {
    /// Whether this is news.
    pub(super) fn is_news(&mut self, seed: PeerId, why: &str, now: Instant) -> bool {
        self.said.retain(|_, (_, at)| now.saturating_duration_since(*at) < SAID_EVERY);
        if self.said.get(&seed).is_some_and(|(said, _)| said == why) {
            return false;
        }
        self.said.insert(seed, (why.to_owned(), now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::KeyPair;

    #[test]
    fn a_seed_that_stays_away_is_told_of_once_a_minute() {
        let seed = |number| PeerId::new(KeyPair::from_seed([number; 32]).public());
        let (mut missed, now) = (Missed::default(), Instant::now());
        assert!(missed.is_news(seed(1), "refused", now));
        assert!(!missed.is_news(seed(1), "refused", now + SAID_EVERY / 2));
        assert!(missed.is_news(seed(2), "refused", now), "another seed");
        assert!(missed.is_news(seed(1), "another identity", now), "another reason");
        assert!(missed.is_news(seed(1), "another identity", now + SAID_EVERY));
        missed.is_news(seed(3), "refused", now + SAID_EVERY * 3);
        assert_eq!(missed.said.len(), 1, "nothing is kept for ever");
    }
}
