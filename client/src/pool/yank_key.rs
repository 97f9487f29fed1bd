//! Adds and removes keys that take back what was published.

use super::check::EditError;
use pollux_core::{Document, Policy, PublicKey};

/// The policy with one more yank key.
///
/// # Errors
/// A key that is there already, or too many.
pub fn add_yank_key(before: &Policy, key: PublicKey) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    if policy.yank.contains(&key) {
        return Err(EditError::YankKeyThere(key));
    }
    policy.yank.push(key);
    policy.check()?;
    Ok(policy)
}

/// The policy without a yank key. What it took back is believed again.
///
/// # Errors
/// No such key.
pub fn remove_yank_key(before: &Policy, key: &PublicKey) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    policy.yank.retain(|old| old != key);
    if policy.yank.len() == before.yank.len() { Err(EditError::NoSuchYankKey(*key)) } else { Ok(policy) }
}
