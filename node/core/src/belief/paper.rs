//! Kinds of documents.
use core::fmt;

/// A kind of document, as messages to people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paper {
    /// Whose signatures make a policy.
    Root,
    /// Who may do what.
    Policy,
    /// Lets a key sign manifests for some minutes.
    Grant,
    /// Takes something back.
    Yank,
    /// What a key means.
    Manifest,
    /// A seed's word that it holds a manifest.
    Receipt,
    /// A seed's reply to a question.
    Answer,
    /// The same, handed on by a peer.
    RelayedAnswer,
    /// Lets a node ask for a membership.
    Token,
    /// Lets a peer take part.
    Membership,
}

impl fmt::Display for Paper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "the root",
            Self::Policy => "the policy",
            Self::Grant => "the grant",
            Self::Yank => "the yank",
            Self::Manifest => "the manifest",
            Self::Receipt => "the receipt",
            Self::Answer => "the seed's answer",
            Self::RelayedAnswer => "the relayed answer",
            Self::Token => "the join token",
            Self::Membership => "the membership",
        })
    }
}
