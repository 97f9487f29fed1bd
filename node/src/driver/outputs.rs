//! Carries out what the engine decides.

use super::Driver;
use super::events::{Delivery, SessionItem};
use super::housekeeping::Housekeeping;
use futures::future::join_all;
use pollux_core::engine::{
    Event, FetchId, Fullness, Input, JobId, Output, Record, Source, StoreFailure, TaskId,
};
use pollux_core::{ChunkRef, PeerId};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// For the look-up of a host name; the other addresses of a peer do not wait longer for it.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(5);

impl Driver {
    pub(super) fn carry_out(&mut self, output: Output) {
        match output {
            Output::Dial { peer, addresses } => self.dial(peer, addresses),
            Output::Disconnect { peer, why } => {
                // Whoever is refused may come back at once, for ever: warnings tell of what matters, once.
                tracing::debug!(%peer, ?why, "peer let go");
                self.net.disconnect(peer);
            }
            Output::Send { peer, message } => self.net.send(peer, &message),
            Output::Fetch { peer, chunks } => {
                chunks.iter().for_each(|(fetch, _)| self.frames.begin(*fetch));
                self.net.fetch(peer, chunks);
            }
            Output::Check { fetch, chunk } => self.workers.check(&self.frames, fetch, chunk),
            Output::Keep { fetch } => self.keep(fetch),
            Output::Release { fetch } => {
                self.frames.release(fetch);
                self.net.cancel(fetch);
            }
            Output::Serve { chunks } => self.workers.serve(&self.net, chunks),
            Output::Decline { ask, why } => {
                self.counters.declined(ask);
                self.net.answer(ask, Err(why));
            }
            Output::Verify { task, work, trust } => self.workers.verify(task, *work, trust),
            Output::Sign { task, statement } => self.workers.sign(task, *statement),
            Output::Record { task, record } => self.record(task, *record),
            Output::Sync { task } => self.workers.sync(task),
            Output::Look { task, chunks } => match self.housekeeping {
                Housekeeping::Seed(_) => self.workers.look_and_keep(task, &chunks),
                Housekeeping::Node { .. } => self.workers.look(task, chunks),
            },
            Output::OpenTree { task, tree } => self.workers.open_tree(task, tree),
            Output::Deliver { job, chunk, source, fetch } => self.deliver(job, chunk, source, fetch),
            Output::Reply { job, reply } => {
                self.counters.reply(self.clock.now().instant, job, &reply);
                self.sessions.give(job, SessionItem::Reply(reply));
            }
            Output::Event(event) => {
                self.counters.event(&event);
                log_event(&event);
            }
            Output::Admit { peer } => self.net.admit(peer),
            Output::Log(entry) => self.workers.log(&entry),
            Output::ReadLog { task, what, after } => self.workers.read_log(task, what, after),
            Output::Reach { peer, address } => self.net.dial(peer, vec![address]),
        }
    }

    /// Host names are looked up beside the loop; addresses need no look-up.
    fn dial(&self, peer: PeerId, addresses: Vec<String>) {
        let net = self.net.clone();
        tokio::spawn(async move {
            let found = join_all(addresses.into_iter().map(look_up)).await;
            net.dial(peer, found.into_iter().flatten().collect());
        });
    }

    fn record(&mut self, task: TaskId, record: Record) {
        if let Housekeeping::Node { sweeper, .. } = &mut self.housekeeping {
            sweeper.note(&record);
        }
        self.workers.record(task, record);
    }

    fn keep(&self, fetch: FetchId) {
        match self.frames.chunk(fetch) {
            Some(chunk) => self.workers.keep(fetch, chunk),
            None => self.workers.say(Input::Kept { fetch, result: Err(StoreFailure::Broken) }),
        }
    }

    fn deliver(&mut self, job: JobId, chunk: ChunkRef, source: Source, fetch: Option<FetchId>) {
        self.counters.delivered(source, chunk.bytes);
        let delivery = match fetch.and_then(|fetch| self.frames.chunk(fetch)) {
            Some(buffer) => Delivery::Buffer(buffer),
            None => Delivery::Store,
        };
        self.sessions.give(job, SessionItem::Chunk { chunk, source, delivery });
    }
}

/// What a name or address stands for; nothing if that is not found in time.
async fn look_up(address: String) -> Vec<SocketAddr> {
    match timeout(LOOK_UP_TIMEOUT, tokio::net::lookup_host(&address)).await {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(error)) => {
            tracing::debug!(%address, %error, "address not found");
            Vec::new()
        }
        Err(_) => {
            tracing::debug!(%address, "address not found in time");
            Vec::new()
        }
    }
}

