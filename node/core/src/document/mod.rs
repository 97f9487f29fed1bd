//! Signed documents. All are DSSE envelopes over bounded JSON, and none is believed here: see `belief`.
//!
//! | document | type (`application/vnd.pollux.` … `+json`) | signed by |
//! |---|---|---|
//! | [`Root`] | `root.v1` | a threshold of root keys |
//! | [`Policy`] | `policy.v1` | a threshold of root keys |
//! | [`Grant`] | `grant.v1` | an issuer |
//! | [`Manifest`] | `manifest.v1` | a publisher, or the key of a grant |
//! | [`Yank`] | `yank.v1` | a yank key |
//! | [`Receipt`] | `receipt.v1` | a seed |
//! | [`FreshnessAnswer`] | `freshness.v1` | a seed |
//! | [`RelayedAnswer`] | `relayed.v1` | a seed |
//! | [`Token`] | `token.v1` | an admission key |
//! | [`Membership`] | `membership.v1` | an admission key or a seed |
//!
//! What each field means, its unit and its bounds stand with the structs. [`PoolFile`] and [`Papers`] are no documents
//! but carry them: what an image starts from, and what seeds spread since.
//!
//! Field names in JSON are those of the structs. Keys, ids and nonces are hexadecimal text, peer ids base58, times
//! RFC 3339, addresses as usual; numbers are integers. A field that is an `Option` is left out where there is none. Top
//! level fields that a reader does not know are ignored unless `crit`, an array of their names, demands otherwise.
mod admission;
mod bounds;
mod envelope;
mod grant;
mod key_pair;
mod manifest;
mod network;
mod papers;
mod policy;
mod pool_file;
mod query;
mod seed_words;
#[cfg(test)]
mod testing;
mod yank;
pub use admission::{Membership, PeerRole, Token};
pub use envelope::{Document, DocumentError, Envelope, SignatureEntry};
pub use grant::Grant;
pub use key_pair::{KeyPair, KeyPairError};
pub use manifest::{Manifest, Provenance, TreeRef};
pub use network::{Cidr, CidrError, Network};
pub use papers::{Papers, PapersDigest};
pub use policy::{Issuer, Policy, Publisher, Root, Seed};
pub use pool_file::PoolFile;
pub use query::Matched;
pub use seed_words::{CandidateRef, FreshnessAnswer, Query, Receipt, RelayedAnswer};
pub use yank::{Yank, Yanked};
