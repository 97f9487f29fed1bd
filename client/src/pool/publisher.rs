//! Adds, retires and forgets publishers.
//!
//! A publisher is judged at the time of the receipts, against its end. So one that ends keeps its entry: what it
//! published before is believed as long as that entry is there.

use super::check::EditError;
use pollux_core::limits::CLOCK_SKEW_MAX;
use pollux_core::{Document, Pattern, Policy, PublicKey, Publisher, Timestamp};
use std::time::Duration;

/// The policy with one more publisher. A key that has been retired gets another life; the name of one that has been may
/// be given again.
///
/// # Errors
/// A name or key of one that still publishes, or a publisher that breaks a rule.
pub fn add_publisher(before: &Policy, new: Publisher, now: Timestamp) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    let taken = |old: &&Publisher| old.expires > now && (old.name == new.name || old.key == new.key);
    if let Some(Publisher { name, key, .. }) = policy.publishers.iter().find(taken) {
        return Err(EditError::PublisherThere { name: name.clone(), key: *key });
    }
    policy.publishers.retain(|old| old.key != new.key);
    policy.publishers.push(new);
    policy.check()?;
    Ok(policy)
}

/// What changes of a publisher that publishes already; what is left out stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublisherChange {
    /// The keys that it may publish; empty: as before.
    pub patterns: Vec<Pattern>,
    /// Bytes that its caches may take on each seed.
    pub byte_share: Option<u64>,
    /// The pipelines that it signs for; empty: as before.
    pub pipelines: Vec<String>,
    /// When it ends.
    pub expires: Option<Timestamp>,
}

/// The policy in which a publisher, by its name and, where it is given, its key, may do other things than before. Its
/// key stays, and with it what it published.
///
/// # Errors
/// No such publisher, one that has ended, or a change that breaks a rule.
pub fn change_publisher(
    before: &Policy,
    (name, key): (&str, Option<&PublicKey>),
    change: PublisherChange,
    now: Timestamp,
) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    let is_meant = |old: &&mut Publisher| is_meant(old, name) && key.is_none_or(|key| old.key == *key);
    let mut meant: Vec<&mut Publisher> = policy.publishers.iter_mut().filter(is_meant).collect();
    let ended = meant.iter().map(|old| old.expires).max().filter(|expires| *expires <= now);
    meant.retain(|old| old.expires > now);
    let Some(publisher) = meant.into_iter().next() else {
        return Err(match ended {
            Some(at) => EditError::PublisherEnded { name: shown(name), at },
            None => EditError::NoSuchPublisher(shown(name)),
        });
    };
    change.apply(publisher);
    policy.check()?;
    Ok(policy)
}

impl PublisherChange {
    fn apply(self, publisher: &mut Publisher) {
        if !self.patterns.is_empty() {
            publisher.patterns = self.patterns;
        }
        if !self.pipelines.is_empty() {
            publisher.pipelines = self.pipelines;
        }
        publisher.byte_share = self.byte_share.or(publisher.byte_share);
        publisher.expires = self.expires.unwrap_or(publisher.expires);
    }
}

/// The policy in which a publisher, by its name or key, ends now. What it published before stays believed.
///
/// # Errors
/// No such publisher, or one that has ended already.
pub fn retire_publisher(before: &Policy, name: &str, now: Timestamp) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    let mut ended = None;
    let mut retired = false;
    for publisher in policy.publishers.iter_mut().filter(|publisher| is_meant(publisher, name)) {
        if publisher.expires > now {
            publisher.expires = now;
            retired = true;
        } else {
            ended = Some(publisher.expires);
        }
    }
    match ended {
        _ if retired => Ok(policy),
        Some(at) => Err(EditError::PublisherEnded { name: shown(name), at }),
        None => Err(EditError::NoSuchPublisher(shown(name))),
    }
}

/// The policy without a publisher, by its name or key. What it published is believed no more.
///
/// # Errors
/// No such publisher.
pub fn forget_publisher(before: &Policy, name: &str) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    policy.publishers.retain(|publisher| !is_meant(publisher, name));
    if policy.publishers.len() == before.publishers.len() {
        return Err(EditError::NoSuchPublisher(shown(name)));
    }
    Ok(policy)
}

/// The policy without those that ended so long ago that nothing of theirs can still be good.
#[must_use]
pub fn without_lapsed(mut policy: Policy, now: Timestamp) -> Policy {
    let life = policy.manifest_life_max;
    policy.publishers.retain(|publisher| !has_lapsed(publisher, life, now));
    policy
}

/// Whether all that it published has expired where manifests live for so many seconds at most. A manifest may be made a
/// little later than the receipts say that it was there.
pub(super) fn has_lapsed(publisher: &Publisher, manifest_life_max: u64, now: Timestamp) -> bool {
    let life = Duration::from_secs(manifest_life_max).saturating_add(CLOCK_SKEW_MAX);
    publisher.expires.after(life) < now
}

fn is_meant(publisher: &Publisher, name: &str) -> bool {
    publisher.name == name || name.parse::<PublicKey>().is_ok_and(|key| publisher.key == key)
}

fn shown(name: &str) -> String {
    name.escape_debug().to_string()
}
