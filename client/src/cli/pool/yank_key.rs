//! `pollux pool add-yank-key`, `pollux pool remove-yank-key`

use super::change::{Flags, policy_change};
use crate::cli::Done;
use clap::Args;
use pollux_client::pool::{add_yank_key, public_key, remove_yank_key};

/// Let another key take back what was published
///
/// Example:
///
///   pollux pool add-yank-key yank.pub --pool pool.json --root-key root.pem --spread
#[derive(Debug, Args)]
pub(super) struct AddYankKey {
    /// The public key: hexadecimal digits, an OpenSSH line, or a file that holds the key
    key: String,
    #[command(flatten)]
    pub(super) flags: Flags,
}

/// Let a key take back nothing any more
///
/// All that it took back is believed again: keep it until its yanks have lapsed, unless it was stolen.
///
/// Example:
///
///   pollux pool remove-yank-key yank.pub --pool pool.json --root-key root.pem --spread
#[derive(Debug, Args)]
pub(super) struct RemoveYankKey {
    /// The public key: hexadecimal digits, an OpenSSH line, or a file that holds the key
    key: String,
    #[command(flatten)]
    pub(super) flags: Flags,
}

pub(super) fn add(arguments: &AddYankKey) -> Done {
    let pool = arguments.flags.open()?;
    let policy = add_yank_key(pool.policy(), public_key(&arguments.key)?)?;
    arguments.flags.settle(&pool, policy_change(&pool, policy)?)
}

pub(super) fn remove(arguments: &RemoveYankKey) -> Done {
    let pool = arguments.flags.open()?;
    let policy = remove_yank_key(pool.policy(), &public_key(&arguments.key)?)?;
    arguments.flags.settle(&pool, policy_change(&pool, policy)?)
}
