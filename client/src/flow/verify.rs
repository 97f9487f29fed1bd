//! A certified manifest in a file, and what its signature covers.

use pollux_core::limits::{ENVELOPE_JSON_BYTES_MAX, SEEDS_MAX};
use pollux_core::{CertifiedEnvelope, Envelope};
use serde::Deserialize;

/// Bytes of a file with a certified manifest at most: as many envelopes, and as much again for white space and for what
/// else `pollux show --json` says.
pub const CERTIFIED_JSON_BYTES_MAX: usize = (SEEDS_MAX + 1) * ENVELOPE_JSON_BYTES_MAX * 2;

/// The text holds no certified manifest.
#[derive(Debug, thiserror::Error)]
#[error("no certified manifest as `pollux show --json` prints it: {0}")]
pub struct NoManifest(String);

/// What `pollux show --json` prints has it in a field of its own.
#[derive(Deserialize)]
struct Shown {
    certified: CertifiedEnvelope,
}

/// Reads a manifest with its receipts: what `pollux show --json` prints, or its field `certified` alone. Nothing of it is
/// believed.
///
/// # Errors
/// A text that is neither, or is longer than [`CERTIFIED_JSON_BYTES_MAX`].
pub fn read_certified(text: &str) -> Result<CertifiedEnvelope, NoManifest> {
    if text.len() > CERTIFIED_JSON_BYTES_MAX {
        return Err(NoManifest("it is too long".to_owned()));
    }
    match serde_json::from_str::<Shown>(text) {
        Ok(shown) => Ok(shown.certified),
        Err(why) => serde_json::from_str(text).map_err(|_| NoManifest(why.to_string())),
    }
}

/// The bytes that an envelope's signatures cover: DSSE's pre-authentication encoding, as [`Envelope`] describes it.
#[must_use]
pub fn signed_bytes(envelope: &Envelope) -> Vec<u8> {
    let (kind, body) = (&envelope.payload_type, &envelope.payload);
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), body.len());
    [head.as_bytes(), body].concat()
}
