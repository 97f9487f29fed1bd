//! Says in the log what of the pool ends soon: when the node starts, and every day.

use crate::clock::Clock;
use crate::driver::DriverHandle;
use pollux_client::ends::{ends, warning};
use pollux_core::{Envelope, Trust};
use std::time::Duration;

/// Between two looks: whoever reads the log once a day sees it.
const LOOK_EVERY: Duration = Duration::from_secs(86_400);

/// Looks at what the node goes by, and at its join token.
#[derive(Debug)]
pub(crate) struct Ends {
    driver: DriverHandle,
    clock: Clock,
    token: Option<Envelope>,
}

impl Ends {
    /// For this join token of the pool file.
    pub(crate) const fn new(driver: DriverHandle, clock: Clock, token: Option<Envelope>) -> Self {
        Self { driver, clock, token }
    }

    /// Goes on until the driver stops. Dropping the future is harmless.
    pub(crate) async fn run(self) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            let Ok(trust) = self.driver.trust().await else { return };
            for words in self.warnings(&trust) {
                tracing::warn!(what = %words, "something ends soon, or has ended");
            }
        }
    }

    fn warnings(&self, trust: &Trust) -> Vec<String> {
        let now = self.clock.wall();
        let all = ends(trust, self.token.as_ref(), now);
        all.iter().filter_map(|end| warning(end, now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{DriverEvent, TrustQuestion};
    use pollux_client::pool::{self, InitRequest};
    use pollux_core::PoolFile;
    use std::sync::Arc;

    /// What a node of a pool that was made so many days ago warns of; and the pool's trust.
    fn warned(days: u64) -> (Ends, tokio::sync::mpsc::Receiver<DriverEvent>, Trust) {
        let directory = tempfile::tempdir().unwrap();
        let now = pollux_client::clock::now();
        let request = InitRequest::new(directory.path().join("pool"), vec!["127.0.0.1:1".to_owned()], now);
        pool::init(&request).unwrap();
        let file =
            PoolFile::from_json(&std::fs::read_to_string(request.directory.join("pool.json")).unwrap());
        let file = file.unwrap();
        let trust = Trust::open(&file, now).unwrap();
        let (driver, events) = DriverHandle::new();
        let clock = Clock::new(i64::try_from(days * 86_400).unwrap());
        (Ends::new(driver, clock, Some(file.token)), events, trust)
    }

    #[test]
    fn a_token_is_warned_of_a_month_before_it_ends() {
        let (ends, _, trust) = warned(149);
        assert_eq!(ends.warnings(&trust), Vec::<String>::new());
        let (ends, _, trust) = warned(151);
        let words = ends.warnings(&trust);
        assert!(
            matches!(&words[..], [one] if one.contains("join token") && one.contains("28 days")),
            "{words:?}"
        );
        let (ends, _, trust) = warned(181);
        assert!(ends.warnings(&trust)[0].contains("expired"));
    }

    fn answered(asked: Option<DriverEvent>, trust: &Trust) -> bool {
        let Some(DriverEvent::Trust(TrustQuestion(answer))) = asked else { return false };
        answer.send(Arc::new(trust.clone())).is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn it_looks_at_the_start_and_every_day() {
        let (ends, mut events, trust) = warned(151);
        let watching = tokio::spawn(ends.run());
        let began = tokio::time::Instant::now();
        for day in 0..3 {
            let asked = events.recv().await;
            assert_eq!(began.elapsed(), LOOK_EVERY * day);
            assert!(answered(asked, &trust));
        }
        drop(events);
        tokio::time::advance(LOOK_EVERY).await;
        watching.await.unwrap();
    }
}
