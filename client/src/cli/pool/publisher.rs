//! `pollux pool add-publisher`, `pollux pool remove-publisher`

use super::change::Flags;
use crate::cli::Done;
use clap::Args;
use pollux_client::clock::now;
use pollux_client::pool::{Change, add_publisher, days, public_key, remove_publisher};
use pollux_core::{Pattern, Publisher};

/// Let another key publish
///
/// Example:
///
///   pollux pool add-publisher gate --key gate.pub --pattern 'mediawiki%2Fcore/**' --pool pool.json --root-key root.pem
#[derive(Debug, Args)]
pub(super) struct AddPublisher {
    /// Its name, for people
    name: String,
    /// Its public key: hexadecimal digits, an OpenSSH line, or a file that holds the key
    #[arg(long, value_name = "KEY")]
    key: String,
    /// The keys that it may publish; `*` is one segment, `**` at the end one or more
    #[arg(long, value_name = "PATTERN", required = true)]
    pattern: Vec<Pattern>,
    /// Days until it may publish no more [default: with the policy]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: Option<u64>,
    /// Bytes that its caches may take on each seed
    #[arg(long, value_name = "BYTES")]
    byte_share: Option<u64>,
    /// A pipeline that it signs for, for people
    #[arg(long, value_name = "TEXT")]
    pipeline: Vec<String>,
    #[command(flatten)]
    pub(super) flags: Flags,
}

/// Let a key publish no more
///
/// What it published before stays until it expires: `pollux yank --publisher KEY` takes it back.
///
/// Example:
///
///   pollux pool remove-publisher gate --pool pool.json --root-key root.pem --spread
#[derive(Debug, Args)]
pub(super) struct RemovePublisher {
    /// Its name, or its key in hexadecimal digits
    publisher: String,
    #[command(flatten)]
    pub(super) flags: Flags,
}

pub(super) fn add(arguments: &AddPublisher) -> Done {
    let pool = arguments.flags.open()?;
    let publisher = Publisher {
        name: arguments.name.clone(),
        key: public_key(&arguments.key)?,
        patterns: arguments.pattern.clone(),
        byte_share: arguments.byte_share,
        pipelines: arguments.pipeline.clone(),
        expires: arguments.days.map_or(pool.policy().expires, |count| now().after(days(count))),
    };
    let policy = add_publisher(pool.policy(), publisher)?;
    arguments.flags.settle(&pool, Change::of_policy(&pool, policy)?)
}

pub(super) fn remove(arguments: &RemovePublisher) -> Done {
    let pool = arguments.flags.open()?;
    let policy = remove_publisher(pool.policy(), &arguments.publisher)?;
    arguments.flags.settle(&pool, Change::of_policy(&pool, policy)?)
}
