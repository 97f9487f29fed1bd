//! `pollux pool add-seed`, `pollux pool remove-seed`

use super::change::{Flags, policy_change};
use crate::cli::Done;
use crate::cli::exit::{Failure, Kind};
use clap::Args;
use pollux_client::pool::{
    MakeSeedError, NewSeed, QuorumWish, add_seed, make_seed, public_key, remove_seed, seed_named,
};
use pollux_core::PeerId;
use std::path::PathBuf;

/// Add a seed, or put one in the place of another
///
/// One seed changes at a time: spread each change before the next. Start the new seed without `seed begin`: it merges
/// what the others know before it signs anything. A second seed must run before the change counts. How many seeds must agree follows from their number (1: 1, 1, 0; 2 and 3: 2, 2, 0; 4: 3, 3, 1; in
/// the order --write, --read, --faulty) unless it is said otherwise.
///
/// Examples:
///
///   pollux pool add-seed --pool pool.json --make-key seed-2.pem --address b.example.org:4480 --root-key root.pem
///
///   pollux pool add-seed 12D3Koo… --replaces a.example.org:4480 --address c.example.org:4480 --pool pool.json
///   --root-key root.pem --spread
#[derive(Debug, Args)]
pub(super) struct AddSeed {
    /// The seed's peer id, or a file with its key
    #[arg(required_unless_present = "make_key", conflicts_with = "make_key")]
    peer: Option<String>,
    /// Make the seed's key and write it here, and a configuration to start from beside it: the same name, with .toml
    #[arg(long, value_name = "FILE")]
    make_key: Option<PathBuf>,
    /// Where nodes reach it, HOST:PORT; several are tried in this order
    #[arg(long, value_name = "HOST:PORT", required = true)]
    address: Vec<String>,
    /// The seed that goes: its peer id or an address
    #[arg(long, value_name = "SEED")]
    replaces: Option<String>,
    #[command(flatten)]
    quorum: QuorumFlags,
    #[command(flatten)]
    pub(super) flags: Flags,
}

/// Remove a seed
///
/// What it holds alone is lost to the pool. How many seeds must agree follows from how many are left, unless it is said
/// otherwise.
///
/// Example:
///
///   pollux pool remove-seed b.example.org:4480 --pool pool.json --root-key root.pem --spread
#[derive(Debug, Args)]
pub(super) struct RemoveSeed {
    /// The seed: its peer id or an address
    seed: String,
    #[command(flatten)]
    quorum: QuorumFlags,
    #[command(flatten)]
    pub(super) flags: Flags,
}

#[derive(Debug, Args)]
struct QuorumFlags {
    /// Seeds whose receipts make a certificate
    #[arg(long, value_name = "SEEDS")]
    write: Option<u32>,
    /// Seeds whose answers a reader needs
    #[arg(long, value_name = "SEEDS")]
    read: Option<u32>,
    /// Seeds that may lie without being believed
    #[arg(long, value_name = "SEEDS")]
    faulty: Option<u32>,
}

impl QuorumFlags {
    const fn wish(&self) -> QuorumWish {
        QuorumWish { write: self.write, read: self.read, faulty: self.faulty }
    }
}

pub(super) fn add(arguments: &AddSeed) -> Done {
    let Some(path) = &arguments.make_key else {
        let peer = public_key(arguments.peer.as_deref().unwrap_or_default())?;
        return add_peer(arguments, PeerId::new(peer), None);
    };
    // The key is there before the policy names it: the other way round it could be missing.
    let address = arguments.address.first().map_or("", String::as_str);
    let made = make_seed(path, arguments.flags.written(), address)?;
    let start = format!("pollux-node --config {}", made.configuration.display());
    add_peer(arguments, made.peer, Some(&start)).inspect_err(|_| {
        // Unless the change was made, and only did not reach enough seeds, nobody knows that key.
        if !arguments.flags.written_with(&made.peer) {
            made.remove();
        }
    })
}

fn add_peer(arguments: &AddSeed, peer: PeerId, start: Option<&str>) -> Done {
    let pool = arguments.flags.open()?;
    let replaces = arguments.replaces.as_deref().map(|name| seed_named(pool.policy(), name)).transpose()?;
    let new = NewSeed { peer, addresses: arguments.address.clone(), replaces };
    let policy = add_seed(pool.policy(), new, arguments.quorum.wish())?;
    arguments.flags.settle_seed(&pool, policy_change(&pool, policy)?, start)
}

pub(super) fn remove(arguments: &RemoveSeed) -> Done {
    let pool = arguments.flags.open()?;
    let peer = seed_named(pool.policy(), &arguments.seed)?;
    let policy = remove_seed(pool.policy(), peer, arguments.quorum.wish())?;
    arguments.flags.settle(&pool, policy_change(&pool, policy)?)
}

impl From<MakeSeedError> for Failure {
    fn from(error: MakeSeedError) -> Self {
        match error {
            MakeSeedError::Random(error) => error.into(),
            MakeSeedError::Key(error) => error.into(),
            MakeSeedError::Configuration(error) => Self::new(Kind::Directory, error)
                .hint("the configuration is written beside the key; nothing is ever overwritten"),
        }
    }
}
