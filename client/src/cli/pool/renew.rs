//! `pollux pool renew`

use super::change::{Flags, policy_change};
use crate::cli::Done;
use clap::Args;
use pollux_client::clock::now;
use pollux_client::pool::{POLICY_DAYS, Rotation, days, renew, rotate, without_lapsed};

/// Let the policy live longer, and the root if it is said
///
/// Publishers that end with the policy are renewed with it. What has expired can be renewed, too.
///
/// Examples:
///
///   pollux pool renew --pool pool.json --root-key root.pem --spread
///
///   pollux pool renew --policy-days 90 --root-days 3650 --pool pool.json --root-key root.pem
#[derive(Debug, Args)]
pub(super) struct Renew {
    /// Days until the policy must be renewed again
    #[arg(long, value_name = "DAYS", default_value_t = POLICY_DAYS, value_parser = clap::value_parser!(u64).range(1..=3650))]
    policy_days: u64,
    /// Days until the root must be renewed; its keys stay [default: the root stays as it is]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=36500))]
    root_days: Option<u64>,
    #[command(flatten)]
    pub(super) flags: Flags,
}

pub(super) fn run(arguments: &Renew) -> Done {
    let pool = arguments.flags.open_expired()?;
    let policy = renew(pool.policy(), now().after(days(arguments.policy_days)));
    let change = match arguments.root_days {
        None => policy_change(&pool, policy)?,
        Some(count) => {
            let expires = now().after(days(count));
            rotate(
                &pool,
                Rotation { keys: Vec::new(), threshold: None, expires },
                without_lapsed(policy, now()),
            )?
        }
    };
    arguments.flags.settle(&pool, change)
}
