//! Adds and removes publishers.

use super::check::EditError;
use pollux_core::{Document, Policy, PublicKey, Publisher};

/// The policy with one more publisher.
///
/// # Errors
/// A name or key that is there already, or a publisher that breaks a rule.
pub fn add_publisher(before: &Policy, new: Publisher) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    let taken = |old: &&Publisher| old.name == new.name || old.key == new.key;
    if let Some(Publisher { name, key, .. }) = policy.publishers.iter().find(taken) {
        return Err(EditError::PublisherThere { name: name.clone(), key: *key });
    }
    policy.publishers.push(new);
    policy.check()?;
    Ok(policy)
}

/// The policy without a publisher, by its name or key. What it published stays.
///
/// # Errors
/// No such publisher.
pub fn remove_publisher(before: &Policy, name: &str) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    let key = name.parse::<PublicKey>().ok();
    policy.publishers.retain(|publisher| publisher.name != name && Some(publisher.key) != key);
    if policy.publishers.len() == before.publishers.len() {
        return Err(EditError::NoSuchPublisher(name.escape_debug().to_string()));
    }
    Ok(policy)
}
