//! The envelope of every signed document: DSSE (<https://github.com/secure-systems-lab/dsse>) with Ed25519.
//!
//! What is signed is not the body but its pre-authentication encoding, which binds the body's type to it:
//!
//! ```text
//! PAE = "DSSEv1" SP len(type) SP type SP len(body) SP body      SP: one space; len: decimal bytes
//! ```
//!
//! As JSON an envelope is `{"payloadType": type, "payload": base64(body), "signatures": [{"keyid": text,
//! "sig": base64(signature)}]}`, with standard, padded base64. In binary formats (postcard) the same fields follow
//! each other in this order, body and signatures as raw bytes. Signatures are 64 bytes, 16 at most. `keyid` is a
//! hint for people (here: the public key in hexadecimal) and decides nothing: whose signature it is, is found by
//! verifying.
//!
//! The bytes that are verified are the bytes that are parsed: [`Envelope::body`] reads [`Envelope::payload`] itself.

mod serial;
mod strict;

use crate::limits::{DOCUMENT_BYTES_MAX, ENVELOPE_JSON_BYTES_MAX, SIGNATURES_MAX};
use crate::{Digest, KeyPair, ManifestId, PublicKey};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
pub(crate) use strict::parse_strict;

/// Bytes of a payload type at most.
const TYPE_BYTES_MAX: usize = 128;
/// Bytes of a key id at most: 64 hexadecimal digits are written, other software may write more.
const KEYID_BYTES_MAX: usize = 128;

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureEntry {
    /// A hint for people, 128 bytes at most; may be left out in JSON. It never decides.
    #[serde(default)]
    pub keyid: String,
    /// The Ed25519 signature of the PAE: 64 bytes.
    #[serde(with = "serial")]
    pub sig: Vec<u8>,
}

/// A document's bytes with its type and signatures; nothing about it is believed yet. See the module for its forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "serial::Unchecked")]
pub struct Envelope {
    /// What the payload is, as a media type; 128 bytes at most.
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// The body: JSON of at most [`DOCUMENT_BYTES_MAX`] bytes.
    #[serde(with = "serial")]
    pub payload: Vec<u8>,
    /// At most [`SIGNATURES_MAX`]; more than one only where a threshold of keys signs.
    pub signatures: Vec<SignatureEntry>,
}

/// What an envelope may carry: a JSON object with a type of its own.
pub trait Document: Serialize + DeserializeOwned {
    /// The envelope's payload type, which the signature covers.
    const TYPE: &'static str;

    /// The names of all top-level fields that this version understands: `crit` may demand no others.
    const FIELDS: &'static [&'static str];

    /// Bounds and self-consistency, beyond what the types say. [`Envelope::body`] has called it.
    ///
    /// # Errors
    /// [`DocumentError::Invalid`] names the field and what is wrong with it.
    fn check(&self) -> Result<(), DocumentError>;
}

/// Why an envelope or its body is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is another kind of document.
    #[error("this is a document of type {found}, not {expected}")]
    Type {
        /// What was needed.
        expected: &'static str,
        /// What it says it is.
        found: String,
    },
    /// It is longer than anything honest.
    #[error("the document has {bytes} bytes, more than the {bytes_max} that are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// It is no JSON, nests too deep, repeats a name, lacks a field, or a value does not parse.
    #[error("the document does not parse: {0}")]
    Malformed(String),
    /// Its author demands that readers understand a field that this version does not know.
    #[error("the document needs a newer pollux, one that understands its field `{0}`")]
    Critical(String),
    /// Its format has a version that this program does not know.
    #[error("made by a newer pollux: its version is {0}")]
    Newer(u32),
    /// It parses, and what it says breaks a rule.
    #[error("{field}: {why}")]
    Invalid {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        why: String,
    },
}

