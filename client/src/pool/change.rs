//! A policy, and perhaps a root, on its way to enough signatures.
//!
//! It travels between the machines of the root keys as a file (see `change_file`). Each signer holds it against the
//! pool file of its own machine, so that what is shown is what changes there.

use super::check::{EditError, check_successor, next_version, same_pool};
use super::words::Difference;
use super::{OpenPool, change_file};
use pollux_core::limits::SIGNATURES_MAX;
use pollux_core::{
    Digest, Disbelief, DocumentError, Envelope, KeyPair, Papers, Policy, PoolFile, PublicKey, Root,
    Timestamp, Trust,
};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub(super) of: Of,
    pub(super) root: Option<Envelope>,
    pub(super) policy: Envelope,
}

/// What a change is a change of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Of {
    pub(super) root: Digest,
    pub(super) policy: Digest,
}

/// Why a change does not become a pool file.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It makes no sense.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// It was made from another version of the pool file.
    #[error(
        "the change was made from another version of this pool: make it again from this pool file, or take that one"
    )]
    OtherVersion,
    /// It is no change, or was cut.
    #[error("this is no change that pollux wrote: {0}")]
    Form(String),
    /// A newer program wrote it.
    #[error("made by a newer pollux: its version is {0}")]
    Newer(u32),
    /// The key signs nothing here.
    #[error("{0} is no root key of this pool, before or after the change")]
    NotARootKey(PublicKey),
    /// Nobody would believe it.
    #[error(transparent)]
    NotBelieved(Box<Disbelief>),
}

impl From<DocumentError> for ChangeError {
    fn from(error: DocumentError) -> Self {
        Self::Edit(error.into())
    }
}

impl From<Disbelief> for ChangeError {
    fn from(why: Disbelief) -> Self {
        Self::NotBelieved(Box::new(why))
    }
}

/// What a key did to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// It was needed.
    Added,
    /// It has signed before, or enough others have.
    Needless,
}

/// Signatures that a document has and needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// What is signed: `policy 4`, `root 2`.
    pub what: String,
    /// By which keys: `root keys`, `former root keys`, `new root keys`.
    pub by: &'static str,
    /// Distinct ones that have signed.
    pub have: usize,
    /// How many must.
    pub need: usize,
}

impl Lack {
    /// How many are still to come.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.need.saturating_sub(self.have)
    }
}

impl Change {
    /// A change of the policy alone; the version becomes the next.
    ///
    /// # Errors
    /// A policy that breaks a rule, or changes several seeds.
    pub fn of_policy(pool: &OpenPool, policy: Policy) -> Result<Self, EditError> {
        Self::new(pool, None, policy)
    }

    /// A change of the root, and of the policy, which the new root's keys sign; the versions become the next.
    ///
    /// # Errors
    /// As [`Self::of_policy`], or a root that breaks a rule or would need too many signatures.
    pub fn of_root(pool: &OpenPool, root: Root, policy: Policy) -> Result<Self, EditError> {
        Self::new(pool, Some(root), policy)
    }

    fn new(pool: &OpenPool, root: Option<Root>, policy: Policy) -> Result<Self, EditError> {
        let (former, before) = (pool.root(), pool.policy());
        let root = root.map(|root| Root { version: former.version.saturating_add(1), ..root });
        let policy = Policy { version: before.version.saturating_add(1), ..policy };
        let of = Of { root: pool.file().root.digest(), policy: pool.file().policy.digest() };
        let (root, policy) = (root.as_ref().map(Envelope::unsigned), Envelope::unsigned(&policy));
        let change = Self { of, root, policy };
        change.successors(pool)?;
        Ok(change)
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// A text that is no change.
    pub fn from_json(text: &str) -> Result<Self, ChangeError> {
        change_file::read(text)
    }

    /// The file's text.
    #[must_use]
    pub fn to_json(&self) -> String {
        change_file::write(self)
    }

    /// Holds a change from elsewhere against a pool file.
    ///
    /// # Errors
    /// A change of another pool or version, or one that breaks a rule.
    pub fn check(&self, pool: &OpenPool) -> Result<(), ChangeError> {
        let (root, policy) = self.successors(pool)?;
        same_pool(&pool.root().pool, &policy.pool)?;
        root.iter().try_for_each(|root| same_pool(&pool.root().pool, &root.pool))?;
        let of = Of { root: pool.file().root.digest(), policy: pool.file().policy.digest() };
        if self.of == of { Ok(()) } else { Err(ChangeError::OtherVersion) }
    }

    /// The new policy. Whether it is signed is not looked at.
    ///
    /// # Errors
    /// What is no policy.
    pub fn policy(&self) -> Result<Policy, ChangeError> {
        Ok(self.policy.body()?)
    }

    /// What changes, in words.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn difference(&self, pool: &OpenPool, now: Timestamp) -> Result<Difference, ChangeError> {
        let (root, policy) = self.successors(pool)?;
        Ok(Difference::between((pool.root(), pool.policy()), (root.as_ref(), &policy), now))
    }

