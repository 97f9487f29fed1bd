//! Adds, replaces and removes seeds, one at a time.

use super::check::EditError;
use super::file::{FileError, write_new};
use super::{QuorumWish, configuration, fresh_key};
use crate::key_file::{self, KeyFileError};
use pollux_core::{Document, PeerId, Policy, Seed};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A seed to be added.
#[derive(Clone, Debug)]
pub struct NewSeed {
    /// Its name.
    pub peer: PeerId,
    /// Where it is, `host:port`.
    pub addresses: Vec<String>,
    /// The seed whose place it takes.
    pub replaces: Option<PeerId>,
}

/// The seed that a person means: by its peer id, or by one of its addresses.
///
/// # Errors
/// There is none.
pub fn seed_named(policy: &Policy, name: &str) -> Result<PeerId, EditError> {
    let is_meant =
        |seed: &&Seed| seed.peer.to_string() == name || seed.addresses.iter().any(|address| address == name);
    let found = policy.seeds.iter().find(is_meant).map(|seed| seed.peer);
    found.ok_or_else(|| EditError::NoSuchSeed(name.escape_debug().to_string()))
}

/// The policy with one more seed, or with another in the place of one, and the quorum for so many.
///
/// # Errors
/// A seed that is there already, none to replace, or a quorum that cannot intersect.
pub fn add_seed(before: &Policy, new: NewSeed, wish: QuorumWish) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    if policy.seeds.iter().any(|seed| seed.peer == new.peer) {
        return Err(EditError::SeedThere(new.peer));
    }
    let seed = Seed { peer: new.peer, addresses: new.addresses };
    match new.replaces {
        None => policy.seeds.push(seed),
        Some(old) => *find(&mut policy, old)? = seed,
    }
    settled(policy, wish)
}

/// The policy without a seed, and the quorum for so many.
///
/// # Errors
/// No such seed, the last one, or a quorum that cannot intersect.
pub fn remove_seed(before: &Policy, peer: PeerId, wish: QuorumWish) -> Result<Policy, EditError> {
    let mut policy = before.clone();
    find(&mut policy, peer)?;
    policy.seeds.retain(|seed| seed.peer != peer);
    if policy.seeds.is_empty() {
        return Err(EditError::LastSeed);
    }
    settled(policy, wish)
}

/// The seeds that a policy names and the one before it does not.
pub fn new_seeds<'a>(before: &'a Policy, after: &'a Policy) -> impl Iterator<Item = &'a Seed> {
    after.seeds.iter().filter(|seed| before.seeds.iter().all(|old| old.peer != seed.peer))
}

/// Whether the new seeds must run before the policy after can count: those that stay are too few to certify.
#[must_use]
pub fn must_run(before: &Policy, after: &Policy) -> bool {
    let stay = after.seeds.len().saturating_sub(new_seeds(before, after).count());
    stay < usize::try_from(after.write).unwrap_or(usize::MAX)
}

/// What a new seed starts from.
#[derive(Clone, Debug)]
pub struct SeedFiles {
    /// Its key's file.
    pub key: PathBuf,
    /// Its configuration.
    pub configuration: PathBuf,
    /// Its name.
    pub peer: PeerId,
}

/// Why there is no key or configuration of a new seed.
#[derive(Debug, thiserror::Error)]
pub enum MakeSeedError {
    /// No randomness.
    #[error(transparent)]
    Random(#[from] io::Error),
    /// The key's file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The configuration's file.
    #[error(transparent)]
    Configuration(#[from] FileError),
}

/// Makes a seed's key in a file that is not there yet, and beside it a configuration (the same name, `.toml`) that
/// names the pool file and listens at the address. On failure nothing is left behind.
///
/// # Errors
/// A file that is there, or cannot be written.
pub fn make_seed(key_file: &Path, pool: &Path, address: &str) -> Result<SeedFiles, MakeSeedError> {
    let key = fresh_key()?;
    key_file::write_new(key_file, &key)?;
    let configuration = key_file.with_extension("toml");
    let text = configuration::of_seed(pool, key_file, address);
    write_new(&configuration, text.as_bytes()).inspect_err(|_| drop(fs::remove_file(key_file)))?;
    Ok(SeedFiles { key: key_file.to_owned(), configuration, peer: PeerId::new(key.public()) })
}

impl SeedFiles {
    /// Takes both away: nobody names that seed.
    pub fn remove(&self) {
        drop(fs::remove_file(&self.key));
        drop(fs::remove_file(&self.configuration));
    }
}

fn find(policy: &mut Policy, peer: PeerId) -> Result<&mut Seed, EditError> {
    let found = policy.seeds.iter_mut().find(|seed| seed.peer == peer);
    found.ok_or_else(|| EditError::NoSuchSeed(peer.to_string()))
}

/// With the quorum that so many seeds allow, or the one that is wished.
fn settled(mut policy: Policy, wish: QuorumWish) -> Result<Policy, EditError> {
    wish.over(policy.seeds.len()).put(&mut policy);
    policy.check()?;
    Ok(policy)
}
