//! What a trace says of an output.

use super::fact::Fact;
use pollux_core::engine::{AskId, Event, FetchId, JobReply, Output, Source};
use pollux_core::message::Control;
use pollux_core::{ChunkId, ChunkRef, PeerId};

impl<'a> Fact<'a> {
    /// A message, with its bytes.
    pub(crate) fn of_message(output: &Output, bytes: &'a [u8]) -> Self {
        Self { bytes, ..Self::of_output(output) }
    }

    /// One chunk of a fetch.
    pub(crate) fn fetched(fetch: FetchId, peer: PeerId, chunk: &ChunkRef) -> Self {
        Self::new("> fetch").subject(fetch.0).peer(peer).chunk(chunk.id).amount(chunk.bytes)
    }

    /// One chunk that is given.
    pub(crate) fn served(ask: AskId, chunk: ChunkId) -> Self {
        Self::new("> serve").subject(ask.0).chunk(chunk)
    }

    pub(crate) fn of_output(output: &Output) -> Self {
        match output {
            Output::Dial { peer, .. } => Self::new("> dial").peer(*peer),
            Output::Disconnect { peer, .. } => Self::new("> disconnect").peer(*peer),
            Output::Send { peer, message } => Self::new("> send").peer(*peer).outcome(name(message)),
            Output::Fetch { peer, chunks } => Self::new("> fetch").peer(*peer).amount(chunks.len()),
            Output::Check { fetch, .. } => Self::new("> check").subject(fetch.0),
            Output::Keep { fetch } => Self::new("> keep").subject(fetch.0),
            Output::Release { fetch } => Self::new("> release").subject(fetch.0),
            Output::Serve { chunks } => Self::new("> serve").amount(chunks.len()),
            Output::Decline { ask, .. } => Self::new("> decline").subject(ask.0),
            Output::Deliver { job, chunk, source, .. } => {
                Self::new("> deliver").subject(job.0).chunk(chunk.id).outcome(from(*source))
            }
            Output::Reply { job, reply } => Self::new("> reply").subject(job.0).outcome(said(reply)),
            Output::Event(event) => Self::new("> event").outcome(happened(event)),
            Output::Admit { peer } => Self::new("> admit").peer(*peer),
            Output::Reach { peer, .. } => Self::new("> reach").peer(*peer),
            Output::Verify { task, .. } => Self::new("> verify").subject(task.0),
            Output::Sign { task, .. } => Self::new("> sign").subject(task.0),
            Output::Record { task, .. } => Self::new("> record").subject(task.0),
            Output::Sync { task } => Self::new("> sync").subject(task.0),
            Output::Look { task, chunks } => Self::new("> look").subject(task.0).amount(chunks.len()),
            Output::OpenTree { task, .. } => Self::new("> open-tree").subject(task.0),
            Output::Log(_) => Self::new("> log"),
            Output::ReadLog { task, .. } => Self::new("> read-log").subject(task.0),
        }
    }
}

pub(super) const fn name(message: &Control) -> &'static str {
    match message {
        Control::Hello(_) => "hello",
        Control::Join { .. } => "join",
        Control::Welcome { .. } => "welcome",
        Control::Refused { .. } => "refused",
        Control::Ask { .. } => "ask",
        Control::Answer { .. } => "answer",
        Control::AskRelayed { .. } => "ask-relayed",
        Control::Relayed { .. } => "relayed",
        Control::Relay { .. } => "relay",
        Control::Enter { .. } => "enter",
        Control::Neighbours { .. } => "neighbours",
        Control::AskPart { .. } => "ask-part",
        Control::Part { .. } => "part",
        Control::Zone { .. } => "zone",
        Control::Kin { .. } => "kin",
        Control::AskNeighbours { .. } => "ask-neighbours",
        Control::Have { .. } => "have",
        Control::Leave { .. } => "leave",
        Control::Offer { .. } => "offer",
        Control::OfferProgress { .. } => "offer-progress",
        Control::OfferReceipt { .. } => "offer-receipt",
        Control::OfferRefused { .. } => "offer-refused",
        Control::Certify { .. } => "certify",
        Control::Certified { .. } => "certified",
        Control::List { .. } => "list",
        Control::Listing { .. } => "listing",
        Control::CatchUp { .. } => "catch-up",
        Control::Known { .. } => "known",
        Control::Bring { .. } => "bring",
        Control::Brought { .. } => "brought",
        Control::AskPapers { .. } => "ask-papers",
        Control::Papers { .. } => "papers",
        Control::PapersKnown { .. } => "papers-known",
        Control::KeepPapers { .. } => "keep-papers",
        Control::PapersKept { .. } => "papers-kept",
        Control::AskLog { .. } => "ask-log",
        Control::Log { .. } => "log",
        Control::Unknown { .. } => "unknown",
    }
}

const fn from(source: Source) -> &'static str {
    match source {
        Source::Local => "local",
        Source::Peer => "peer",
        Source::Seed => "seed",
    }
}

const fn said(reply: &JobReply) -> &'static str {
    match reply {
        JobReply::Found { .. } => "found",
        JobReply::Miss(_) => "miss",
        JobReply::FetchDone => "fetch-done",
        JobReply::FetchFailed { .. } => "fetch-failed",
        JobReply::PublishProgress { .. } => "publish-progress",
        JobReply::Published { .. } => "published",
        JobReply::PublishFailed(_) => "publish-failed",
        JobReply::Listing { .. } => "listing",
        JobReply::Spread { .. } => "spread",
        JobReply::Log { .. } => "log",
    }
}

const fn happened(event: &Event) -> &'static str {
    match event {
        Event::Joined { .. } => "joined",
        Event::JoinRefused { .. } => "join-refused",
        Event::Disbelieved { .. } => "disbelieved",
        Event::BelowFloor { .. } => "below-floor",
        Event::Offended { .. } => "offended",
        Event::Junk { .. } => "junk",
        Event::UnknownMessage { .. } => "unknown-message",
        Event::Banned { .. } => "banned",
        Event::Complete { .. } => "complete",
        Event::Receipt { .. } => "receipt",
        Event::Certified { .. } => "certified",
        Event::ShareNearlyUsed { .. } => "share-nearly-used",
        Event::OfferRefused { .. } => "offer-refused",
        Event::Silent { .. } => "silent",
        Event::Merged { .. } => "merged",
        Event::Whole { .. } => "whole",
        Event::PapersChanged { .. } => "papers-changed",
        Event::PolicyHeard { .. } => "policy-heard",
        Event::Withdrawn { .. } => "withdrawn",
        Event::PapersNotKept => "papers-not-kept",
        Event::LetGo { .. } => "let-go",
        Event::StoreFullness { .. } => "store-fullness",
    }
}
