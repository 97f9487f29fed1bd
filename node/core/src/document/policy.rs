//! Root and policy.
use crate::{Pattern, PeerId, PublicKey, Timestamp};
use serde::{Deserialize, Serialize};
/// The root: whose signatures make a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root { /** pool */ pub pool: String, /** from 1 */ pub version: u64, /** end */ pub expires: Timestamp, /** root keys */ pub keys: Vec<PublicKey>, /** distinct keys needed */ pub threshold: u32 }
/// The policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /** pool */ pub pool: String, /** from 1 */ pub version: u64, /** end */ pub expires: Timestamp,
    /** seeds */ pub seeds: Vec<Seed>, /** receipts that certify */ pub write: u32, /** answers a reader needs */ pub read: u32, /** seeds that may lie */ pub faulty: u32,
    /** who may publish */ pub publishers: Vec<Publisher>, /** who may grant */ pub issuers: Vec<Issuer>,
    /** keys that sign tokens */ pub admission: Vec<PublicKey>, /** keys that yank */ pub yank: Vec<PublicKey>,
    /** what may be dialled */ pub networks: Vec<Network>,
    /** seconds a manifest lives at most */ pub manifest_life_max: u64, /** generations */ pub generations_max: u32, /** seconds a relayed answer is good for */ pub relayed_age_max: u64,
}
/// A seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed { /** identity */ pub peer: PeerId, /** `host:port`, IP literal first of all */ pub addresses: Vec<String> }
/// A publisher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publisher { /** for people */ pub name: String, /** key */ pub key: PublicKey, /** may sign */ pub patterns: Vec<Pattern>, /** bytes, if bounded */ pub byte_share: Option<u64>, /** informational */ pub pipelines: Vec<String>, /** end */ pub expires: Timestamp }
/// An issuer of grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer { /** key */ pub key: PublicKey, /** may grant */ pub patterns: Vec<Pattern>, /** seconds */ pub grant_life_max: u64 }
/// A network that may be dialled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network { /** CIDR */ pub cidr: String, /** zone */ pub zone: String, /** memberships per address; 1 unless NAT */ pub memberships: u32 }
impl Policy {
    /// Checks quorums and bounds (trust.md: read + write > seeds + faulty …).
    pub fn check(&self) -> Result<(), crate::DocumentError> { todo!() }
    /// True when the policy lets this address be dialled (loopback, link-local, metadata only if named).
    pub fn may_dial(&self, _address: &std::net::IpAddr) -> bool { todo!() }
}
