//! What jobs and nodes of each version say, byte by byte, for a job's program and its node are not always replaced together.
//! A line is never changed: what comes later is added at the end, under the version that brought it.

use super::{
    ChunkSource, FrameHead, NodeStatus, PublishEnd, PutFailure, Reply, Request, TakenBack, decode, encode,
};
use pollux_core::engine::{EngineStatus, MissReason, Silence};
use pollux_core::message::{ListQuery, LogLine, LogPage, LogPlace, LogQuery};
use pollux_core::{
    CertifiedEnvelope, ChunkId, ChunkRef, Digest, Envelope, ManifestId, Papers, PapersDigest, PeerId,
    PublicKey, SignatureEntry,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Version 2, whose [`Request`]s end with `Log` and whose [`Reply`]s end with `Log`.
const SOCKET_2: &str = include_str!("recorded/socket-2.txt");

const MANIFEST: ManifestId = ManifestId::from_bytes([7; 32]);

fn envelope() -> Envelope {
    let signature = SignatureEntry { keyid: "k".to_owned(), sig: vec![9; 64] };
    Envelope { payload_type: "t".to_owned(), payload: b"{}".to_vec(), signatures: vec![signature] }
}

fn certified() -> CertifiedEnvelope {
    CertifiedEnvelope { manifest: envelope(), receipts: vec![envelope()] }
}

fn papers() -> Papers {
    Papers { roots: vec![envelope()], policy: Some(envelope()), yanks: vec![envelope()] }
}

fn chunk() -> ChunkRef {
    ChunkRef { id: ChunkId::of(b"a"), bytes: 300 }
}

fn place() -> LogPlace {
    LogPlace { file: 1, offset: 300 }
}

fn peer() -> PeerId {
    PeerId::new(PublicKey::from_bytes([3; 32]))
}

fn requests() -> Vec<Request> {
    let key = "core/master/npm/1".parse().unwrap();
    let fallbacks = vec!["core/master/npm".parse().unwrap(), "core/master/npm/v*".parse().unwrap()];
    vec![
        Request::Hello { oldest: 2, newest: 2, software: "pollux 0.1.0".to_owned() },
        Request::Status,
        Request::Resolve { key, fallbacks, deadline_ms: 3000 },
        Request::Fetch { manifest: MANIFEST, chunks: vec![chunk()] },
        Request::Lacks { chunks: vec![ChunkId::of(b"a"), ChunkId::of(b"b")] },
        Request::Flush,
        Request::Publish { manifest: envelope(), deadline_ms: 60_000 },
        Request::List { what: ListQuery::Prefix("00ff".to_owned()), deadline_ms: 1 },
        Request::Papers,
        Request::Spread { papers: papers(), deadline_ms: 2 },
        Request::Used { manifests: vec![MANIFEST] },
        Request::Log { what: LogQuery::default(), at: Some((peer(), place())), deadline_ms: 3 },
    ]
}

fn status() -> NodeStatus {
    NodeStatus {
        software: "pollux-node 0.1.0".to_owned(),
        pool: "ci".to_owned(),
        peer: peer().to_string(),
        role: "node".to_owned(),
        uptime_seconds: 1,
        engine: EngineStatus::default(),
        store_chunks: 2,
        store_bytes: 3,
        store_bytes_max: 4,
        disk_free_bytes: 5,
        policy_version: 6,
        policy_expires_ms: 7,
    }
}

fn replies() -> Vec<Reply> {
    let digest = PapersDigest {
        policy: Digest::from_bytes([1; 32]),
        yanks: Digest::from_bytes([2; 32]),
        yanks_count: 1,
    };
    let taken = TakenBack { manifest: MANIFEST, key: None, why: "a yank".to_owned() };
    let page = LogPage { lines: vec![LogLine::new("{}".to_owned()).unwrap()], next: Some(place()) };
    let race = PublishEnd::LostRace { standing: Some(Box::new(certified())), highest: 9 };
    vec![
        Reply::Welcome { version: 2, software: "pollux-node 0.1.0".to_owned(), pool: "ci".to_owned() },
        Reply::Refused { why: "no".to_owned() },
        Reply::Status(Box::new(status())),
        Reply::Found { certified: Box::new(certified()), fallback: Some(1), relayed: false },
        Reply::Miss { reason: MissReason::NothingSaved },
        Reply::FetchDone,
        Reply::ChunkFailed { chunk: chunk(), why: MissReason::NothingSaved },
        Reply::Lacking { indices: vec![0, 300] },
        Reply::PutFailed { chunk: chunk().id, why: PutFailure::Full },
        Reply::Flushed,
        Reply::PublishProgress { have: 1, of: 2 },
        Reply::Published { certified: Box::new(certified()) },
        Reply::PublishFailed { why: race },
        Reply::Listing { rows: vec![certified()], more: true, from_seed: true, taken: vec![certified()] },
        Reply::Papers { papers: papers(), digest, more: false },
        Reply::Spread { held: 1, needed: 2, of: 3, refused: Some("no".to_owned()) },
        Reply::Used { yanked: vec![taken] },
        Reply::Log { seed: Some(peer()), page },
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Each message of one side, which is what the recorded lines that begin so say; `None`: the node only writes it.
fn compare<M: Serialize + DeserializeOwned + PartialEq + Debug>(side: &str, messages: &[M]) {
    let lines: Vec<&str> = SOCKET_2.lines().filter_map(|line| line.strip_prefix(side)).collect();
    let said: Vec<String> = messages.iter().map(|message| hex(&encode(message).unwrap())).collect();
    assert_eq!(lines, said, "lines to compare:\n{side}{}", said.join(&format!("\n{side}")));
    for (line, meant) in lines.iter().zip(messages) {
        assert_eq!(&decode::<M>(&bytes(line)[FrameHead::BYTES..]).unwrap(), meant);
    }
}

#[test]
fn jobs_of_version_2_are_understood_and_answered_in_their_words() {
    compare("job ", &requests());
    compare("node ", &replies());
}

/// The numbers of the closed lists that go over the socket.
#[test]
fn the_lists_of_version_2_keep_their_order() {
    let last = |bytes: Vec<u8>| bytes.last().copied();
    for (number, reason) in (0..).zip(MissReason::ALL) {
        assert_eq!(last(encode(&Reply::Miss { reason }).unwrap()), Some(number), "{reason}");
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
    }
    let failures = [PutFailure::Bad, PutFailure::Full, PutFailure::Broken];
    let failed = |why| last(encode(&Reply::PutFailed { chunk: chunk().id, why }).unwrap());
    assert_eq!(failures.map(failed), [Some(0), Some(1), Some(2)]);
    let sources = [ChunkSource::Local, ChunkSource::Peer, ChunkSource::Seed];
    assert_eq!(sources.map(|source| last(encode(&source).unwrap())), [Some(0), Some(1), Some(2)]);
}

/// A node of a later release says why in a number that this one does not know: it is a miss, or a failure, all the same.
#[test]
fn a_reason_of_a_later_release_is_one_like_any_other() {
    for number in [7, 17, 300, u32::MAX] {
        let meant = [
            Reply::Miss { reason: MissReason::Unknown(number) },
            Reply::ChunkFailed { chunk: chunk(), why: MissReason::Unknown(number) },
            Reply::PutFailed { chunk: chunk().id, why: PutFailure::Unknown(number) },
            Reply::Status(Box::new(NodeStatus {
                engine: EngineStatus { silent: Some(Silence::Unknown(number)), ..EngineStatus::default() },
                ..status()
            })),
        ];
        for reply in meant {
            let said = encode(&reply).unwrap();
            assert_eq!(decode::<Reply>(&said[FrameHead::BYTES..]).as_ref(), Ok(&reply));
            let number = postcard::to_stdvec(&number).unwrap();
            assert!(said.windows(number.len()).any(|bytes| bytes == number), "{reply:?}");
        }
    }
    let words = "a reason that this release does not know (17)";
    assert_eq!(MissReason::Unknown(17).to_string(), words);
    assert_eq!(PutFailure::Unknown(17).to_string(), words);
    let miss = |number: u8| decode::<Reply>(&[4, number]);
    assert_eq!(miss(17), Ok(Reply::Miss { reason: MissReason::Unknown(17) }));
    assert_eq!(miss(6), Ok(Reply::Miss { reason: MissReason::Yanked }));
}
