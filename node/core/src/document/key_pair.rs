//! Ed25519 key pairs, PKCS#8 PEM as openssl and ssh-keygen read it.
use crate::PublicKey;
/// A secret key: zeroed when dropped, never shown by Debug.
pub struct KeyPair { _todo: () }
/// Why a key does not parse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyPairError { #[error("todo")] Todo }
impl KeyPair {
    /// From 32 random bytes (the caller's randomness).
    pub fn from_seed(_seed: [u8; 32]) -> Self { todo!() }
    /// The secret seed, for a transport that proves the same identity.
    pub fn seed(&self) -> zeroize::Zeroizing<[u8; 32]> { todo!() }
    /// From PKCS#8 PEM ("BEGIN PRIVATE KEY").
    pub fn from_pem(_pem: &str) -> Result<Self, KeyPairError> { todo!() }
    /// To PKCS#8 PEM.
    pub fn to_pem(&self) -> zeroize::Zeroizing<String> { todo!() }
    /// public half
    pub fn public(&self) -> PublicKey { todo!() }
    /// raw signature
    pub fn sign(&self, _message: &[u8]) -> [u8; 64] { todo!() }
}
