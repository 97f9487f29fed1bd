//! `pollux pool rotate-root`

use super::change::Flags;
use crate::cli::Done;
use crate::cli::exit::Failure;
use clap::Args;
use pollux_client::clock::now;
use pollux_client::pool::{ROOT_DAYS, Rotation, days, public_key, rotate, without_lapsed};

/// Change the root keys, and how many of them must sign
///
/// The new root is signed by as many of the old keys as the old root demands, and by as many of the new ones as the new
/// one does; the policy is signed again by the new ones. Keys on other machines sign with `pollux pool add-signature`.
///
/// Example, from one key to two of three:
///
///   pollux pool rotate-root --new-root root-1.pub --new-root root-2.pub --new-root root-3.pub --threshold 2
///   --pool pool.json --root-key root.pem --unsigned-out change.json
#[derive(Debug, Args)]
pub(super) struct RotateRoot {
    /// A root key from now on: hexadecimal digits, an OpenSSH line, or a file that holds the key; once for each, those
    /// that stay, too
    #[arg(long, value_name = "KEY", required = true)]
    new_root: Vec<String>,
    /// How many of them must sign [default: more than half]
    #[arg(long, value_name = "KEYS")]
    threshold: Option<u32>,
    /// Days until the root must be renewed
    #[arg(long, value_name = "DAYS", default_value_t = ROOT_DAYS, value_parser = clap::value_parser!(u64).range(1..=36500))]
    root_days: u64,
    #[command(flatten)]
    pub(super) flags: Flags,
}

pub(super) fn run(arguments: &RotateRoot) -> Done {
    let pool = arguments.flags.open()?;
    let keys = arguments.new_root.iter().map(|key| public_key(key).map_err(Failure::from));
    let rotation = Rotation {
        keys: keys.collect::<Result<_, _>>()?,
        threshold: arguments.threshold,
        expires: now().after(days(arguments.root_days)),
    };
    let change = rotate(&pool, rotation, without_lapsed(pool.policy().clone(), now()))?;
    arguments.flags.settle(&pool, change)
}
