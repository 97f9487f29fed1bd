//! DSSE: envelopes, PAE, strict JSON.
use crate::{KeyPair, ManifestId, PublicKey};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
/// One signature of an envelope. The key id is a hint for people and never decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureEntry { /** hint */ pub keyid: String, /** Ed25519 signature, base64 in JSON */ pub sig: Vec<u8> }
/// A DSSE envelope (https://github.com/secure-systems-lab/dsse). In JSON: payloadType, payload (base64), signatures. In binary formats (postcard): raw bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope { /** type */ pub payload_type: String, /** body bytes: those verified are those parsed */ pub payload: Vec<u8>, /** signatures */ pub signatures: Vec<SignatureEntry> }
/// A document's JSON body with its type and the fields this version knows (for `crit`).
pub trait Document: Serialize + DeserializeOwned { /** DSSE payload type */ const TYPE: &'static str; /** names known */ const FIELDS: &'static [&'static str]; }
/// Why an envelope or its body is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError { #[error("todo")] Todo }
impl Envelope {
    /// Signs a document's JSON.
    pub fn sign<D: Document>(_document: &D, _key: &KeyPair) -> Self { todo!() }
    /// Adds another signature over the same bytes (thresholds).
    pub fn add_signature(&mut self, _key: &KeyPair) { todo!() }
    /// BLAKE3 of PAE(type, payload)
    pub fn id(&self) -> ManifestId { todo!() }
    /// True when one signature is by this key (strict verification).
    pub fn signed_by(&self, _key: &PublicKey) -> bool { todo!() }
    /// How many distinct keys of these have signed.
    pub fn signers<'a>(&self, _keys: &'a [PublicKey]) -> Vec<&'a PublicKey> { todo!() }
    /// Parses the body WITHOUT looking at signatures: type must be D::TYPE, bounded, no duplicate names, crit known.
    pub fn body<D: Document>(&self) -> Result<D, DocumentError> { todo!() }
    /// The JSON form.
    pub fn to_json(&self) -> String { todo!() }
    /// From bounded JSON.
    pub fn from_json(_text: &str) -> Result<Self, DocumentError> { todo!() }
}
