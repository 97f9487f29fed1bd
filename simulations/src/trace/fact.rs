//! One input or output, reduced to what names it.

use crate::numbered::NodeNo;
use core::fmt::Write as _;
use pollux_core::{ChunkId, PeerId};
use std::collections::BTreeMap;

/// See the module. Fields that a kind of fact does not have are left at their defaults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fact<'a> {
    /// `<` and an input's name, or `>` and an output's.
    pub(super) verb: &'static str,
    /// The fetch, ask, task or job.
    pub(super) subject: Option<u64>,
    pub(super) peer: Option<PeerId>,
    pub(super) chunk: Option<ChunkId>,
    /// Bytes, counts, credits.
    pub(super) amount: Option<u64>,
    /// How it went, or why.
    pub(super) outcome: &'static str,
    /// A message as it is sent: in the digest only, the text has its length.
    pub(super) bytes: &'a [u8],
}

impl Fact<'_> {
    pub(super) fn new(verb: &'static str) -> Self {
        Self { verb, ..Self::default() }
    }

    pub(super) const fn subject(mut self, subject: u64) -> Self {
        self.subject = Some(subject);
        self
    }

    pub(super) const fn peer(mut self, peer: PeerId) -> Self {
        self.peer = Some(peer);
        self
    }

    pub(super) const fn chunk(mut self, chunk: ChunkId) -> Self {
        self.chunk = Some(chunk);
        self
    }

    pub(super) fn amount(mut self, amount: impl TryInto<u64>) -> Self {
        self.amount = Some(amount.try_into().unwrap_or(u64::MAX));
        self
    }

    pub(super) const fn outcome(mut self, outcome: &'static str) -> Self {
        self.outcome = outcome;
        self
    }

    /// What is hashed: each field's presence, then the field.
    pub(super) fn write(&self, into: &mut Vec<u8>) {
        for text in [self.verb, self.outcome] {
            into.extend_from_slice(text.as_bytes());
            into.push(0);
        }
        let peer = self.peer.as_ref().map(|peer| peer.key().as_bytes());
        let chunk = self.chunk.as_ref().map(ChunkId::as_bytes);
        for name in [peer, chunk] {
            into.push(u8::from(name.is_some()));
            into.extend_from_slice(name.map_or(&[][..], |name| name));
        }
        for number in [self.subject, self.amount] {
            into.push(u8::from(number.is_some()));
            into.extend_from_slice(&number.unwrap_or_default().to_le_bytes());
        }
        into.extend_from_slice(&self.bytes.len().to_le_bytes());
        into.extend_from_slice(self.bytes);
    }

    /// What people read.
    pub(super) fn text(&self, names: &BTreeMap<PeerId, NodeNo>) -> String {
        let mut text = self.verb.to_owned();
        if let Some(subject) = self.subject {
            push(&mut text, format_args!("{subject}"));
        }
        match self.peer.map(|peer| names.get(&peer)) {
            Some(Some(no)) => push(&mut text, format_args!("n{}", no.0)),
            Some(None) => push(&mut text, format_args!("stranger")),
            None => {}
        }
        if let Some(chunk) = &self.chunk {
            push(&mut text, format_args!("chunk {}", chunk.short()));
        }
        if let Some(amount) = self.amount {
            push(&mut text, format_args!("amount {amount}"));
        }
        if !self.outcome.is_empty() {
            push(&mut text, format_args!("{}", self.outcome));
        }
        if !self.bytes.is_empty() {
            push(&mut text, format_args!("bytes {}", self.bytes.len()));
        }
        text
    }
}

/// Writing to a string does not fail.
fn push(text: &mut String, words: core::fmt::Arguments<'_>) {
    let _ = write!(text, " {words}");
}
