//! `pollux pool add-signature`

use super::change::Flags;
use crate::cli::Done;
use clap::Args;
use pollux_client::pool::Change;
use pollux_client::text_file;
use pollux_core::limits::POOL_FILE_BYTES_MAX;
use std::path::PathBuf;

/// Sign a change that was begun elsewhere
///
/// It is held against the pool file of this machine, so what is shown is what changes. With the last signature that it
/// needs the new pool file is written; before, the change is written back.
///
/// Example:
///
///   pollux pool add-signature change.json --pool pool.json --root-key root-2.pem
#[derive(Debug, Args)]
pub(super) struct AddSignature {
    /// What --unsigned-out wrote
    change: PathBuf,
    #[command(flatten)]
    pub(super) flags: Flags,
}

pub(super) fn run(arguments: &AddSignature) -> Done {
    // A change may be a renewal.
    let pool = arguments.flags.open_expired()?;
    let change = Change::from_json(&text_file::read(&arguments.change, POOL_FILE_BYTES_MAX)?)?;
    arguments.flags.settle_file(&pool, change, &arguments.change)
}
