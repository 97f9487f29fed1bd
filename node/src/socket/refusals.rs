//! What the log says of saves that are refused here: the job may tell nobody.

use super::limits::{REFUSALS_LOGGED_MAX, REFUSALS_LOGGED_WITHIN, WHY_BYTES_MAX};
use super::questions::within;
use pollux_client::printable::printable;
use pollux_core::engine::PublishFailure;
use pollux_core::{Envelope, Key, Manifest, ManifestId};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// What a job asks to publish, as far as its manifest can be read. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Publishing {
    manifest: ManifestId,
    /// Its key and sequence.
    place: Option<(Key, u64)>,
}

impl Publishing {
    /// What is in this envelope.
    pub(super) fn read(envelope: &Envelope) -> Self {
        let manifest = envelope.body::<Manifest>().ok();
        Self { manifest: envelope.id(), place: manifest.map(|manifest| (manifest.key, manifest.sequence)) }
    }
}

/// The log's bound for refused saves of all jobs: whoever has them refused for ever fills no disk. Cheap to clone; all share
/// one count.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    window: Arc<Mutex<Option<Window>>>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    /// Those of it, logged or not.
    count: u64,
}

impl Refusals {
    /// A save was refused, unless it only was not the fastest.
    pub(super) fn note(&self, what: Option<Publishing>, why: &PublishFailure) {
        let Some(Publishing { manifest, place }) = what.filter(|_| is_refusal(why)) else { return };
        let (logs, left_out) = self.count(Instant::now());
        if left_out > 0 {
            tracing::warn!(left_out, "more saves were refused than are logged");
        }
        if !logs {
            return;
        }
        let reason = printable(&within(words(why), WHY_BYTES_MAX));
        match place {
            Some((key, sequence)) => {
                tracing::warn!(%key, sequence, %manifest, %reason, "a save of a job here is refused");
            }
            None => tracing::warn!(%manifest, %reason, "a save of a job here is refused"),
        }
    }

    /// Whether one more is logged; and, where it is the first in a while, how many were not.
    fn count(&self, now: Instant) -> (bool, u64) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let over = window.as_ref().is_none_or(|window| now - window.began >= REFUSALS_LOGGED_WITHIN);
        if over {
            let before = window.replace(Window { began: now, count: 1 });
            return (true, before.map_or(0, |before| before.count.saturating_sub(REFUSALS_LOGGED_MAX)));
        }
        let count = window.as_mut().map_or(0, |window| {
            window.count = window.count.saturating_add(1);
            window.count
        });
        (count <= REFUSALS_LOGGED_MAX, 0)
    }
}

/// A lost race is nobody's fault.
const fn is_refusal(why: &PublishFailure) -> bool {
    !matches!(why, PublishFailure::LostRace { .. })
}

fn words(why: &PublishFailure) -> String {
    super::writer::publish_end(why.clone()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn so_many_are_logged_and_the_others_counted() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        for _ in 0..REFUSALS_LOGGED_MAX {
            assert_eq!(refusals.count(start), (true, 0));
        }
        let later = start + REFUSALS_LOGGED_WITHIN - Duration::from_millis(1);
        assert_eq!(refusals.count(start), (false, 0));
        assert_eq!(refusals.count(later), (false, 0));
        let next = start + REFUSALS_LOGGED_WITHIN;
        assert_eq!(refusals.count(next), (true, 2));
        assert_eq!(refusals.count(next), (true, 0), "said once");
    }
}
