//! Makes pools and changes them: keys, policy, root, pool file. All of it is an operator's matter and works without a
//! node, so that root keys can stay on machines that have none.
//!
//! ```text
//! init        a new pool, with all its keys and configurations
//! change      a policy or root on its way to enough signatures, and from there to a pool file
//! seed publisher issuer network yank_key admission renew rotate    what a change changes, one verb each
//! token admit what admission keys sign
//! words       what differs between two policies or roots, for people
//! quorum      how many seeds must agree, by how many there are
//! public_key  public keys as people have them
//! file        pool files on disk: read, replaced at once, the former kept
//! mixed       pool files of two pools
//! ```
//!
//! What a verb changes is computed first, then shown, then signed: nothing here signs what it was not handed.

mod admission;
mod admit;
mod change;
mod change_file;
mod check;
mod configuration;
mod file;
mod init;
mod issuer;
mod mixed;
mod network;
mod open;
mod papers;
mod public_key;
mod publisher;
mod quorum;
mod renew;
mod rotate;
mod seed;
mod spread_check;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod token;
mod words;
mod yank_key;

pub use admission::set_admission;
pub use admit::{Admission, admit};
pub use change::{Change, ChangeError, Lack, Signed};
pub use check::EditError;
pub use file::{FileError, Replaced, replace, rewrite, write_new};
pub use init::{InitError, InitRequest, Made, MadeSeed, init, init_strict, network};
pub use issuer::{add_issuer, remove_issuer};
pub use mixed::{holds_several, is_of_two_pools};
pub use network::{add_networks, remove_networks};
pub use open::{OpenError, OpenPool, read_pool_file};
pub use papers::papers_of;
pub use public_key::{PublicKeyError, public_key};
pub use publisher::{
    PublisherChange, add_publisher, change_publisher, forget_publisher, retire_publisher, without_lapsed,
};
pub use quorum::{Quorum, QuorumWish};
pub use renew::renew;
pub use rotate::{Rotation, rotate};
pub use seed::{
    MakeSeedError, NewSeed, SeedFiles, add_seed, make_seed, must_run, new_seeds, remove_seed, seed_named,
};
pub use spread_check::{SpreadError, check_spread};
pub use token::{NewToken, TokenError, token};
pub use words::Difference;
pub use yank_key::{add_yank_key, remove_yank_key};

use crate::random;
use pollux_core::KeyPair;
use std::io;
use std::time::Duration;

/// Seconds of a day.
const DAY: u64 = 86_400;
/// A token is baked into images.
pub const TOKEN_DAYS: u64 = 180;
/// A root outlives many policies.
pub const ROOT_DAYS: u64 = 3650;
/// A policy is looked at once a year.
pub const POLICY_DAYS: u64 = 365;

/// So many days.
#[must_use]
pub const fn days(count: u64) -> Duration {
    Duration::from_secs(count.saturating_mul(DAY))
}

/// A key of fresh randomness.
///
/// # Errors
/// The kernel has none to give.
pub fn fresh_key() -> io::Result<KeyPair> {
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    random::fill(seed.as_mut())?;
    Ok(KeyPair::from_seed(*seed))
}
