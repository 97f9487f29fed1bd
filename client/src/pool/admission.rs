//! Says who admits nodes: join tokens, or admission keys one by one.

use super::check::EditError;
use pollux_core::Policy;

/// The policy in which tokens let nobody in, or let nodes in again.
///
/// # Errors
/// It is so already, or no key would admit anybody.
pub fn set_admission(before: &Policy, strict: bool) -> Result<Policy, EditError> {
    if before.strict_admission == strict {
        return Err(EditError::AdmissionThere(if strict { "strict" } else { "token" }));
    }
    if before.admission.is_empty() {
        return Err(EditError::NoAdmissionKey);
    }
    Ok(Policy { strict_admission: strict, ..before.clone() })
}
