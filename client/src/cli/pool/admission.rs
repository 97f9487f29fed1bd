//! `pollux pool admission`

use super::change::{Flags, policy_change};
use crate::cli::Done;
use clap::{Args, ValueEnum};
use pollux_client::pool::set_admission;

/// Say who lets nodes in: the join token of the pool file, or only an admission key, node by node
///
/// `strict` is for machines that run untrusted code: whoever reads the public pool file can join by its token. Then
/// `pollux pool admit` signs a membership for each node before such code runs there. Seeds renew memberships that are in
/// force either way, so nodes that are members stay.
///
/// Example:
///
///   pollux pool admission strict --pool pool.json --root-key root.pem --spread
#[derive(Debug, Args)]
pub(super) struct Admission {
    /// Who lets nodes in
    how: How,
    #[command(flatten)]
    pub(super) flags: Flags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum How {
    /// Admission keys only: `pollux pool admit` signs a membership for each node
    Strict,
    /// The join token: whoever has the pool file
    Token,
}

pub(super) fn run(arguments: &Admission) -> Done {
    let pool = arguments.flags.open()?;
    let policy = set_admission(pool.policy(), arguments.how == How::Strict)?;
    arguments.flags.settle(&pool, policy_change(&pool, policy)?)
}
