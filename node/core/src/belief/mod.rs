//! What is believed: the only makers of witness types.
//!
//! A document from anywhere (a peer, a seed, a job, the store) is bytes until [`Trust`] has judged it by the pool's
//! root and policy; what holds becomes a type that nothing else makes, and stores and restores take nothing else.
//! What does not hold has a [`Disbelief`] with a name. All of it is pure: the time is an input, fixed once for each
//! judgement, and equal inputs are judged equally.
//!
//! A document that one key signs carries exactly one signature, so that who signed it is never a matter of choice;
//! roots and policies carry as many as their threshold needs. Key ids decide nothing.
//!
//! ```text
//! answer      seeds' answers: candidates, each with its certificate
//! certificate receipts of `write` seeds, and the manifest judged at their median time
//! manifest    signature, signer, pattern, times, generations
//! grant       keys that may sign for some minutes, and how much of them was used
//! yank        what is taken back
//! used        what yanks are judged by, for who remembers no more than that
//! floor       what is older than somebody trusted knows
//! admission   tokens and memberships
//! choose      which of what seeds answered is taken
//! takeover    when a newer policy does
//! explain     the whole judgement of a manifest, step by step, for people
//! trust       root, policy, yanks and floors; what all judgements share
//! chain       from the pinned root and policy to the newest
//! witness     the types that only the above make
//! disbelief   why not
//! paper       kinds of documents, in words
//! ```
mod admission;
mod answer;
mod certificate;
mod chain;
mod choose;
mod disbelief;
mod explain;
mod floor;
mod grant;
mod manifest;
mod paper;
mod takeover;
mod trust;
mod used;
mod witness;
mod yank;

pub use answer::Asked;
pub use disbelief::Disbelief;
pub use explain::{Explanation, Step, explain};
pub use floor::Floors;
pub use grant::GrantUse;
pub use paper::Paper;
pub use takeover::{PolicyHolders, PolicyVotes};
pub use trust::Trust;
pub use used::Used;
pub use witness::{
    CertifiedEnvelope, CertifiedManifest, ShortManifest, Skipped, VerifiedAnswer, VerifiedGrant,
    VerifiedManifest, VerifiedMembership, VerifiedReceipt, VerifiedYank, Weighed,
};
pub use yank::YankSet;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
