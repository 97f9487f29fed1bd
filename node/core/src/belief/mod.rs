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
//! admission   tokens and memberships
//! choose      which of what seeds answered is taken
//! trust       root and policy; what all judgements share
//! witness     the types that only the above make
//! disbelief   why not
//! ```
mod admission;
mod answer;
mod certificate;
mod choose;
mod disbelief;
mod manifest;
mod trust;
mod witness;

pub use answer::Asked;
pub use disbelief::{Disbelief, Paper};
pub use trust::Trust;
pub use witness::{
    CertifiedEnvelope, CertifiedManifest, Skipped, VerifiedAnswer, VerifiedManifest, VerifiedMembership,
    VerifiedReceipt,
};

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
