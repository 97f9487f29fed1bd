//! `pollux pool add-publisher`, `pollux pool remove-publisher`

use super::change::{Flags, policy_change};
use crate::cli::Done;
use clap::Args;
use pollux_client::clock::now;
use pollux_client::pool::{
    PublisherChange, add_publisher, change_publisher, days, forget_publisher, public_key, retire_publisher,
};
use pollux_core::{Pattern, Policy, PublicKey, Publisher, Timestamp};

/// Let another key publish, or change what one may publish
///
/// Examples:
///
///   pollux pool add-publisher gate --key gate.pub --pattern 'mediawiki%2Fcore/**' --pool pool.json --root-key root.pem
///
///   pollux pool add-publisher gate --change --byte-share 50000000000 --pool pool.json --root-key root.pem
#[derive(Debug, Args)]
pub(super) struct AddPublisher {
    /// Its name, for people
    name: String,
    /// Its public key: hexadecimal digits, an OpenSSH line, or a file that holds the key
    #[arg(long, value_name = "KEY", required_unless_present = "change")]
    key: Option<String>,
    /// The keys that it may publish; `*` is one segment, `**` at the end one or more
    #[arg(long, value_name = "PATTERN", required_unless_present = "change")]
    pattern: Vec<Pattern>,
    /// Change the publisher of this name: what no flag says stays as it was
    #[arg(long)]
    change: bool,
    /// Days until it may publish no more [default: with the policy]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: Option<u64>,
    /// Bytes that its caches may take on each seed, which refuses saves over it
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
/// It is retired: it ends now, and its entry stays, so that what seeds certified before is believed until it expires
/// (`pollux yank --publisher KEY` takes it back). A later change drops the entry once nothing of it can still be good.
///
/// With --forget the entry goes at once, and what it published is believed no more: its keys miss, or get older saves of
/// others.
///
/// Examples:
///
///   pollux pool remove-publisher gate --pool pool.json --root-key root.pem --spread
///
///   pollux pool remove-publisher gate --forget --pool pool.json --root-key root.pem --spread
#[derive(Debug, Args)]
pub(super) struct RemovePublisher {
    /// Its name, or its key in hexadecimal digits
    publisher: String,
    /// Believe nothing any more that it published
    #[arg(long)]
    forget: bool,
    #[command(flatten)]
    pub(super) flags: Flags,
}

pub(super) fn add(arguments: &AddPublisher) -> Done {
    let pool = arguments.flags.open()?;
    let key = arguments.key.as_deref().map(public_key).transpose()?;
    let policy = match key {
        Some(key) if !arguments.change => {
            add_publisher(pool.policy(), arguments.publisher(key, pool.policy()), now())
        }
        // The command line asks for a key where nothing is changed.
        Some(_) | None => {
            let which = (arguments.name.as_str(), key.as_ref());
            change_publisher(pool.policy(), which, arguments.changed(), now())
        }
    }?;
    arguments.flags.settle(&pool, policy_change(&pool, policy)?)
}

impl AddPublisher {
    fn expires(&self) -> Option<Timestamp> {
        self.days.map(|count| now().after(days(count)))
    }

    fn publisher(&self, key: PublicKey, policy: &Policy) -> Publisher {
        Publisher {
            name: self.name.clone(),
            key,
            patterns: self.pattern.clone(),
            byte_share: self.byte_share,
            pipelines: self.pipeline.clone(),
            expires: self.expires().unwrap_or(policy.expires),
        }
    }

    fn changed(&self) -> PublisherChange {
        PublisherChange {
            patterns: self.pattern.clone(),
            byte_share: self.byte_share,
            pipelines: self.pipeline.clone(),
            expires: self.expires(),
        }
    }
}

pub(super) fn remove(arguments: &RemovePublisher) -> Done {
    let pool = arguments.flags.open()?;
    let policy = if arguments.forget {
        forget_publisher(pool.policy(), &arguments.publisher)?
    } else {
        retire_publisher(pool.policy(), &arguments.publisher, now())?
    };
    arguments.flags.settle(&pool, policy_change(&pool, policy)?)
}
