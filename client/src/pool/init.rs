//! Makes pools: keys, policy, pool file. Nothing is ever overwritten.

use super::{DAY, Quorum, ROOT_DAYS, TOKEN_DAYS, configuration, days, fresh_key};
use crate::key_file::{self, KeyFileError};
use pollux_core::limits::SEEDS_MAX;
use pollux_core::{
    CidrError, Document, DocumentError, Envelope, KeyPair, Network, Pattern, PeerId, Policy, PoolFile,
    PublicKey, Publisher, Root, Seed, Timestamp, Token,
};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The longest life of a manifest.
const MANIFEST_DAYS_MAX: u64 = 30;
/// Generations until a cache starts cold.
const GENERATIONS_MAX: u32 = 64;
/// Seconds for which peers may hand on what a seed said.
const RELAYED_AGE_MAX: u64 = 600;
/// Members of one address on loopback, where every node has the same.
const LOOPBACK_MEMBERSHIPS: u32 = 256;
/// Where instances of one site usually are.
const PRIVATE_NETWORKS: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8"];

/// What a pool is made from.
#[derive(Clone, Debug)]
pub struct InitRequest {
    /// A directory that is not there, or empty.
    pub directory: PathBuf,
    /// The pool's name.
    pub name: String,
    /// Where nodes reach the seeds, `host:port`; one each.
    pub seed_addresses: Vec<String>,
    /// Networks that may be dialled; none: private ones, and loopback for seeds on loopback.
    pub networks: Vec<Network>,
    /// Keys that the publisher may bind.
    pub patterns: Vec<Pattern>,
    /// Days until the policy expires.
    pub policy_days: u64,
    /// Now.
    pub now: Timestamp,
}

impl InitRequest {
    /// With what `pollux pool init` takes where nothing else is said: the pool `ci`, private networks, a publisher of every
    /// key, a policy for a year.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the text is a pattern: one wildcard")]
    pub fn new(directory: PathBuf, seed_addresses: Vec<String>, now: Timestamp) -> Self {
        Self {
            directory,
            name: "ci".to_owned(),
            seed_addresses,
            networks: Vec::new(),
            patterns: vec!["**".parse().expect("one wildcard is a pattern")],
            policy_days: 365,
            now,
        }
    }
}

/// Public halves of what was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The pool's name.
    pub name: String,
    /// The seeds.
    pub seeds: Vec<MadeSeed>,
    /// How many of them must agree.
    pub quorum: Quorum,
    /// The publisher's key.
    pub publisher: PublicKey,
    /// The root key.
    pub root: PublicKey,
}

/// A seed of a new pool.
#[derive(Clone, Debug)]
pub struct MadeSeed {
    /// Its name.
    pub peer: PeerId,
    /// What its files are called: `seed`, or `seed-1`, `seed-2`, … where there are several.
    pub name: String,
}

