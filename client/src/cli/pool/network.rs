//! `pollux pool add-network`, `pollux pool remove-network`

use super::change::{Flags, policy_change};
use super::init::parse_network;
use crate::cli::Done;
use clap::Args;
use pollux_client::pool::{add_networks, remove_networks};
use pollux_core::{Cidr, Network};

/// Let members in more networks be dialled
///
/// Members dial each other only in the networks of the policy; the seeds are dialled wherever they are. A network does
/// not decide who joins: from elsewhere one member per address is let in, and dials others, but nobody dials it.
///
/// A network may lie in another one: for its addresses the narrower one counts, its zone and its members per address.
/// Loopback, link-local and metadata addresses are dialled only where a network names them on purpose: 0.0.0.0/0 does
/// not.
///
/// To change a network, remove it without --spread, and add it again with --spread: the pool hears of both at once.
///
/// Examples:
///
///   pollux pool add-network 10.20.0.0/16=second 198.51.100.0/24=second --pool pool.json --root-key root.pem --spread
///
///   pollux pool add-network 203.0.113.7/32=office --memberships 8 --pool pool.json --root-key root.pem --spread
#[derive(Debug, Args)]
pub(super) struct AddNetwork {
    /// The networks, CIDR or CIDR=ZONE; peers of one zone prefer each other
    #[arg(required = true, value_name = "CIDR=ZONE", value_parser = parse_network)]
    networks: Vec<Network>,
    /// How many members may share one of their addresses: more than one behind address translation
    #[arg(long, value_name = "MEMBERS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    memberships: u32,
    #[command(flatten)]
    pub(super) flags: Flags,
}

/// Let members in a network be dialled no more
///
/// Members there stay and dial others, connections that are there stay, and the seeds are dialled wherever they are; but
/// nobody dials the members there any more, and from each address one is let in. Where a wider network has the addresses,
/// that one counts for them. Without any network members dial the seeds only, which then send every byte.
///
/// Example:
///
///   pollux pool remove-network 10.20.0.0/16 --pool pool.json --root-key root.pem --spread
#[derive(Debug, Args)]
pub(super) struct RemoveNetwork {
    /// The networks, each as the policy has it, without its zone
    #[arg(required = true, value_name = "CIDR")]
    networks: Vec<Cidr>,
    #[command(flatten)]
    pub(super) flags: Flags,
}

pub(super) fn add(arguments: &AddNetwork) -> Done {
    let pool = arguments.flags.open()?;
    let AddNetwork { networks, memberships, .. } = arguments;
    let with_count = |network: &Network| Network { memberships: *memberships, ..network.clone() };
    let networks: Vec<Network> = networks.iter().map(with_count).collect();
    let policy = add_networks(pool.policy(), &networks)?;
    arguments.flags.settle(&pool, policy_change(&pool, policy)?)
}

pub(super) fn remove(arguments: &RemoveNetwork) -> Done {
    let pool = arguments.flags.open()?;
    let policy = remove_networks(pool.policy(), &arguments.networks)?;
    arguments.flags.settle(&pool, policy_change(&pool, policy)?)
}
