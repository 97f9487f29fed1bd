//! Adds and removes networks: whose addresses members dial, and how many members may share one of them.

use super::check::EditError;
use pollux_core::{Cidr, Document, Network, Policy};

/// The policy with more networks. One may lie in another: for the addresses in both, the narrower one counts.
///
/// # Errors
/// A network that is there already or named twice, one that breaks a rule, or too many.
pub fn add_networks(before: &Policy, new: &[Network]) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    for network in new {
        if names(&policy, &network.cidr) {
            return Err(EditError::NetworkThere(network.cidr));
        }
        policy.networks.push(network.clone());
    }
    policy.check()?;
    Ok(policy)
}

/// The policy without networks, also without any: then members dial the seeds only.
///
/// # Errors
/// A network that is not there, or named twice.
pub fn remove_networks(before: &Policy, gone: &[Cidr]) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    for cidr in gone {
        if !names(&policy, cidr) {
            return Err(EditError::NoSuchNetwork { cidr: *cidr, networks: list(&policy) });
        }
        policy.networks.retain(|network| network.cidr != *cidr);
    }
    Ok(policy)
}

fn names(policy: &Policy, cidr: &Cidr) -> bool {
    policy.networks.iter().any(|network| network.cidr == *cidr)
}

/// For people: nothing else shows an operator what the policy names.
fn list(policy: &Policy) -> String {
    let cidrs: Vec<String> = policy.networks.iter().map(|network| network.cidr.to_string()).collect();
    if cidrs.is_empty() { "none".to_owned() } else { cidrs.join(", ") }
}
