//! Changes a pool's root: its keys, how many of them sign, and its end.

use super::OpenPool;
use super::change::Change;
use super::check::EditError;
use pollux_core::{Document, Policy, PublicKey, Root, Timestamp};

/// What the next root is.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// All its keys; empty: those of the root before.
    pub keys: Vec<PublicKey>,
    /// How many must sign; none: more than half of new keys, and as before if the keys stay.
    pub threshold: Option<u32>,
    /// Its end.
    pub expires: Timestamp,
}

/// The change to that root. The policy becomes the next version with it, since the new keys must have signed the policy
/// that whoever starts with the new root begins with, and whoever walks there comes to.
///
/// # Errors
/// A root that breaks a rule, or that would need more signatures than fit.
pub fn rotate(pool: &OpenPool, rotation: Rotation, policy: Policy) -> Result<Change, EditError> {
    let before = pool.root();
    let stays = rotation.keys.is_empty();
    let keys = if stays { before.keys.clone() } else { rotation.keys };
    let most = u32::try_from(keys.len()).unwrap_or(u32::MAX) / 2 + 1;
    let threshold = rotation.threshold.unwrap_or(if stays { before.threshold } else { most });
    let root = Root { expires: rotation.expires, keys, threshold, ..before.clone() };
    root.check()?;
    Change::of_root(pool, root, policy)
}
