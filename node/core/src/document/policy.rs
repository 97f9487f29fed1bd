//! Root and policy: where trust begins, and who may do what.

use super::bounds::{check_distinct, check_pool, check_range, check_text, invalid};
use super::{Document, DocumentError, Network};
use crate::key::quoted;
use crate::limits::{
    GENERATIONS_MAX, GRANT_LIFE_MAX, KEYS_MAX, LABEL_BYTES_MAX, MANIFEST_LIFE_MAX, NETWORKS_MAX,
    PATTERNS_MAX, PROVENANCE_BYTES_MAX, PUBLISHERS_MAX, RELAYED_AGE_MAX, SEED_ADDRESSES_MAX, SEEDS_MAX,
};
use crate::{Pattern, PeerId, PublicKey, Timestamp};
use core::net::IpAddr;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Whose signatures make a policy. Signed by a threshold of its own keys, and a successor also by a threshold of the
/// keys before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// The pool's name: 1 to 64 of `A-Z a-z 0-9 . _ + @ = % -`.
    pub pool: String,
    /// From 1; a successor's is one more.
    pub version: u64,
    /// From then on nothing that it makes is believed.
    pub expires: Timestamp,
    /// The root keys: distinct, 1 to [`KEYS_MAX`].
    pub keys: Vec<PublicKey>,
    /// How many distinct ones of them must sign: 1 to all.
    pub threshold: u32,
}

impl Document for Root {
    const TYPE: &'static str = "application/vnd.pollux.root.v1+json";
    const FIELDS: &'static [&'static str] = &["pool", "version", "expires", "keys", "threshold"];

    fn check(&self) -> Result<(), DocumentError> {
        check_pool(&self.pool)?;
        check_range("version", self.version, 1..=u64::MAX)?;
        check_keys("keys", &self.keys)?;
        let threshold = usize::try_from(self.threshold).unwrap_or(usize::MAX);
        check_range("threshold", threshold, 1..=self.keys.len())
    }
}

/// Who may do what in a pool. Signed by a threshold of root keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The pool.
    pub pool: String,
    /// From 1; a newer one has a higher version.
    pub version: u64,
    /// From then on nothing that it allows is believed.
    pub expires: Timestamp,
    /// The seeds: distinct, 1 to [`SEEDS_MAX`]; no two are at one address.
    pub seeds: Vec<Seed>,
    /// How many seeds' receipts certify a manifest.
    pub write: u32,
    /// How many seeds' answers a reader needs.
    pub read: u32,
    /// How many seeds may lie without being believed. The three go together:
    /// `read + write > seeds + faulty`, `2 · write > seeds + faulty`, and `read` and `write` are each at least 1 and
    /// at most `seeds − faulty`.
    pub faulty: u32,
    /// Who may sign manifests: distinct keys, at most [`PUBLISHERS_MAX`].
    pub publishers: Vec<Publisher>,
    /// Who may sign grants: distinct keys, at most [`PUBLISHERS_MAX`].
    pub issuers: Vec<Issuer>,
    /// Keys that sign join tokens and memberships: distinct, at most [`KEYS_MAX`].
    pub admission: Vec<PublicKey>,
    /// Keys that sign yanks: distinct, at most [`KEYS_MAX`]. One that is struck takes its yanks along, so it stays
    /// until they lapsed unless it was stolen.
    pub yank: Vec<PublicKey>,
    /// Where members live and what may be dialled: at most [`NETWORKS_MAX`].
    pub networks: Vec<Network>,
    /// Seconds that a manifest may live: 1 to 400 days.
    pub manifest_life_max: u64,
    /// Generations that a manifest may have: 1 to [`GENERATIONS_MAX`].
    pub generations_max: u32,
    /// Seconds that a relayed answer is good for: 1 to one day.
    pub relayed_age_max: u64,
    /// Whether join tokens let nobody in: a peer's first membership is signed by an admission key, before untrusted
    /// code runs on its machine, and seeds only renew it. Left out where it is false.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strict_admission: bool,
}

/// A seed as the policy names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed {
    /// Its identity, which also signs its receipts and answers.
    pub peer: PeerId,
    /// Where it is: `host:port`, the host a name, an IPv4 address, or an IPv6 address in brackets; 1 to
    /// [`SEED_ADDRESSES_MAX`], tried in this order.
    pub addresses: Vec<String>,
}

