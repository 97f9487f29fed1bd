//! Making grants: a fresh key that may sign for some minutes. For an issuer, such as a service beside the CI executor.

use crate::random;
use pollux_core::{Document, DocumentError, Envelope, Grant, KeyPair, Pattern, Provenance, Timestamp};
use std::io;
use std::time::Duration;

/// What is granted.
#[derive(Clone, Debug)]
pub struct GrantRequest {
    /// The pool.
    pub pool: String,
    /// Keys that may be bound.
    pub patterns: Vec<Pattern>,
    /// Where the saves come from; the manifests say the same in every field that is stated.
    pub provenance: Provenance,
    /// How long it may be used.
    pub life: Duration,
    /// Bytes that all its manifests together may stand for.
    pub bytes_max: u64,
    /// How many manifests.
    pub manifests_max: u32,
    /// Now.
    pub now: Timestamp,
}

/// A grant, and the key that it is for.
#[derive(Debug)]
pub struct Granted {
    /// The key that may sign; secret.
    pub key: KeyPair,
    /// What it may.
    pub grant: Grant,
    /// The signed grant.
    pub envelope: Envelope,
}

/// Why nothing is granted.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// What it would say breaks a rule.
    #[error("the grant would not be believed: {0}")]
    Grant(#[from] DocumentError),
    /// The kernel has no randomness.
    #[error("randomness: {0}")]
    Random(#[from] io::Error),
}

/// Makes a key, and signs a grant for it. Its serial is random, so that it names no other.
///
/// # Errors
/// A request that breaks a rule of grants, or a kernel without randomness.
pub fn grant(request: &GrantRequest, issuer: &KeyPair) -> Result<Granted, GrantError> {
    let key = random::key_pair()?;
    let mut serial = [0; 16];
    random::fill(&mut serial)?;
    let grant = Grant {
        pool: request.pool.clone(),
        serial: data_encoding::HEXLOWER.encode(&serial),
        key: key.public(),
        patterns: request.patterns.clone(),
        bytes_max: request.bytes_max,
        manifests_max: request.manifests_max,
        not_before: request.now,
        expires: request.now.after(request.life),
        provenance: request.provenance.clone(),
    };
    grant.check()?;
    let envelope = Envelope::sign(&grant, issuer);
    Ok(Granted { key, grant, envelope })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::NOW;

    fn request() -> GrantRequest {
        GrantRequest {
            pool: "ci".to_owned(),
            patterns: vec!["core/main/**".parse().unwrap()],
            provenance: Provenance { build: "b1".to_owned(), ..Provenance::default() },
            life: Duration::from_secs(900),
            bytes_max: 1000,
            manifests_max: 4,
            now: *NOW,
        }
    }

    #[test]
    fn each_grant_has_a_key_and_a_serial_of_its_own() {
        let issuer = KeyPair::from_seed([8; 32]);
        let (one, other) = (grant(&request(), &issuer).unwrap(), grant(&request(), &issuer).unwrap());
        assert!(one.grant.serial != other.grant.serial && one.key.public() != other.key.public());
        assert!(one.envelope.signed_by(&issuer.public()));
        assert_eq!(one.envelope.body::<Grant>().as_ref(), Ok(&one.grant));
        assert_eq!((one.grant.key, one.grant.expires), (one.key.public(), NOW.after(request().life)));
    }

    #[test]
    fn what_breaks_a_rule_is_not_granted() {
        let issuer = KeyPair::from_seed([8; 32]);
        let wrong = [
            GrantRequest { life: Duration::from_secs(901), ..request() },
            GrantRequest { patterns: Vec::new(), ..request() },
            GrantRequest { manifests_max: 0, ..request() },
            GrantRequest { pool: "a b".to_owned(), ..request() },
        ];
        for request in wrong {
            assert!(matches!(grant(&request, &issuer), Err(GrantError::Grant(_))), "{request:?}");
        }
    }
}
