//! Join tokens.

use super::OpenPool;
use pollux_core::{Disbelief, Document, DocumentError, Envelope, KeyPair, PublicKey, Timestamp, Token};

/// A token to be signed.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its name in logs.
    pub serial: String,
    /// It lets nobody in from then on.
    pub expires: Timestamp,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The key admits nobody here.
    #[error("{key} is no admission key of the pool {pool}: what it signs would be a token for another pool")]
    OtherPool {
        /// The key.
        key: PublicKey,
        /// The pool of the pool file.
        pool: String,
    },
    /// It breaks a rule.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Seeds would refuse it.
    #[error(transparent)]
    NotBelieved(Box<Disbelief>),
}

impl From<Disbelief> for TokenError {
    fn from(why: Disbelief) -> Self {
        Self::NotBelieved(Box::new(why))
    }
}

/// A token of this pool, signed.
///
/// # Errors
/// A key that is no admission key of the policy, or a token that no seed would take.
pub fn token(pool: &OpenPool, new: NewToken, key: &KeyPair, now: Timestamp) -> Result<Envelope, TokenError> {
    check_key(pool, key)?;
    let token = Token { pool: pool.root().pool.clone(), serial: new.serial, expires: new.expires };
    token.check()?;
    let envelope = Envelope::sign(&token, key);
    pool.trust().verify_token(&envelope, now)?;
    Ok(envelope)
}

/// The key must be one of the policy's admission keys.
pub(super) fn check_key(pool: &OpenPool, key: &KeyPair) -> Result<(), TokenError> {
    if pool.policy().admission.contains(&key.public()) {
        return Ok(());
    }
    Err(TokenError::OtherPool { key: key.public(), pool: pool.root().pool.clone() })
}
