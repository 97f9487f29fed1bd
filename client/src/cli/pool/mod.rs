//! `pollux pool`: one file per verb, or for the two verbs of one thing. What all changes of a pool share is in `change`.

mod add_signature;
mod admission;
mod admit;
mod change;
mod init;
mod issuer;
mod network;
mod next;
mod publisher;
mod renew;
mod rotate;
mod seed;
mod spread;
mod token;
mod yank_key;

use super::Done;
use clap::{Args, Subcommand};
pub(super) use spread::{SpreadReport, hand_over};

/// Make and keep pools
///
/// Every verb that changes a pool takes its pool file, shows what changes, asks, signs with root keys, and writes the
/// new pool file in the place of the old one, which stays beside it. Then the seeds must hear of it (`--spread`, or
/// `pollux pool spread`), and images must get the new file before the old one's policy expires.
///
/// Root keys on several machines sign one after the other:
///
///   pollux pool add-seed … --pool pool.json --root-key root-1.pem --unsigned-out change.json
///
///   pollux pool add-signature change.json --pool pool.json --root-key root-2.pem
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Init),
    AddSeed(seed::AddSeed),
    RemoveSeed(seed::RemoveSeed),
    AddPublisher(publisher::AddPublisher),
    RemovePublisher(publisher::RemovePublisher),
    AddIssuer(issuer::AddIssuer),
    RemoveIssuer(issuer::RemoveIssuer),
    AddNetwork(network::AddNetwork),
    RemoveNetwork(network::RemoveNetwork),
    AddYankKey(yank_key::AddYankKey),
    RemoveYankKey(yank_key::RemoveYankKey),
    Renew(renew::Renew),
    RotateRoot(rotate::RotateRoot),
    AddSignature(add_signature::AddSignature),
    Spread(spread::Spread),
    Token(token::Token),
    Admission(admission::Admission),
    Admit(admit::Admit),
}

impl Arguments {
    /// Whether the result is for scripts.
    pub(super) const fn json(&self) -> bool {
        match &self.verb {
            Verb::Init(verb) => verb.json,
            Verb::AddSeed(verb) => verb.flags.common.json,
            Verb::RemoveSeed(verb) => verb.flags.common.json,
            Verb::AddPublisher(verb) => verb.flags.common.json,
            Verb::RemovePublisher(verb) => verb.flags.common.json,
            Verb::AddIssuer(verb) => verb.flags.common.json,
            Verb::RemoveIssuer(verb) => verb.flags.common.json,
            Verb::AddNetwork(verb) => verb.flags.common.json,
            Verb::RemoveNetwork(verb) => verb.flags.common.json,
            Verb::AddYankKey(verb) => verb.flags.common.json,
            Verb::RemoveYankKey(verb) => verb.flags.common.json,
            Verb::Renew(verb) => verb.flags.common.json,
            Verb::RotateRoot(verb) => verb.flags.common.json,
            Verb::AddSignature(verb) => verb.flags.common.json,
            Verb::Spread(verb) => verb.common.json,
            Verb::Token(verb) => verb.json,
            Verb::Admission(verb) => verb.flags.common.json,
            Verb::Admit(verb) => verb.json,
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    match &arguments.verb {
        Verb::Init(verb) => init::run(verb),
        Verb::AddSeed(verb) => seed::add(verb),
        Verb::RemoveSeed(verb) => seed::remove(verb),
        Verb::AddPublisher(verb) => publisher::add(verb),
        Verb::RemovePublisher(verb) => publisher::remove(verb),
        Verb::AddIssuer(verb) => issuer::add(verb),
        Verb::RemoveIssuer(verb) => issuer::remove(verb),
        Verb::AddNetwork(verb) => network::add(verb),
        Verb::RemoveNetwork(verb) => network::remove(verb),
        Verb::AddYankKey(verb) => yank_key::add(verb),
        Verb::RemoveYankKey(verb) => yank_key::remove(verb),
        Verb::Renew(verb) => renew::run(verb),
        Verb::RotateRoot(verb) => rotate::run(verb),
        Verb::AddSignature(verb) => add_signature::run(verb),
        Verb::Spread(verb) => spread::run(verb),
        Verb::Token(verb) => token::run(verb),
        Verb::Admission(verb) => admission::run(verb),
        Verb::Admit(verb) => admit::run(verb),
    }
}
