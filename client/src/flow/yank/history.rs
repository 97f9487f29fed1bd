//! What a seed's log adds to a survey: saves that are not the newest of their key, and what was made from what.
//!
//! It is one seed's word, so nothing is signed because of it: it only says which manifests to ask for, and how many seem
//! to descend from what is taken.

use crate::flow::SeedLog;
use pollux_core::{
    Digest, Key, LogEntry, Logged, LoggedPublish, LoggedYank, ManifestId, Timestamp, Trust, Yank,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A seed may have written a publish down a little before the manifest was made: clocks differ.
const SLACK: Duration = Duration::from_secs(86_400);

/// The time from which on a log may tell of saves that are still alive.
#[must_use]
pub fn log_since(trust: &Trust, now: Timestamp) -> Timestamp {
    let longest = Duration::from_secs(trust.policy().manifest_life_max).saturating_add(SLACK);
    let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_sub(millis))
}

/// What a log says was published.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    publishes: BTreeMap<ManifestId, LoggedPublish>,
    /// The same by key, in the order of sequence.
    keys: BTreeMap<Key, BTreeSet<(u64, ManifestId)>>,
    /// Yanks that the log or the pool knows, each once.
    yanks: BTreeMap<Digest, LoggedYank>,
}

impl History {
    /// `known` are the yanks that were verified; the log's own are heard, too.
    pub(super) fn of(log: &SeedLog, trust: &Trust) -> Self {
        let mut history = Self::default();
        for yank in trust.yanks().iter() {
            history.heard(LoggedYank { id: yank.id(), yank: yank.yank().clone() });
        }
        for entry in log.lines.iter().filter_map(|line| LogEntry::from_line(line.as_str())) {
            match entry.what {
                Logged::Published(publish) => history.published(*publish),
                Logged::Yanked(yank) => history.heard(*yank),
                Logged::Refused(_) | Logged::Policy(_) | Logged::MoreRefused(_) => {}
            }
        }
        history
    }

    fn published(&mut self, publish: LoggedPublish) {
        let of_key = self.keys.entry(publish.key.clone()).or_default();
        of_key.insert((publish.sequence, publish.manifest));
        self.publishes.insert(publish.manifest, publish);
    }

    /// What was verified is heard first, and stays as it is.
    fn heard(&mut self, yank: LoggedYank) {
        self.yanks.entry(yank.id).or_insert(yank);
    }

    /// Saves of the key above a sequence that seem to be alive and that the yank does not take, newest first.
    pub(super) fn left(&self, key: &Key, above: u64, yank: &Yank, now: Timestamp) -> Vec<ManifestId> {
        let yank = logged(yank);
        let of_key = self.keys.get(key).into_iter().flatten().rev();
        let newer = of_key.take_while(|(sequence, _)| *sequence > above);
        let publishes = newer.filter_map(|(_, id)| self.publishes.get(id));
        let left = publishes.filter(|publish| yank.takes(publish).is_none() && self.lives(publish, now));
        left.map(|publish| publish.manifest).collect()
    }

    /// What the yank itself takes and living saves were made from.
    pub(super) fn sources(&self, yank: &Yank, now: Timestamp) -> BTreeSet<ManifestId> {
        let taken = self.taken(yank);
        let living = self.publishes.values().filter(|publish| self.lives(publish, now));
        living.flat_map(|publish| &publish.ancestors).filter(|id| taken.contains(id)).copied().collect()
    }

    /// What the yank itself takes.
    pub(super) fn taken(&self, yank: &Yank) -> BTreeSet<ManifestId> {
        let yank = logged(&Yank { cascade: false, ..yank.clone() });
        let taken = self.publishes.values().filter(|publish| yank.takes(publish).is_some());
        taken.map(|publish| publish.manifest).collect()
    }

    /// Living saves that were made from one of these.
    pub(super) fn made_from(&self, sources: &BTreeSet<ManifestId>, now: Timestamp) -> BTreeSet<ManifestId> {
        let descends = |publish: &&LoggedPublish| publish.ancestors.iter().any(|id| sources.contains(id));
        let made = self.publishes.values().filter(descends).filter(|publish| self.lives(publish, now));
        made.map(|publish| publish.manifest).collect()
    }

    fn lives(&self, publish: &LoggedPublish, now: Timestamp) -> bool {
        now < publish.expires && self.yanks.values().all(|yank| yank.takes(publish).is_none())
    }
}

/// A yank that nobody has heard of has no digest yet, and what it takes does not depend on it.
fn logged(yank: &Yank) -> LoggedYank {
    LoggedYank { id: Digest::from_bytes([0; 32]), yank: yank.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::testing::{NOW, Scene};
    use pollux_core::Yanked;
    use pollux_core::message::LogLine;

    fn id(digit: &str) -> ManifestId {
        digit.repeat(64).parse().unwrap()
    }

    /// A line of a save of `a/b` that lives for an hour.
    fn published(sequence: u32, own: &str, ancestors: &[&str]) -> LogLine {
        let (manifest, key, expires) = (id(own), "9".repeat(64), NOW.after(Duration::from_secs(3600)));
        let ancestors: Vec<String> = ancestors.iter().map(|own| format!("\"{}\"", id(own))).collect();
        let ancestors = ancestors.join(",");
        LogLine::new(format!(
            r#"{{"time":"{NOW}","what":"published","manifest":"{manifest}","key":"a/b","sequence":{sequence},"published":"{NOW}","created":"{NOW}","expires":"{expires}","publisher":"gate","signer":"{key}","bytes":1,"files":1,"generation":1,"ancestors":[{ancestors}],"provenance":{{}}}}"#
        ))
        .unwrap()
    }

    fn history() -> History {
        let junk = LogLine::new("{".to_owned()).unwrap();
        let lines = vec![published(3, "c", &["a"]), junk, published(1, "a", &[]), published(2, "b", &[])];
        History::of(&SeedLog { lines, ..SeedLog::default() }, Scene::new(1).pool().trust())
    }

    fn yank(own: &str, cascade: bool) -> Yank {
        let (what, text) = (Yanked::Manifest(id(own)), || "y".to_owned());
        Yank { pool: text(), serial: text(), what, reason: text(), cascade, time: NOW, manifests: Vec::new() }
    }

    #[test]
    fn what_is_left_comes_newest_first_and_alive() {
        let (history, key) = (history(), "a/b".parse().unwrap());
        assert_eq!(history.left(&key, 0, &yank("b", false), NOW), [id("c"), id("a")]);
        assert_eq!(history.left(&key, 1, &yank("c", false), NOW), [id("b")], "above a sequence only");
        assert_eq!(history.left(&key, 0, &yank("a", true), NOW), [id("b")], "descendants go along");
        let later = NOW.after(Duration::from_secs(3600));
        assert_eq!(history.left(&key, 0, &yank("b", false), later), [], "what has expired is not restored");
        assert_eq!(history.left(&"a/c".parse().unwrap(), 0, &yank("b", false), NOW), []);
    }

    #[test]
    fn sources_are_what_living_saves_were_made_from() {
        let history = history();
        assert_eq!(history.sources(&yank("a", true), NOW), BTreeSet::from([id("a")]));
        assert_eq!(history.sources(&yank("b", true), NOW), BTreeSet::new());
        assert_eq!(history.made_from(&BTreeSet::from([id("a")]), NOW), BTreeSet::from([id("c")]));
        let later = NOW.after(Duration::from_secs(3600));
        assert_eq!(history.sources(&yank("a", true), later), BTreeSet::new());
    }
}