fn log_event(event: &Event) {
    match event {
        Event::Joined { seed } => tracing::info!(%seed, "joined the pool"),
        Event::JoinRefused { seed, why } => tracing::warn!(%seed, reason = %why, "a seed refuses this node"),
        Event::Disbelieved { from: Some(peer), why } => {
            tracing::warn!(%peer, reason = %why, "a peer sent a document that is not believed");
        }
        Event::Disbelieved { from: None, why } => tracing::warn!(reason = %why, "a document is not believed"),
        Event::BelowFloor { manifest, sequence, floor } => {
            tracing::warn!(%manifest, sequence, floor, "seeds answer with something older than was seen before");
        }
        Event::Offended { peer, offence } => tracing::warn!(%peer, ?offence, "a peer broke the protocol"),
        Event::UnknownMessage { peer, kind } => {
            tracing::debug!(%peer, kind, "a peer said something that only a later release knows");
        }
        Event::Junk { peer, fault } => tracing::warn!(%peer, reason = %fault, "a peer sent a wrong chunk"),
        Event::Banned { peer } => tracing::warn!(%peer, "peer banned for a while"),
        Event::Complete { manifest } => tracing::info!(%manifest, "every chunk is here"),
        Event::Certified { manifest } => tracing::info!(%manifest, "manifest certified"),
        Event::Silent { .. } | Event::Merged { .. } | Event::Whole { .. } => log_wholeness(event),
        Event::PapersChanged { .. }
        | Event::PolicyHeard { .. }
        | Event::Withdrawn { .. }
        | Event::PapersNotKept => log_papers(event),
        Event::LetGo { .. } | Event::StoreFullness { .. } => log_room(event),
        Event::ShareNearlyUsed { .. } | Event::OfferRefused { .. } | Event::Receipt { .. } => {
            log_offers(event);
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller has sorted the events")]
fn log_offers(event: &Event) {
    match event {
        Event::Receipt { manifest } => tracing::info!(%manifest, "receipt signed"),
        Event::ShareNearlyUsed { publisher, bytes, share } => {
            tracing::warn!(publisher, bytes, share, "a publisher has nearly used its share of this seed");
        }
        Event::OfferRefused { from: peer, manifest, place: Some((key, sequence)), why } => {
            tracing::info!(%peer, %manifest, %key, sequence, reason = %why, "offer refused");
        }
        Event::OfferRefused { from: peer, manifest, place: None, why } => {
            tracing::info!(%peer, %manifest, reason = %why, "offer refused");
        }
        _ => {}
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller has sorted the events")]
fn log_room(event: &Event) {
    match event {
        Event::LetGo { manifest, key: Some(key), newest: true } => {
            tracing::warn!(%manifest, %key, "the newest of its lineage has expired, and its content is let go for want of room");
        }
        Event::LetGo { manifest, key: Some(key), newest: false } => {
            tracing::info!(%manifest, %key, "the content of a manifest is let go");
        }
        Event::LetGo { manifest, key: None, .. } => tracing::info!(%manifest, "a manifest was evicted"),
        Event::StoreFullness { fullness: Fullness::Enough, bytes, bytes_max } => {
            tracing::info!(bytes, bytes_max, "the store has room again");
        }
        Event::StoreFullness { fullness: Fullness::Nearly, bytes, bytes_max } => {
            tracing::warn!(
                bytes,
                bytes_max,
                "the store is four fifths full: give it more room, or publish less"
            );
        }
        Event::StoreFullness { fullness: Fullness::Full, bytes, bytes_max } => {
            tracing::error!(bytes, bytes_max, "the store is full: saves are refused until it has more room");
        }
        _ => {}
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller has sorted the events")]
fn log_wholeness(event: &Event) {
    match event {
        Event::Silent { why } => tracing::warn!(reason = %why, "this seed signs nothing for now"),
        Event::Merged { from } => tracing::info!(seed = %from, "merged what another seed keeps"),
        Event::Whole { others } => tracing::info!(others, "this seed signs from now on"),
        _ => {}
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller has sorted the events")]
fn log_papers(event: &Event) {
    match event {
        Event::PapersChanged { root, policy, yanks } => {
            tracing::info!(root, policy, yanks, "everything is judged anew");
        }
        Event::PolicyHeard { version } => {
            tracing::info!(version, "a newer policy is known; it counts once enough seeds go by it");
        }
        Event::Withdrawn { manifest, why } => {
            tracing::warn!(%manifest, reason = %why, "a manifest is served no more");
        }
        Event::PapersNotKept => tracing::error!(
            "policy and yanks could not be made durable: after a restart this node goes by older ones until it meets seeds"
        ),
        _ => {}
    }
}
