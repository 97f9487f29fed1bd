//! Join tokens and memberships.
use crate::{PeerId, PublicKey, Timestamp};
use serde::{Deserialize, Serialize};
/// Lets a node ask a seed for a membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token { pub pool: String, pub serial: String, pub expires: Timestamp }
/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerRole { Node, Seed }
/// A peer belongs to the pool until it expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership { pub pool: String, pub peer: PeerId, pub role: PeerRole, /** IP the seed observed */ pub address: std::net::IpAddr, pub issuer: PublicKey, pub issued: Timestamp, pub expires: Timestamp }