impl Envelope {
    /// A document's JSON without any signature yet, for [`Self::add_signature`]. Checks nothing.
    #[must_use]
    pub fn unsigned<D: Document>(document: &D) -> Self {
        #[expect(
            clippy::expect_used,
            reason = "documents are plain structs with text names: no case can fail"
        )]
        let payload = serde_json::to_vec(document).expect("a document has a JSON form");
        Self { payload_type: D::TYPE.to_owned(), payload, signatures: Vec::new() }
    }

    /// Signs a document's JSON. Checks nothing: see [`Document::check`].
    #[must_use]
    pub fn sign<D: Document>(document: &D, key: &KeyPair) -> Self {
        let mut envelope = Self::unsigned(document);
        envelope.add_signature(key);
        envelope
    }

    /// Adds another signature over the same bytes.
    pub fn add_signature(&mut self, key: &KeyPair) {
        let sig = key.sign(&self.pae()).to_vec();
        self.signatures.push(SignatureEntry { keyid: key.public().to_string(), sig });
    }

    /// The envelope's name: the BLAKE3 hash of what its signatures cover, so the same whoever signed it.
    #[must_use]
    pub fn id(&self) -> ManifestId {
        ManifestId::from_bytes(*blake3::hash(&self.pae()).as_bytes())
    }

    /// The same hash as [`Self::id`], as the name of a document that is no manifest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::from_bytes(*self.id().as_bytes())
    }

    /// Whether one of the signatures is this key's, by strict verification.
    #[must_use]
    pub fn signed_by(&self, key: &PublicKey) -> bool {
        Self::any_signs(&self.pae(), self.bounded_signatures(), key)
    }

    /// Those of `keys` that have signed, each once however often it stands in `keys` or among the signatures.
    #[must_use]
    pub fn signers<'a>(&self, keys: &'a [PublicKey]) -> Vec<&'a PublicKey> {
        self.signers_until(keys, usize::MAX)
    }

    /// As [`Self::signers`], which stops once there are so many. Keys that a key id names are tried first: that saves
    /// work where they are honest and decides nothing where not.
    pub(crate) fn signers_until<'a>(&self, keys: &'a [PublicKey], most: usize) -> Vec<&'a PublicKey> {
        let pae = self.pae();
        let hint = |key: &PublicKey| key.to_string();
        let hinted = |key: &&PublicKey| self.bounded_signatures().any(|entry| entry.keyid == hint(key));
        let (first, later): (Vec<_>, Vec<_>) = keys.iter().partition(hinted);
        let mut signers: Vec<&PublicKey> = Vec::new();
        for key in first.into_iter().chain(later) {
            let (likely, others): (Vec<_>, Vec<_>) =
                self.bounded_signatures().partition(|entry| entry.keyid == hint(key));
            let mut entries = likely.into_iter().chain(others);
            if signers.len() < most && !signers.contains(&key) && Self::any_signs(&pae, &mut entries, key) {
                signers.push(key);
            }
        }
        signers
    }

    /// Parses and checks the body, WITHOUT looking at signatures.
    ///
    /// # Errors
    /// If the type is not `D`'s; the body is longer than [`DOCUMENT_BYTES_MAX`], no JSON object, nests too deep or
    /// repeats a name at any level; `crit` (an array of top-level names) holds a name that is not in `D::FIELDS`;
    /// a field is missing or does not fit; or [`Document::check`] refuses it. Other unknown fields are ignored.
    pub fn body<D: Document>(&self) -> Result<D, DocumentError> {
        if self.payload_type != D::TYPE {
            let found = crate::key::quoted(&self.payload_type);
            return Err(DocumentError::Type { expected: D::TYPE, found });
        }
        let document: D = parse_strict(&self.payload, DOCUMENT_BYTES_MAX, D::FIELDS)?;
        document.check()?;
        Ok(document)
    }

    /// The JSON form, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[expect(clippy::expect_used, reason = "three text fields: no case can fail")]
        serde_json::to_string(self).expect("an envelope has a JSON form")
    }

    /// Reads the JSON form, as strictly as a body is read.
    ///
    /// # Errors
    /// If it is too long, no JSON object, repeats a name, or something in it is over its bound. No field of an
    /// envelope may be critical that this version does not know.
    pub fn from_json(text: &str) -> Result<Self, DocumentError> {
        parse_strict(text.as_bytes(), ENVELOPE_JSON_BYTES_MAX, &["payloadType", "payload", "signatures"])
    }

    /// What is signed.
    fn pae(&self) -> Vec<u8> {
        let kind = &self.payload_type;
        let head = format!("DSSEv1 {} {kind} {} ", kind.len(), self.payload.len());
        [head.as_bytes(), &self.payload].concat()
    }

    /// The signatures that are looked at: a bound on the work that one envelope can cause.
    fn bounded_signatures(&self) -> impl Iterator<Item = &SignatureEntry> {
        self.signatures.iter().take(SIGNATURES_MAX)
    }

    fn any_signs<'a>(
        pae: &[u8],
        mut signatures: impl Iterator<Item = &'a SignatureEntry>,
        key: &PublicKey,
    ) -> bool {
        signatures.any(|signature| key.verifies(pae, &signature.sig))
    }

    /// Every part within its bound.
    fn within_bounds(&self) -> Result<(), &'static str> {
        if self.payload_type.len() > TYPE_BYTES_MAX {
            return Err("the payload type is longer than 128 bytes");
        }
        if self.payload.len() > DOCUMENT_BYTES_MAX {
            return Err("the payload is longer than 256 KiB");
        }
        if self.signatures.len() > SIGNATURES_MAX {
            return Err("there are more than 16 signatures");
        }
        if self.signatures.iter().any(|signature| signature.sig.len() != 64) {
            return Err("an Ed25519 signature has 64 bytes");
        }
        if self.signatures.iter().any(|signature| signature.keyid.len() > KEYID_BYTES_MAX) {
            return Err("a key id is longer than 128 bytes");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
