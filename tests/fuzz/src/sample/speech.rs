//! What peers say to each other, and what a job and its node say.

use super::papers::{
    certified, digest, key, manifest_id, papers, pattern, peer, query, signed_answer, signed_manifest,
    signed_membership, signed_relayed, signed_token, zone,
};
use pollux_client::protocol::{
    ChunkHead, ChunkSource, PublishEnd, PutFailure, Reply, Request, TakenBack, encode,
};
use pollux_core::engine::MissReason;
use pollux_core::message::{
    BulkOutcome, BulkReply, BulkRequest, ChunkSet, Control, Decline, Hello, ListQuery, LogKinds, LogLine,
    LogPage, LogPlace, LogQuery, OfferRefusal, PapersRefusal, PeerAddress, RecordName, Refusal, VoteEnvelope,
};
use pollux_core::{ChunkId, ChunkRef, Frame, FrameKind, Nonce, PeerRole, Timestamp};

const PLAIN: &[u8] = b"plain bytes";

/// One of every control message, and of those of a later release.
pub(crate) fn messages() -> Vec<Control> {
    let manifest = manifest_id();
    let peers = vec![PeerAddress { peer: peer(), addresses: vec![([10, 0, 0, 7], 4480).into()] }];
    let chunks: ChunkSet = [0, 1, 2, 7, 9].into_iter().collect();
    let hello = Hello {
        pool: "ci".to_owned(),
        role: PeerRole::Seed,
        software: "pollux 1".to_owned(),
        membership: Some(signed_membership()),
        listen_port: 4480,
    };
    let nonce = Nonce::from_bytes([0xcd; 32]);
    let names =
        vec![RecordName::Certified { manifest, complete: true }, RecordName::Vote { manifest, seed: peer() }];
    let vote = VoteEnvelope { manifest: signed_manifest(), receipt: signed_token() };
    vec![
        Control::Hello(hello),
        Control::Join { token: signed_token() },
        Control::Welcome { membership: signed_membership(), peers: peers.clone() },
        Control::Refused { why: Refusal::AddressFull },
        Control::Ask { ask: 300, nonce, query: query() },
        Control::Answer { ask: 300, answer: signed_answer(), beside: vec![certified()] },
        Control::AskRelayed { ask: 1, query: query() },
        Control::Relayed { ask: 1, answers: vec![(signed_relayed(), vec![certified()])] },
        Control::Relay { answer: signed_relayed(), beside: vec![certified()] },
        Control::Enter { manifest, have: chunks.clone() },
        Control::Neighbours { manifest, peers: peers.clone() },
        Control::Have { manifest, chunks: chunks.clone() },
        Control::Leave { manifest },
        Control::Offer { offer: 2, manifest: signed_manifest() },
        Control::OfferProgress { offer: 2, have: 3, of: 9 },
        Control::OfferReceipt { offer: 2, receipt: signed_token() },
        Control::OfferRefused {
            offer: 2,
            why: OfferRefusal::Conflict,
            standing: Some(Box::new(certified())),
            highest: 9,
        },
        Control::Certify { certified: certified() },
        Control::Certified { manifest },
        Control::List { ask: 3, what: ListQuery::Pattern { pattern: Some(pattern()), after: Some(key()) } },
        Control::List { ask: 3, what: ListQuery::Prefix("abcd".to_owned()) },
        Control::Listing { ask: 3, rows: vec![certified()], more: true },
        Control::CatchUp { epoch: 3, seen: 300, life: u64::MAX, after: 1 },
        Control::Known { epoch: 3, seen: 0, life: 7, next: 9, more: true, names: names.clone() },
        Control::Bring { names },
        Control::Brought { certified: vec![certified()], votes: vec![vote] },
        Control::AskPapers { have: digest() },
        Control::Papers { papers: papers() },
        Control::PapersKnown { version: 7, papers: digest(), next: Some(digest().policy), ends: true },
        Control::KeepPapers { bring: 300, papers: papers() },
        Control::PapersKept { bring: 300, refused: Some(PapersRefusal::Busy) },
        Control::AskLog { ask: 4, what: log_query(), after: Some(LogPlace { file: 300, offset: 70_000 }) },
        Control::Log { ask: 4, page: log_page() },
        Control::AskPart { manifest },
        Control::Part { manifest, chunks: [0, 7, 8].into_iter().collect() },
        Control::Zone { zone: zone() },
        Control::Kin { manifest, have: chunks, peers },
        Control::AskNeighbours { manifest },
        Control::Refused { why: Refusal::Unknown(17) },
        Control::Unknown { kind: 77 },
    ]
}

fn log_query() -> LogQuery {
    LogQuery {
        pattern: Some(pattern()),
        derived_from: Some("00ff".to_owned()),
        since: Some(Timestamp::from_millis(1_793_696_700_000)),
        kinds: LogKinds::Refused,
    }
}

