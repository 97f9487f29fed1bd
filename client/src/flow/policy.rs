//! What the policy says of a save, asked before any work is done for it.
//!
//! The node's word is believed only so far as that the save ends early: whether a manifest counts is judged by the node
//! and by the seeds, once it is signed.

use super::outcome::SaveError;
use super::papers::papers;
use super::save::{SaveRequest, Signer};
use crate::connection::{Connection, ConnectionError};
use crate::protocol::PublishEnd;
use pollux_core::limits::CLOCK_SKEW_MAX;
use pollux_core::{Disbelief, Key, Pattern, Policy, PublicKey, Timestamp};
use std::time::Duration;

/// The policy that the node goes by; none where a node of an older release does not tell.
pub(super) fn policy(connection: &Connection, patience: Duration) -> Result<Option<Policy>, ConnectionError> {
    match papers(connection, patience) {
        Ok((papers, _)) => Ok(papers.policy.and_then(|policy| policy.body::<Policy>().ok())),
        Err(ConnectionError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the policy would let this be published: its signer, its key, its life.
pub(super) fn check(policy: &Policy, request: &SaveRequest, now: Timestamp) -> Result<(), SaveError> {
    let refused = |why: String| SaveError::Publish(PublishEnd::NotBelieved(why));
    let life = Duration::from_secs(policy.manifest_life_max);
    if request.life > life.saturating_add(CLOCK_SKEW_MAX) {
        return Err(refused(format!(
            "it would be good for {} days, and the policy allows {} days",
            days(request.life),
            days(life)
        )));
    }
    match &request.signer {
        Signer::Key(pair) => check_signer(policy, (&pair.public(), &request.key), now).map_err(refused),
        Signer::Elsewhere => check_covered(policy, &request.key).map_err(refused),
    }
}

/// Whoever has the key may publish this now.
fn check_signer(policy: &Policy, (signer, key): (&PublicKey, &Key), now: Timestamp) -> Result<(), String> {
    let entry = || policy.publishers.iter().filter(|publisher| publisher.key == *signer);
    let Some(named) = entry().max_by_key(|publisher| publisher.expires) else {
        return Err(format!("the key {signer} is no publisher's: {}", Disbelief::NotAPublisher));
    };
    let Some(publisher) = entry().find(|publisher| covers(&publisher.patterns, key)) else {
        let publisher = named.name.clone();
        return Err(Disbelief::KeyNotCovered { publisher, key: key.clone() }.to_string());
    };
    if now < publisher.expires {
        return Ok(());
    }
    Err(format!(
        "the publisher {:?} ended at {}, retired or not renewed: sign with a key that the policy lets publish",
        publisher.name, publisher.expires
    ))
}

/// Somebody may publish this: who it will be is not known here.
fn check_covered(policy: &Policy, key: &Key) -> Result<(), String> {
    let publishers = policy.publishers.iter().map(|publisher| &publisher.patterns);
    let issuers = policy.issuers.iter().map(|issuer| &issuer.patterns);
    if publishers.chain(issuers).any(|patterns| covers(patterns, key)) {
        return Ok(());
    }
    Err(format!("nobody may publish {key}: no pattern of the policy covers that key"))
}

fn covers(patterns: &[Pattern], key: &Key) -> bool {
    patterns.iter().any(|pattern| pattern.covers(key))
}

const fn days(life: Duration) -> u64 {
    life.as_secs() / 86_400
}