/// Who may sign manifests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publisher {
    /// For people: printable text of at most [`LABEL_BYTES_MAX`] bytes.
    pub name: String,
    /// Its key.
    pub key: PublicKey,
    /// The keys that it may give a meaning: 1 to [`PATTERNS_MAX`] patterns.
    pub patterns: Vec<Pattern>,
    /// Bytes of a seed's disk that all its caches may take together; no bound if there is none. A chunk counts with its
    /// stored bytes, once, for the publisher that it was first kept for, until the end of the day (UTC) in which that
    /// manifest expires. A manifest gets in if what a seed lacks of it fits uncompressed. What others have certified
    /// counts and is not refused; what a grant's key signs counts for that grant alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub byte_share: Option<u64>,
    /// The pipelines that it signs for; for people, at most [`PATTERNS_MAX`].
    pub pipelines: Vec<String>,
    /// From then on it signs nothing new; what was certified before stays.
    pub expires: Timestamp,
}

/// Who may sign grants, which let another key sign manifests for some minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// Its key.
    pub key: PublicKey,
    /// What its grants may cover at most: 1 to [`PATTERNS_MAX`] patterns.
    pub patterns: Vec<Pattern>,
    /// Seconds that a grant may live: 1 to 15 minutes.
    pub grant_life_max: u64,
}

impl Policy {
    /// Whether a peer at this address may be dialled: one of the networks contains it, and where it is a loopback,
    /// link-local, multicast or metadata address, names it on purpose; or it is where the policy says a seed is.
    #[must_use]
    pub fn may_dial(&self, address: &IpAddr) -> bool {
        self.networks.iter().any(|network| network.opens(address))
            || self.seeds.iter().any(|seed| seed.is_at(address))
    }

    /// The narrowest of the networks that contain this address.
    #[must_use]
    pub fn network_of(&self, address: &IpAddr) -> Option<&Network> {
        let containing = self.networks.iter().filter(|network| network.cidr.contains(address));
        containing.max_by_key(|network| network.prefix())
    }

    /// How many members may share this address: 1 unless its network says otherwise.
    #[must_use]
    pub fn memberships_at(&self, address: &IpAddr) -> u32 {
        self.network_of(address).map_or(1, |network| network.memberships)
    }

    fn check_quorums(&self) -> Result<(), DocumentError> {
        let seeds = u64::try_from(self.seeds.len()).unwrap_or(u64::MAX);
        let (write, read, faulty) = (u64::from(self.write), u64::from(self.read), u64::from(self.faulty));
        if faulty >= seeds {
            return invalid("faulty", format!("{faulty} of {seeds} seeds would leave none to trust"));
        }
        check_range("write", write, 1..=seeds - faulty)?;
        check_range("read", read, 1..=seeds - faulty)?;
        if read + write <= seeds + faulty {
            return invalid(
                "read",
                format!("read {read} + write {write} must be more than seeds {seeds} + faulty {faulty}"),
            );
        }
        if 2 * write <= seeds + faulty {
            return invalid(
                "write",
                format!("2 · write {write} must be more than seeds {seeds} + faulty {faulty}"),
            );
        }
        Ok(())
    }

    /// No two seeds are at one address: who dials it would find the wrong one there, and the quorums would count both.
    fn check_places(&self) -> Result<(), DocumentError> {
        let mut taken = BTreeSet::new();
        for seed in &self.seeds {
            // One seed may name an address twice: that harms nobody.
            let here: BTreeSet<String> = seed.addresses.iter().map(|address| place(address)).collect();
            if let Some(place) = here.intersection(&taken).next() {
                return invalid(
                    "seeds",
                    format!("two seeds are at {}: each has an address of its own", quoted(place)),
                );
            }
            taken.extend(here);
        }
        Ok(())
    }

    fn check_lists(&self) -> Result<(), DocumentError> {
        check_range("seeds", self.seeds.len(), 1..=SEEDS_MAX)?;
        check_distinct("seeds", self.seeds.iter().map(|seed| seed.peer))?;
        self.seeds.iter().try_for_each(Seed::check)?;
        self.check_places()?;
        check_range("publishers", self.publishers.len(), 0..=PUBLISHERS_MAX)?;
        check_distinct("publishers", self.publishers.iter().map(|publisher| publisher.key))?;
        self.publishers.iter().try_for_each(Publisher::check)?;
        check_range("issuers", self.issuers.len(), 0..=PUBLISHERS_MAX)?;
        check_distinct("issuers", self.issuers.iter().map(|issuer| issuer.key))?;
        self.issuers.iter().try_for_each(Issuer::check)?;
        check_keys("admission", &self.admission)?;
        check_keys("yank", &self.yank)?;
        check_range("networks", self.networks.len(), 0..=NETWORKS_MAX)?;
        self.networks.iter().try_for_each(Network::check)
    }
}