    /// The new root, if there is one, and the new policy; both follow those of the pool file.
    fn successors(&self, pool: &OpenPool) -> Result<(Option<Root>, Policy), EditError> {
        let policy: Policy = self.policy.body()?;
        check_successor(pool.policy(), &policy)?;
        let root: Option<Root> = self.root.as_ref().map(Envelope::body).transpose()?;
        if let Some(root) = &root {
            same_pool(&pool.root().pool, &root.pool)?;
            next_version("root", pool.root().version, root.version)?;
            let most = threshold(root).saturating_add(threshold(pool.root()));
            if most > SIGNATURES_MAX {
                return Err(EditError::TooManySignatures(most));
            }
        }
        Ok((root, policy))
    }

    /// Signs whatever still needs this key.
    ///
    /// # Errors
    /// A key of neither root, or a change that is not this pool's.
    pub fn sign(&mut self, pool: &OpenPool, key: &KeyPair) -> Result<Signed, ChangeError> {
        let public = key.public();
        let wanted = self.wants(pool)?;
        if !wanted.iter().any(|want| want.root.keys.contains(&public)) {
            return Err(ChangeError::NotARootKey(public));
        }
        let mut signed = Signed::Needless;
        let open = wanted.iter().filter(|want| want.is_open_to(&public)).map(|want| want.of);
        for of in open.collect::<std::collections::BTreeSet<Paper>>() {
            match (of, &mut self.root) {
                (Paper::Root, Some(root)) => root.add_signature(key),
                (Paper::Root, None) => {}
                (Paper::Policy, _) => self.policy.add_signature(key),
            }
            signed = Signed::Added;
        }
        Ok(signed)
    }

    /// Signatures, had and needed: of each document, by each set of keys.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn lacks(&self, pool: &OpenPool) -> Result<Vec<Lack>, ChangeError> {
        Ok(self.wants(pool)?.iter().map(Want::lack).collect())
    }

    /// The pool file after the change. Whoever holds the former one, and whoever starts with this one, believes it.
    ///
    /// # Errors
    /// What would not be believed: mostly that signatures are lacking, or that something has expired.
    pub fn finish(&self, pool: &OpenPool, now: Timestamp) -> Result<PoolFile, ChangeError> {
        pool.trust().follow(&self.papers(), now)?;
        let root = self.root.clone().unwrap_or_else(|| pool.file().root.clone());
        let file = PoolFile { root, policy: self.policy.clone(), ..pool.file().clone() };
        Trust::open(&file, now)?;
        Ok(file)
    }

    /// What seeds spread of it.
    #[must_use]
    pub fn papers(&self) -> Papers {
        let roots = self.root.iter().cloned().collect();
        Papers { roots, policy: Some(self.policy.clone()), yanks: Vec::new() }
    }

    fn wants(&self, pool: &OpenPool) -> Result<Vec<Want>, ChangeError> {
        let (root, policy) = self.successors(pool)?;
        let former = pool.root().clone();
        let what = format!("policy {}", policy.version);
        let by_policy = |root, by| Want::new(Paper::Policy, (what.clone(), by), root, &self.policy);
        let (Some(root), Some(envelope)) = (root, &self.root) else {
            return Ok(vec![by_policy(former, "root keys")]);
        };
        let what = format!("root {}", root.version);
        Ok(vec![
            Want::new(Paper::Root, (what.clone(), "former root keys"), former, envelope),
            Want::new(Paper::Root, (what, "new root keys"), root.clone(), envelope),
            by_policy(root, "new root keys"),
        ])
    }
}

/// The documents of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Paper {
    Root,
    Policy,
}

/// A document that a root's threshold of keys must sign.
#[derive(Debug)]
struct Want {
    of: Paper,
    words: (String, &'static str),
    root: Root,
    signers: Vec<PublicKey>,
}

impl Want {
    fn new(of: Paper, words: (String, &'static str), root: Root, envelope: &Envelope) -> Self {
        let signers = envelope.signers(&root.keys).into_iter().copied().collect();
        Self { of, words, root, signers }
    }

    fn lack(&self) -> Lack {
        let (what, by) = self.words.clone();
        Lack { what, by, have: self.signers.len(), need: threshold(&self.root) }
    }

    /// Whether this key's signature brings it nearer to enough.
    fn is_open_to(&self, key: &PublicKey) -> bool {
        self.root.keys.contains(key) && !self.signers.contains(key) && self.lack().open() > 0
    }
}

fn threshold(root: &Root) -> usize {
    usize::try_from(root.threshold).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
