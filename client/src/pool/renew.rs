//! Lets a policy live longer.

use pollux_core::{Policy, Timestamp};

/// The policy with another end. Publishers that would have ended with the old policy go along; those that were meant to
/// end at another time keep it.
#[must_use]
pub fn renew(before: &Policy, expires: Timestamp) -> Policy {
    let mut policy = Policy { expires, ..before.clone() };
    for publisher in policy.publishers.iter_mut().filter(|publisher| publisher.expires == before.expires) {
        publisher.expires = expires;
    }
    policy
}