impl Document for Policy {
    const TYPE: &'static str = "application/vnd.pollux.policy.v1+json";
    const FIELDS: &'static [&'static str] = &[
        "pool",
        "version",
        "expires",
        "seeds",
        "write",
        "read",
        "faulty",
        "publishers",
        "issuers",
        "admission",
        "yank",
        "networks",
        "manifest_life_max",
        "generations_max",
        "relayed_age_max",
        "strict_admission",
    ];

    fn check(&self) -> Result<(), DocumentError> {
        check_pool(&self.pool)?;
        check_range("version", self.version, 1..=u64::MAX)?;
        self.check_lists()?;
        self.check_quorums()?;
        check_range("manifest_life_max", self.manifest_life_max, 1..=MANIFEST_LIFE_MAX.as_secs())?;
        check_range("generations_max", self.generations_max, 1..=GENERATIONS_MAX)?;
        check_range("relayed_age_max", self.relayed_age_max, 1..=RELAYED_AGE_MAX.as_secs())
    }
}

impl Seed {
    fn check(&self) -> Result<(), DocumentError> {
        check_range("seeds", self.addresses.len(), 1..=SEED_ADDRESSES_MAX)?;
        let wrong = self.addresses.iter().find(|address| !is_host_and_port(address));
        wrong.map_or(Ok(()), |address| invalid("seeds", format!("`{}` is not HOST:PORT", quoted(address))))
    }

    /// Whether one of its addresses is literally this one, whatever the port.
    fn is_at(&self, address: &IpAddr) -> bool {
        let hosts = self.addresses.iter().filter_map(|address| address.rsplit_once(':'));
        let mut hosts = hosts.filter_map(|(host, _)| host_literal(host));
        hosts.any(|host| host.to_canonical() == address.to_canonical())
    }
}

impl Publisher {
    fn check(&self) -> Result<(), DocumentError> {
        check_text("publishers", &self.name, LABEL_BYTES_MAX)?;
        check_range("publishers", self.patterns.len(), 1..=PATTERNS_MAX)?;
        check_range("publishers", self.pipelines.len(), 0..=PATTERNS_MAX)?;
        let mut pipelines = self.pipelines.iter();
        pipelines.try_for_each(|pipeline| check_text("publishers", pipeline, PROVENANCE_BYTES_MAX))
    }
}

impl Issuer {
    fn check(&self) -> Result<(), DocumentError> {
        check_range("issuers", self.patterns.len(), 1..=PATTERNS_MAX)?;
        check_range("issuers", self.grant_life_max, 1..=GRANT_LIFE_MAX.as_secs())
    }
}

/// For `skip_serializing_if`.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn check_keys(field: &'static str, keys: &[PublicKey]) -> Result<(), DocumentError> {
    check_range(field, keys.len(), 0..=KEYS_MAX)?;
    check_distinct(field, keys.iter())
}

/// `name:port`, `a.b.c.d:port` or `[v6]:port`; the port is not 0.
fn is_host_and_port(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let port_is_decimal = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse::<u16>().unwrap_or(0);
    port_is_decimal && port != 0 && (host_literal(host).is_some() || is_host_name(host))
}

/// A checked address in the one form of all that mean the same: a host's name in small letters, an address and a port as
/// they are printed.
fn place(address: &str) -> String {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    let host = host_literal(host)
        .map_or_else(|| host.to_ascii_lowercase(), |literal| literal.to_canonical().to_string());
    format!("{host}:{}", port.trim_start_matches('0'))
}

/// The address that a host is written as, if it is one.
fn host_literal(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => host.parse().ok().map(IpAddr::V4),
    }
}

/// A name as DNS has them: labels of 1 to 63 letters, digits, `-` and `_`; not all digits at the end, since then it
/// would be a misspelt address.
fn is_host_name(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(allowed);
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= 253 && host.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