/// Why a pool is not made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Something is there already.
    #[error("{0} is not empty")]
    NotEmpty(PathBuf),
    /// The address makes no sense.
    #[error("`{0}` is no address of a seed: write HOST:PORT")]
    Address(String),
    /// There are more seeds than a policy may name.
    #[error("{0} seeds: a pool has 1 to {SEEDS_MAX}")]
    TooManySeeds(usize),
    /// The policy makes no sense.
    #[error(transparent)]
    Policy(#[from] DocumentError),
    /// A network makes no sense.
    #[error(transparent)]
    Network(#[from] CidrError),
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The system says no.
    #[error("{path}: {source}")]
    Io {
        /// To what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The keys of a new pool.
#[derive(Debug)]
struct Keys {
    root: KeyPair,
    admission: KeyPair,
    publisher: KeyPair,
    yank: KeyPair,
    seeds: Vec<KeyPair>,
}

impl Keys {
    fn new(seeds: usize) -> Result<Self, InitError> {
        let (root, admission, publisher, yank) = (fresh()?, fresh()?, fresh()?, fresh()?);
        let seeds = (0..seeds).map(|_| fresh()).collect::<Result<_, _>>()?;
        Ok(Self { root, admission, publisher, yank, seeds })
    }
}

/// Makes a pool. On failure nothing is left behind.
///
/// # Errors
/// A directory that is not empty or not writable, an address or a policy that makes no sense.
pub fn init(request: &InitRequest) -> Result<Made, InitError> {
    make(request, false)
}

/// Makes a pool in which join tokens let nobody in: an admission key signs a membership for each node.
///
/// # Errors
/// As [`init`].
pub fn init_strict(request: &InitRequest) -> Result<Made, InitError> {
    make(request, true)
}

fn make(request: &InitRequest, strict: bool) -> Result<Made, InitError> {
    let count = request.seed_addresses.len();
    // Each costs a key, and the policy would be refused.
    if count > SEEDS_MAX {
        return Err(InitError::TooManySeeds(count));
    }
    let keys = Keys::new(count)?;
    let policy = Policy { strict_admission: strict, ..policy(request, &keys)? };
    policy.check()?;
    let pool = sign(request, &policy, &keys);
    make_directory(&request.directory)?;
    if let Err(error) = write(request, (&policy, &pool), &keys) {
        // The directory was empty before.
        drop(fs::remove_dir_all(&request.directory));
        return Err(error);
    }
    Ok(Made {
        name: request.name.clone(),
        seeds: keys.seeds.iter().zip(1..).map(|(key, number)| made(key, seed_name(number, count))).collect(),
        quorum: Quorum::in_force(&policy),
        publisher: keys.publisher.public(),
        root: keys.root.public(),
    })
}

fn made(key: &KeyPair, name: String) -> MadeSeed {
    MadeSeed { peer: PeerId::new(key.public()), name }
}

/// What the files of one seed of so many are called.
fn seed_name(number: usize, of: usize) -> String {
    if of == 1 { "seed".to_owned() } else { format!("seed-{number}") }
}

fn fresh() -> Result<KeyPair, InitError> {
    fresh_key().map_err(|source| InitError::Io { path: "randomness".into(), source })
}

fn policy(request: &InitRequest, keys: &Keys) -> Result<Policy, InitError> {
    let seeds = request.seed_addresses.iter().zip(&keys.seeds).map(|(address, key)| seed(address, key));
    let seeds: Vec<Seed> = seeds.collect::<Result<_, _>>()?;
    let Quorum { write, read, faulty } = Quorum::of(seeds.len());
    let expires = request.now.after(days(request.policy_days));
    Ok(Policy {
        pool: request.name.clone(),
        version: 1,
        expires,
        seeds,
        write,
        read,
        faulty,
        publishers: vec![publisher(request, keys.publisher.public(), expires)],
        issuers: Vec::new(),
        admission: vec![keys.admission.public()],
        yank: vec![keys.yank.public()],
        networks: networks(request)?,
        manifest_life_max: MANIFEST_DAYS_MAX * DAY,
        generations_max: GENERATIONS_MAX,
        relayed_age_max: RELAYED_AGE_MAX,
        strict_admission: false,
    })
}

fn seed(address: &str, key: &KeyPair) -> Result<Seed, InitError> {
    let wrong = || InitError::Address(address.to_owned());
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    if host.is_empty() || port.parse::<u16>().ok().filter(|port| *port > 0).is_none() {
        return Err(wrong());
    }
    Ok(Seed { peer: PeerId::new(key.public()), addresses: vec![address.to_owned()] })
}

fn publisher(request: &InitRequest, key: PublicKey, expires: Timestamp) -> Publisher {
    let (name, patterns) = ("publisher".to_owned(), request.patterns.clone());
    Publisher { name, key, patterns, byte_share: None, pipelines: Vec::new(), expires }
}

fn networks(request: &InitRequest) -> Result<Vec<Network>, InitError> {
    if !request.networks.is_empty() {
        return Ok(request.networks.clone());
    }
    let mut networks: Vec<Network> =
        PRIVATE_NETWORKS.iter().map(|cidr| network(cidr)).collect::<Result<_, _>>()?;
    let literal = |address: &String| address.parse::<SocketAddr>().ok().map(|address| address.ip());
    let seeds = request.seed_addresses.iter().filter_map(literal);
    let loopback: BTreeSet<&str> = seeds.filter(IpAddr::is_loopback).map(loopback_of).collect();
    for cidr in loopback {
        networks.push(Network { memberships: LOOPBACK_MEMBERSHIPS, ..network(cidr)? });
    }
    Ok(networks)
}

const fn loopback_of(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "127.0.0.0/8" } else { "::1/128" }
}

/// `CIDR` or `CIDR=ZONE`.
///
/// # Errors
/// A CIDR that does not parse.
pub fn network(text: &str) -> Result<Network, CidrError> {
    let (cidr, zone) = text.split_once('=').unwrap_or((text, ""));
    Ok(Network { cidr: cidr.parse()?, zone: zone.to_owned(), memberships: 1 })
}

fn sign(request: &InitRequest, policy: &Policy, keys: &Keys) -> PoolFile {
    let root = Root {
        pool: request.name.clone(),
        version: 1,
        expires: request.now.after(days(ROOT_DAYS)),
        keys: vec![keys.root.public()],
        threshold: 1,
    };
    let token = Token {
        pool: request.name.clone(),
        serial: "1".to_owned(),
        expires: request.now.after(days(TOKEN_DAYS)),
    };
    PoolFile {
        version: 1,
        root: Envelope::sign(&root, &keys.root),
        policy: Envelope::sign(policy, &keys.root),
        token: Envelope::sign(&token, &keys.admission),
    }
}

fn make_directory(path: &Path) -> Result<(), InitError> {
    let io = |source| InitError::Io { path: path.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io)?;
    match fs::read_dir(path).map_err(io)?.next() {
        Some(_) => Err(InitError::NotEmpty(path.to_owned())),
        None => Ok(()),
    }
}

fn write(request: &InitRequest, (policy, pool): (&Policy, &PoolFile), keys: &Keys) -> Result<(), InitError> {
    let place = |name: &str| request.directory.join(name);
    key_file::write_new(&place("root.pem"), &keys.root)?;
    key_file::write_new(&place("admission.pem"), &keys.admission)?;
    key_file::write_new(&place("publisher.pem"), &keys.publisher)?;
    key_file::write_new(&place("yank.pem"), &keys.yank)?;
    write_text(&place("pool.json"), &pool.to_json())?;
    let count = keys.seeds.len();
    for ((key, address), number) in keys.seeds.iter().zip(&request.seed_addresses).zip(1..) {
        let name = seed_name(number, count);
        let key_file = place(&format!("{name}.pem"));
        key_file::write_new(&key_file, key)?;
        let text = configuration::of_seed(&place("pool.json"), &key_file, address);
        write_text(&place(&format!("{name}.toml")), &text)?;
    }
    let (directory, seeds) = (&request.directory, &request.seed_addresses);
    write_text(&place("node.toml"), &configuration::of_node(directory, seeds, policy.strict_admission))
}

fn write_text(path: &Path, text: &str) -> Result<(), InitError> {
    fs::write(path, text).map_err(|source| InitError::Io { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
