//! Makes pools: keys, policy, pool file.

use crate::key_file::{self, KeyFileError};
use crate::random;
use pollux_core::{
    CidrError, Document, DocumentError, Envelope, KeyPair, Network, Pattern, PeerId, Policy, PoolFile,
    PublicKey, Publisher, Root, Seed, Timestamp, Token,
};
use std::fs::{self, DirBuilder};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Seconds of a day.
const DAY: u64 = 86_400;
/// A root outlives many policies.
const ROOT_DAYS: u64 = 3650;
/// A token is baked into images.
const TOKEN_DAYS: u64 = 180;
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
    /// Where nodes reach the seed, `host:port`.
    pub seed_address: String,
    /// Networks that may be dialled; none: private ones, and loopback for a seed on loopback.
    pub networks: Vec<Network>,
    /// Keys that the publisher may bind.
    pub patterns: Vec<Pattern>,
    /// Days until the policy expires.
    pub policy_days: u64,
    /// Now.
    pub now: Timestamp,
}

/// Public halves of what was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The pool's name.
    pub name: String,
    /// The seed's name.
    pub seed: PeerId,
    /// The publisher's key.
    pub publisher: PublicKey,
    /// The root key.
    pub root: PublicKey,
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
    seed: KeyPair,
}

/// Makes a pool. On failure nothing is left behind.
///
/// # Errors
/// A directory that is not empty or not writable, an address or a policy that makes no sense.
pub fn init(request: &InitRequest) -> Result<Made, InitError> {
    let keys = Keys { root: fresh()?, admission: fresh()?, publisher: fresh()?, seed: fresh()? };
    let policy = policy(request, &keys)?;
    policy.check()?;
    let pool = sign(request, &policy, &keys);
    make_directory(&request.directory)?;
    if let Err(error) = write(request, &pool, &keys) {
        // The directory was empty before.
        drop(fs::remove_dir_all(&request.directory));
        return Err(error);
    }
    Ok(Made {
        name: request.name.clone(),
        seed: PeerId::new(keys.seed.public()),
        publisher: keys.publisher.public(),
        root: keys.root.public(),
    })
}

fn fresh() -> Result<KeyPair, InitError> {
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    let failed = |source| InitError::Io { path: "randomness".into(), source };
    random::fill(seed.as_mut()).map_err(failed)?;
    Ok(KeyPair::from_seed(*seed))
}

const fn days(count: u64) -> Duration {
    Duration::from_secs(count.saturating_mul(DAY))
}

fn policy(request: &InitRequest, keys: &Keys) -> Result<Policy, InitError> {
    let address = || InitError::Address(request.seed_address.clone());
    let (host, port) = request.seed_address.rsplit_once(':').ok_or_else(address)?;
    if host.is_empty() || port.parse::<u16>().ok().filter(|port| *port > 0).is_none() {
        return Err(address());
    }
    let expires = request.now.after(days(request.policy_days));
    Ok(Policy {
        pool: request.name.clone(),
        version: 1,
        expires,
        seeds: vec![Seed {
            peer: PeerId::new(keys.seed.public()),
            addresses: vec![request.seed_address.clone()],
        }],
        write: 1,
        read: 1,
        faulty: 0,
        publishers: vec![Publisher {
            name: "publisher".to_owned(),
            key: keys.publisher.public(),
            patterns: request.patterns.clone(),
            byte_share: None,
            pipelines: Vec::new(),
            expires,
        }],
        issuers: Vec::new(),
        admission: vec![keys.admission.public()],
        yank: Vec::new(),
        networks: networks(request)?,
        manifest_life_max: MANIFEST_DAYS_MAX * DAY,
        generations_max: GENERATIONS_MAX,
        relayed_age_max: RELAYED_AGE_MAX,
        strict_admission: false,
    })
}

fn networks(request: &InitRequest) -> Result<Vec<Network>, InitError> {
    if !request.networks.is_empty() {
        return Ok(request.networks.clone());
    }
    let mut networks: Vec<Network> =
        PRIVATE_NETWORKS.iter().map(|cidr| network(cidr)).collect::<Result<_, _>>()?;
    let seed = request.seed_address.parse::<SocketAddr>().map(|address| address.ip());
    if seed.as_ref().is_ok_and(IpAddr::is_loopback) {
        let loopback = network(if seed.is_ok_and(|ip| ip.is_ipv4()) { "127.0.0.0/8" } else { "::1/128" })?;
        networks.push(Network { memberships: LOOPBACK_MEMBERSHIPS, ..loopback });
    }
    Ok(networks)
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

fn write(request: &InitRequest, pool: &PoolFile, keys: &Keys) -> Result<(), InitError> {
    let place = |name: &str| request.directory.join(name);
    key_file::write_new(&place("root.pem"), &keys.root)?;
    key_file::write_new(&place("admission.pem"), &keys.admission)?;
    key_file::write_new(&place("publisher.pem"), &keys.publisher)?;
    key_file::write_new(&place("seed.pem"), &keys.seed)?;
    write_text(&place("pool.json"), &(pool.to_json() + "\n"))?;
    write_text(&place("seed.toml"), &seed_config(request))?;
    write_text(&place("node.toml"), &node_config(request))
}

fn write_text(path: &Path, text: &str) -> Result<(), InitError> {
    fs::write(path, text).map_err(|source| InitError::Io { path: path.to_owned(), source })
}

fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}

