//! What an operator is told of a node: [`NodeStatus`], and all that its place in the pool and its doings add to it.

use super::NodeStatus;
use pollux_core::PeerId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Warnings that a node keeps for [`Overview`], the latest.
pub const WARNINGS_KEPT: usize = 64;
/// Bytes of each of them at most.
pub const WARNING_BYTES_MAX: usize = 512;
/// Ends that are told at most: those that come first.
pub const ENDS_MAX: usize = 64;

/// The node with its surroundings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// What every version of the protocol tells.
    pub status: NodeStatus,
    /// And the rest.
    pub more: Further,
}

/// What [`NodeStatus`] leaves out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Further {
    /// The node's wall clock: milliseconds since the Unix epoch.
    pub clock_ms: u64,
    /// How long this node still is a member; none: it is not, or it is a seed.
    pub membership_left_ms: Option<u64>,
    /// Why the last membership that it was given is not believed; none once one was.
    pub unwelcome: Option<String>,
    /// Every seed of the policy in force.
    pub seeds: Vec<SeedStatus>,
    /// What ends some day, the earliest first; at most [`ENDS_MAX`].
    pub ends: Vec<PoolEnd>,
    /// What jobs asked since the node started.
    pub asked: Asked,
    /// Bytes that the store leaves free on its file system.
    pub store_free_bytes_min: u64,
    /// The store refuses writes until the node is started again: its disk has failed.
    pub store_broken: bool,
    /// Where the node's things are.
    pub place: Place,
    /// The latest warnings and errors of its log, the last one last; at most [`WARNINGS_KEPT`].
    pub warnings: Vec<LoggedWarning>,
}

/// A seed, as the node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedStatus {
    /// Its name.
    pub peer: PeerId,
    /// Where the policy says it is.
    pub addresses: Vec<String>,
    /// It is this node itself.
    pub is_self: bool,
    /// A connection to it is up, on which it has proven that it is this seed.
    pub connected: bool,
    /// It has let this node in, on that connection.
    pub admits: bool,
    /// Program and version, as it says; nothing where it is not connected.
    pub software: String,
    /// The version of the policy that it goes by, in its last word.
    pub policy_version: Option<u64>,
    /// It goes by the same policy and yanks as this node, in its last word; none: it has not said.
    pub agrees: Option<bool>,
    /// Milliseconds that its clock was ahead of the node's when it last signed something for it; negative: behind.
    pub clock_ahead_ms: Option<i64>,
    /// How long ago that was, in milliseconds.
    pub clock_heard_ms: Option<u64>,
}

/// What of a pool ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The root.
    Root,
    /// The policy.
    Policy,
    /// The join token in the pool file that the node was started with.
    Token,
    /// A publisher, by its name; one that ends with the policy is not told apart from it.
    Publisher,
}

/// One end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolEnd {
    /// What ends.
    pub what: Ending,
    /// A publisher's name, a token's serial.
    pub name: Option<String>,
    /// The first moment when it is good no more: milliseconds since the Unix epoch.
    pub expires_ms: u64,
}

/// What jobs asked a node since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Questions for the newest manifest that were answered with one.
    pub hits: u64,
    /// Those that were not, by the name of the reason.
    pub misses: BTreeMap<String, u64>,
    /// Saves that count now.
    pub published: u64,
    /// Saves that were refused, or overtaken.
    pub not_published: u64,
}

/// Where a node's things are, as its configuration says. Nothing of it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Where it accepts peers.
    pub listen: Vec<String>,
    /// The pool file.
    pub pool_file: String,
    /// The directory for what lives as long as the instance runs.
    pub runtime: String,
    /// The socket for jobs.
    pub socket: String,
    /// The store's directory.
    pub store: String,
    /// What is logged.
    pub log: String,
}

/// A line of a node's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedWarning {
    /// Milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// `warn` or `error`.
    pub level: String,
    /// The message with its fields, printable; at most [`WARNING_BYTES_MAX`] bytes.
    pub text: String,
}
