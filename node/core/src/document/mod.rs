//! Signed documents. All are DSSE envelopes over bounded JSON.
mod envelope;
mod key_pair;
mod manifest;
mod policy;
mod pool_file;
mod seed_words;
mod admission;
pub use admission::{Membership, Token, PeerRole};
pub use envelope::{Document, DocumentError, Envelope, SignatureEntry};
pub use key_pair::{KeyPair, KeyPairError};
pub use manifest::{Manifest, Provenance, TreeRef};
pub use policy::{Issuer, Network, Policy, Publisher, Root, Seed};
pub use pool_file::PoolFile;
pub use seed_words::{CandidateRef, FreshnessAnswer, Query, Receipt, RelayedAnswer};