fn seed_config(request: &InitRequest) -> String {
    let directory = fs::canonicalize(&request.directory).unwrap_or_else(|_| request.directory.clone());
    let listen = request.seed_address.parse::<SocketAddr>().map_or_else(
        |_| format!("0.0.0.0:{}", request.seed_address.rsplit(':').next().unwrap_or_default()),
        |address| address.to_string(),
    );
    format!(
        "role = \"seed\"\npool = {}\nidentity = {}\nlisten = [\"{listen}\"]\nruntime = {}\n\n[store]\ndirectory = {}\n",
        quoted(&directory.join("pool.json")),
        quoted(&directory.join("seed.pem")),
        quoted(&directory.join("seed/run")),
        quoted(&directory.join("seed/store")),
    )
}

fn node_config(request: &InitRequest) -> String {
    let directory = fs::canonicalize(&request.directory).unwrap_or_else(|_| request.directory.clone());
    let loopback = request.seed_address.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
    let listen = if loopback { "listen = [\"127.0.0.1:0\"]\n" } else { "" };
    format!(
        "pool = {}\n{listen}runtime = {}\n\n[store]\ndirectory = {}\n",
        quoted(&directory.join("pool.json")),
        quoted(&directory.join("node/run")),
        quoted(&directory.join("node/store")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::Trust;
    use std::os::unix::fs::MetadataExt;

    fn request(directory: &Path) -> InitRequest {
        InitRequest {
            directory: directory.join("pool"),
            name: "ci".to_owned(),
            seed_address: "127.0.0.1:4480".to_owned(),
            networks: Vec::new(),
            patterns: vec!["**".parse().unwrap()],
            policy_days: 365,
            now: Timestamp::from_millis(1_700_000_000_000),
        }
    }

    #[test]
    fn a_new_pool_is_believed() {
        let directory = tempfile::tempdir().unwrap();
        let request = request(directory.path());
        let made = init(&request).unwrap();
        let text = fs::read_to_string(request.directory.join("pool.json")).unwrap();
        let trust = Trust::open(&PoolFile::from_json(&text).unwrap(), request.now).unwrap();
        assert!(trust.is_seed(&made.seed));
        assert!(trust.policy().may_dial(&IpAddr::from([127, 0, 0, 1])));
    }

    #[test]
    fn keys_are_for_their_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let request = request(directory.path());
        init(&request).unwrap();
        for name in ["root.pem", "admission.pem", "publisher.pem", "seed.pem"] {
            assert_eq!(fs::metadata(request.directory.join(name)).unwrap().mode() & 0o7777, 0o600, "{name}");
        }
    }

    #[test]
    fn nothing_is_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let request = request(directory.path());
        init(&request).unwrap();
        let before = fs::read(request.directory.join("root.pem")).unwrap();
        assert!(matches!(init(&request), Err(InitError::NotEmpty(_))));
        assert_eq!(fs::read(request.directory.join("root.pem")).unwrap(), before);
    }

    #[test]
    fn an_address_without_a_port_is_refused_before_anything_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let request = InitRequest { seed_address: "seed.example".to_owned(), ..request(directory.path()) };
        assert!(matches!(init(&request), Err(InitError::Address(_))));
        assert!(!request.directory.exists());
    }

    #[test]
    fn only_a_seed_on_loopback_lets_loopback_be_dialled() {
        let directory = tempfile::tempdir().unwrap();
        let with_seed =
            |seed: &str| InitRequest { seed_address: seed.to_owned(), ..request(directory.path()) };
        let covers = |seed: &str, address: IpAddr| {
            networks(&with_seed(seed)).unwrap().iter().any(|network| network.cidr.contains(&address))
        };
        assert!(covers("127.0.0.1:1", IpAddr::from([127, 0, 0, 9])));
        assert!(covers("[::1]:1", "::1".parse().unwrap()));
        assert!(!covers("seed.example:1", IpAddr::from([127, 0, 0, 9])));
        assert!(covers("seed.example:1", IpAddr::from([10, 1, 2, 3])));
        assert!(!covers("seed.example:1", IpAddr::from([8, 8, 8, 8])));
    }

    #[test]
    fn networks_that_are_named_are_the_only_ones() {
        let directory = tempfile::tempdir().unwrap();
        let named = network("192.0.2.0/24=rack-1").unwrap();
        assert_eq!((named.zone.as_str(), named.memberships), ("rack-1", 1));
        let request = InitRequest { networks: vec![named], ..request(directory.path()) };
        assert_eq!(networks(&request).unwrap().len(), 1);
        assert!(network("192.0.2.0/33").is_err());
    }

    #[test]
    fn a_policy_that_makes_no_sense_makes_no_pool() {
        let directory = tempfile::tempdir().unwrap();
        let request = InitRequest { name: String::new(), ..request(directory.path()) };
        assert!(matches!(init(&request), Err(InitError::Policy(_))));
        assert!(!request.directory.exists());
    }

    #[test]
    fn the_configurations_name_what_was_made() {
        let directory = tempfile::tempdir().unwrap();
        let request = request(directory.path());
        init(&request).unwrap();
        let read = |name: &str| fs::read_to_string(request.directory.join(name)).unwrap();
        let (seed, node) = (read("seed.toml"), read("node.toml"));
        assert!(seed.contains("listen = [\"127.0.0.1:4480\"]") && seed.contains("seed.pem"), "{seed}");
        assert!(node.contains("pool.json") && node.contains("listen = [\"127.0.0.1:0\"]"), "{node}");
        let elsewhere = InitRequest { seed_address: "seed.example:4480".to_owned(), ..request };
        assert!(seed_config(&elsewhere).contains("listen = [\"0.0.0.0:4480\"]"));
        assert!(!node_config(&elsewhere).contains("listen"));
    }
}