fn log_page() -> LogPage {
    let lines = [r#"{"what":"policy"}"#, ""].map(|text| LogLine::new(text.to_owned()));
    let next = Some(LogPlace { file: 2, offset: 300 });
    LogPage { lines: lines.into_iter().flatten().collect(), next }
}

/// Both kinds of words on a bulk stream.
pub(crate) fn replies() -> Vec<Vec<u8>> {
    let bytes = length(PLAIN);
    let frame = BulkOutcome::Frame { kind: FrameKind::Raw, bytes };
    let mut given = BulkReply { request: 1, outcome: frame }.to_bytes().to_vec();
    given.extend_from_slice(PLAIN);
    for why in [Decline::Missing, Decline::Busy, Decline::NotAMember, Decline::Unknown(17)] {
        given.extend_from_slice(&BulkReply { request: 2, outcome: BulkOutcome::Declined(why) }.to_bytes());
    }
    let zstd = BulkOutcome::Frame { kind: FrameKind::Zstd, bytes: 1 };
    let mut asked = BulkReply { request: 3, outcome: zstd }.to_bytes().to_vec();
    asked.push(0);
    asked.extend_from_slice(&BulkRequest { request: 7, chunk: ChunkId::of(PLAIN) }.to_bytes());
    asked.extend_from_slice(&BulkRequest::take_back(7).to_bytes());
    vec![given, asked]
}

/// One of every request and of most replies, and chunks.
pub(crate) fn frames() -> Vec<Vec<u8>> {
    let requests = requests().into_iter().filter_map(|request| encode(&request).ok());
    let replies = wire_replies().into_iter().filter_map(|reply| encode(&reply).ok());
    requests.chain(replies).chain([chunk_frame()]).collect()
}

fn requests() -> Vec<Request> {
    let (manifest, chunk) = (manifest_id(), chunk());
    let query = query();
    vec![
        Request::Hello { oldest: 1, newest: 1, software: "pollux 1".to_owned() },
        Request::Status,
        Request::Resolve { key: query.key, fallbacks: query.fallbacks, deadline_ms: 3000 },
        Request::Fetch { manifest, chunks: vec![chunk, chunk] },
        Request::Lacks { chunks: vec![chunk.id] },
        Request::Flush,
        Request::Publish { manifest: signed_manifest(), deadline_ms: 3000 },
        Request::List { what: ListQuery::Manifest(manifest), deadline_ms: 3000 },
        Request::Papers,
        Request::Spread { papers: papers(), deadline_ms: 3000 },
        Request::Used { manifests: vec![manifest] },
        Request::Log {
            what: log_query(),
            at: Some((peer(), LogPlace { file: 1, offset: 2 })),
            deadline_ms: 3000,
        },
        Request::Overview,
    ]
}

fn wire_replies() -> Vec<Reply> {
    let chunk = chunk();
    let standing = Some(Box::new(certified()));
    vec![
        Reply::Welcome { version: 1, software: "pollux-node 1".to_owned(), pool: "ci".to_owned() },
        Reply::Refused { why: "no".to_owned() },
        Reply::Found { certified: Box::new(certified()), fallback: Some(1), relayed: true },
        Reply::Miss { reason: MissReason::TooSlow },
        Reply::FetchDone,
        Reply::ChunkFailed { chunk, why: MissReason::NoHolder },
        Reply::Lacking { indices: vec![0, 300] },
        Reply::PutFailed { chunk: chunk.id, why: PutFailure::Full },
        Reply::PublishProgress { have: 1, of: 2 },
        Reply::Published { certified: Box::new(certified()) },
        Reply::PublishFailed { why: PublishEnd::LostRace { standing, highest: 9 } },
        Reply::Listing { rows: vec![certified()], more: true, from_seed: true, taken: vec![certified()] },
        Reply::Papers { papers: papers(), digest: digest(), more: true },
        Reply::Spread { held: 1, needed: 2, of: 3, refused: Some("no".to_owned()) },
        Reply::Used { yanked: vec![taken_back()] },
        Reply::Log { seed: Some(peer()), page: log_page() },
        Reply::Miss { reason: MissReason::Unknown(17) },
    ]
}

fn taken_back() -> TakenBack {
    TakenBack { manifest: manifest_id(), key: Some(key()), why: "poisoned".to_owned() }
}

fn chunk_frame() -> Vec<u8> {
    let frame = Frame { kind: FrameKind::Raw, bytes: PLAIN.to_vec() };
    let mut bytes = ChunkHead::before(chunk(), ChunkSource::Seed, &frame);
    bytes.extend_from_slice(PLAIN);
    bytes
}

fn chunk() -> ChunkRef {
    ChunkRef { id: ChunkId::of(PLAIN), bytes: length(PLAIN) }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
