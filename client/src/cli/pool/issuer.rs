//! `pollux pool add-issuer`, `pollux pool remove-issuer`

use super::change::{Flags, policy_change};
use crate::cli::Done;
use clap::Args;
use pollux_client::pool::{add_issuer, public_key, remove_issuer};
use pollux_core::{Issuer, Pattern};

/// Let a key issue grants, with which others publish for some minutes
///
/// Example:
///
///   pollux pool add-issuer ci.pub --pattern 'mediawiki%2Fcore/**' --minutes 10 --pool pool.json --root-key root.pem
#[derive(Debug, Args)]
pub(super) struct AddIssuer {
    /// Its public key: hexadecimal digits, an OpenSSH line, or a file that holds the key
    key: String,
    /// The keys that its grants may cover; `*` is one segment, `**` at the end one or more
    #[arg(long, value_name = "PATTERN", required = true)]
    pattern: Vec<Pattern>,
    /// Minutes that a grant may live
    #[arg(long, value_name = "MINUTES", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=15))]
    minutes: u64,
    #[command(flatten)]
    pub(super) flags: Flags,
}

/// Let a key issue grants no more
///
/// What was published under its grants is believed no more: its keys miss, or get older saves of others. Where it is to
/// stay, let the issuer sign no more grants, and remove it once what they made has expired.
///
/// Example:
///
///   pollux pool remove-issuer ci.pub --pool pool.json --root-key root.pem --spread
#[derive(Debug, Args)]
pub(super) struct RemoveIssuer {
    /// Its public key: hexadecimal digits, an OpenSSH line, or a file that holds the key
    key: String,
    #[command(flatten)]
    pub(super) flags: Flags,
}

pub(super) fn add(arguments: &AddIssuer) -> Done {
    let pool = arguments.flags.open()?;
    let (key, patterns) = (public_key(&arguments.key)?, arguments.pattern.clone());
    let issuer = Issuer { key, patterns, grant_life_max: arguments.minutes.saturating_mul(60) };
    let policy = add_issuer(pool.policy(), issuer)?;
    arguments.flags.settle(&pool, policy_change(&pool, policy)?)
}

pub(super) fn remove(arguments: &RemoveIssuer) -> Done {
    let pool = arguments.flags.open()?;
    let policy = remove_issuer(pool.policy(), &public_key(&arguments.key)?)?;
    arguments.flags.settle(&pool, policy_change(&pool, policy)?)
}
