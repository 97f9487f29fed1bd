//! Adds and removes issuers of grants.

use super::check::EditError;
use pollux_core::{Document, Issuer, Policy, PublicKey};

/// The policy with one more issuer.
///
/// # Errors
/// A key that is there already, or an issuer that breaks a rule.
pub fn add_issuer(before: &Policy, new: Issuer) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    if policy.issuers.iter().any(|old| old.key == new.key) {
        return Err(EditError::IssuerThere(new.key));
    }
    policy.issuers.push(new);
    policy.check()?;
    Ok(policy)
}

/// The policy without an issuer. What was published under its grants is believed no more: an issuer has no
/// end that receipts could be held against.
///
/// # Errors
/// No such issuer.
pub fn remove_issuer(before: &Policy, key: &PublicKey) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    policy.issuers.retain(|issuer| issuer.key != *key);
    if policy.issuers.len() == before.issuers.len() { Err(EditError::NoSuchIssuer(*key)) } else { Ok(policy) }
}
