//! Signing what an instance stated, where nothing of the instance is believed.
//!
//! The signer (a CI executor) has terms of its own: which keys may be bound, and where the save comes from. A statement
//! that says otherwise is refused, and the field named. What the statement leaves open of the provenance is filled in,
//! so the signed provenance is the executor's and no other; a field that the instance states and the executor does not
//! is refused, since nobody could vouch for it.
//!
//! What is signed is the manifest as it was understood, written anew: nothing that this program does not know.

use crate::statement::Statement;
use pollux_core::limits::{CLOCK_SKEW_MAX, DOCUMENT_BYTES_MAX, UNPUBLISHED_KEPT};
use pollux_core::{
    Document, DocumentError, Envelope, Grant, KeyPair, Manifest, Pattern, Provenance, Timestamp,
};
use std::time::Duration;

/// What the signer lets pass.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Keys that may be bound.
    pub allow: Vec<Pattern>,
    /// Where the save comes from, as the signer knows.
    pub provenance: Provenance,
    /// The pool, if the signer knows.
    pub pool: Option<String>,
    /// Longest life of a manifest.
    pub life_max: Duration,
    /// The grant of the signer's key, if that is not a publisher itself.
    pub grant: Option<Envelope>,
    /// Now.
    pub now: Timestamp,
}

/// Why nothing is signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The statement does not parse, or breaks a rule that holds for every manifest.
    #[error("the statement is refused: {0}")]
    Statement(DocumentError),
    /// The statement says what the terms do not let pass.
    #[error("the statement is refused: {field}: {why}")]
    Differs {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The signer's own grant does not parse, or does not let this be signed.
    #[error("the grant does not do: {field}: {why}")]
    Grant {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// Judges a statement by the signer's terms: the manifest as it may be signed, with the signer's provenance and grant.
///
/// # Errors
/// The first thing that does not hold. Of the times: `created` may be ahead by what clocks may differ, and at most as old
/// as a node waits for a signature ([`UNPUBLISHED_KEPT`]).
pub fn judge(statement: &Statement, terms: &Terms) -> Result<Manifest, Refusal> {
    let mut manifest = statement.manifest().map_err(Refusal::Statement)?;
    if !terms.allow.iter().any(|pattern| pattern.covers(&manifest.key)) {
        return differs("key", format!("`{}` is in no pattern of --allow", manifest.key));
    }
    if let Some(pool) = terms.pool.as_ref().filter(|pool| **pool != manifest.pool) {
        return differs("pool", format!("`{}`, and the signer's is `{pool}`", manifest.pool));
    }
    same_provenance(&manifest.provenance, &terms.provenance)?;
    in_time(&manifest, terms)?;
    manifest.provenance = terms.provenance.clone();
    if let Some(envelope) = &terms.grant {
        granted(&manifest, envelope, terms.now)?;
        manifest.grant = Some(envelope.clone());
    }
    manifest.check().map_err(Refusal::Statement)?;
    let (bytes, bytes_max) = (Envelope::unsigned(&manifest).payload.len(), DOCUMENT_BYTES_MAX);
    if bytes > bytes_max {
        return Err(Refusal::Statement(DocumentError::TooLong { bytes, bytes_max }));
    }
    Ok(manifest)
}

/// Signs what was judged.
///
/// # Errors
/// A key that is not the grant's, where there is a grant.
pub fn sign(manifest: &Manifest, key: &KeyPair) -> Result<Envelope, Refusal> {
    if let Some(envelope) = &manifest.grant {
        let granted = read_grant(envelope)?.key;
        if granted != key.public() {
            let (granted, found) = (granted.short(), key.public().short());
            return refuse_grant(
                "key",
                format!("it is for the key {granted}…, and the signing key is {found}…"),
            );
        }
    }
    Ok(Envelope::sign(manifest, key))
}

fn differs<T>(field: &'static str, why: String) -> Result<T, Refusal> {
    Err(Refusal::Differs { field, why })
}

fn refuse_grant<T>(field: &'static str, why: String) -> Result<T, Refusal> {
    Err(Refusal::Grant { field, why })
}

/// The statement's provenance says nothing that the signer's does not.
fn same_provenance(stated: &Provenance, own: &Provenance) -> Result<(), Refusal> {
    for ((field, stated), (_, own)) in stated.fields().into_iter().zip(own.fields()) {
        if stated.is_empty() || stated == own {
            continue;
        }
        return differs(
            field,
            match own {
                "" => format!("the instance says `{stated}`, which the signer's provenance does not state"),
                own => format!("the instance says `{stated}`, and the signer's provenance `{own}`"),
            },
        );
    }
    Ok(())
}

fn in_time(manifest: &Manifest, terms: &Terms) -> Result<(), Refusal> {
    let Manifest { created, expires, .. } = *manifest;
    let (ahead, age) = (created.since(terms.now), terms.now.since(created));
    if ahead > CLOCK_SKEW_MAX {
        return differs(
            "created",
            format!("not valid yet, for another {} s: is a clock wrong?", ahead.as_secs()),
        );
    }
    if age > UNPUBLISHED_KEPT {
        let (age, most) = (age.as_secs(), UNPUBLISHED_KEPT.as_secs());
        return differs(
            "created",
            format!(
                "{age} s ago, and a node keeps its chunks for {most} s only: save anew, unless a clock is wrong"
            ),
        );
    }
    let life = expires.since(created);
    if life > terms.life_max {
        let (life, most) = (life.as_secs(), terms.life_max.as_secs());
        return differs("expires", format!("it would live for {life} s, longer than {most} s"));
    }
    if expires <= terms.now {
        let ago = terms.now.since(expires).as_secs();
        return differs("expires", format!("it expired {ago} s ago: is a clock wrong?"));
    }
    Ok(())
}

fn read_grant(envelope: &Envelope) -> Result<Grant, Refusal> {
    envelope.body().map_err(|why| Refusal::Grant { field: "grant", why: why.to_string() })
}

/// What seeds would refuse is told here already. Whether the issuer may grant this, only the policy says.
fn granted(manifest: &Manifest, envelope: &Envelope, now: Timestamp) -> Result<(), Refusal> {
    let grant = read_grant(envelope)?;
    if grant.pool != manifest.pool {
        return refuse_grant("pool", format!("it is for the pool `{}`, not `{}`", grant.pool, manifest.pool));
    }
    if !grant.patterns.iter().any(|pattern| pattern.covers(&manifest.key)) {
        return refuse_grant("patterns", format!("none of them covers `{}`", manifest.key));
    }
    if grant.expires <= now {
        let ago = now.since(grant.expires).as_secs();
        return refuse_grant(
            "expires",
            format!("it ended {ago} s ago: a new one is needed, unless a clock is wrong"),
        );
    }
    let ahead = grant.not_before.since(now);
    if ahead > CLOCK_SKEW_MAX {
        return refuse_grant("not_before", format!("it begins in {} s: is a clock wrong?", ahead.as_secs()));
    }
    if manifest.bytes() > grant.bytes_max {
        let (bytes, most) = (manifest.bytes(), grant.bytes_max);
        return refuse_grant("bytes_max", format!("{bytes} bytes are to be signed, and {most} are granted"));
    }
    let own = manifest.provenance.fields().into_iter().zip(grant.provenance.fields());
    let mut stated = own.filter(|(_, (_, granted))| !granted.is_empty());
    stated.find(|((_, own), (_, granted))| own != granted).map_or(Ok(()), |((field, own), (_, granted))| {
        refuse_grant(field, format!("it is for `{granted}`, and the signer's provenance says `{own}`"))
    })
}

#[cfg(test)]
mod tests;
