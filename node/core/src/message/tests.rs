use super::*;
use crate::limits::{
    ADDRESSES_PER_PEER_MAX, BROUGHT_MAX, CANDIDATES_MAX, CONTROL_BYTES_MAX, DOCUMENT_BYTES_MAX,
    FALLBACKS_MAX, HAVE_RANGES_MAX, LISTING_ROWS_MAX, LOG_LINES_MAX, MANIFEST_CHUNKS_MAX, NEIGHBOURS_MAX,
    RECORD_NAMES_MAX, ROOT_STEPS_MAX, SEEDS_MAX, SIGNATURES_MAX, TEXT_BYTES_MAX, YANKS_MAX,
};
use crate::{
    CertifiedEnvelope, Digest, Envelope, ManifestId, Nonce, Papers, PapersDigest, PeerId, PeerRole,
    PublicKey, Query, SignatureEntry,
};
use proptest::prelude::*;

mod later;
mod recorded;

const ID: ManifestId = ManifestId::from_bytes([7; 32]);

fn signature() -> SignatureEntry {
    SignatureEntry { keyid: "k".to_owned(), sig: vec![9; 64] }
}

fn envelope() -> Envelope {
    Envelope { payload_type: "t".to_owned(), payload: b"{}".to_vec(), signatures: vec![signature()] }
}

fn certified() -> CertifiedEnvelope {
    CertifiedEnvelope { manifest: envelope(), receipts: vec![envelope(), envelope()] }
}

fn peer() -> PeerAddress {
    let addresses = ["10.0.0.1:4001", "[fd00::1]:65535"].map(|address| address.parse().unwrap()).to_vec();
    PeerAddress { peer: PeerId::new(PublicKey::from_bytes([3; 32])), addresses }
}

fn query() -> Query {
    let fallbacks = ["core/master/npm", "core/master/npm-*"].map(|text| text.parse().unwrap()).to_vec();
    Query { key: "core/master/npm/1".parse().unwrap(), fallbacks }
}

fn hello() -> Hello {
    Hello {
        pool: "ci".to_owned(),
        role: PeerRole::Seed,
        software: "pollux-node 0.1.0".to_owned(),
        membership: Some(envelope()),
        listen_port: 4001,
    }
}

fn names() -> Vec<RecordName> {
    let seed = PeerId::new(PublicKey::from_bytes([3; 32]));
    vec![RecordName::Certified { manifest: ID, complete: true }, RecordName::Vote { manifest: ID, seed }]
}

fn vote() -> VoteEnvelope {
    VoteEnvelope { manifest: envelope(), receipt: envelope() }
}

fn digests() -> PapersDigest {
    PapersDigest { policy: Digest::from_bytes([1; 32]), yanks: Digest::from_bytes([2; 32]), yanks_count: 300 }
}

fn papers(roots: usize, yanks: usize) -> Papers {
    Papers { roots: vec![envelope(); roots], policy: Some(envelope()), yanks: vec![envelope(); yanks] }
}

fn log_query(digits: &str) -> LogQuery {
    LogQuery { derived_from: Some(digits.to_owned()), ..LogQuery::default() }
}

fn log_page(lines: usize) -> LogPage {
    let line = LogLine::new("{}".to_owned()).unwrap();
    LogPage { lines: vec![line; lines], next: Some(LogPlace { file: 1, offset: 2 }) }
}

/// One message of every kind, in the order of the wire.
fn every_kind() -> Vec<Control> {
    let have: ChunkSet = [0, 1, 5].into_iter().collect();
    vec![
        Control::Hello(hello()),
        Control::Join { token: envelope() },
        Control::Welcome { membership: envelope(), peers: vec![peer()] },
        Control::Refused { why: Refusal::TokenExpired },
        Control::Ask { ask: 1, nonce: Nonce::from_bytes([5; 32]), query: query() },
        Control::Answer { ask: 1, answer: envelope(), beside: vec![certified()] },
        Control::AskRelayed { ask: 2, query: query() },
        Control::Relayed { ask: 2, answers: vec![(envelope(), vec![certified()])] },
        Control::Relay { answer: envelope(), beside: vec![] },
        Control::Enter { manifest: ID, have: have.clone() },
        Control::Neighbours { manifest: ID, peers: vec![peer(), peer()] },
        Control::Have { manifest: ID, chunks: have },
        Control::Leave { manifest: ID },
        Control::Offer { offer: 3, manifest: envelope() },
        Control::OfferProgress { offer: 3, have: 1, of: 2 },
        Control::OfferReceipt { offer: 3, receipt: envelope() },
        Control::OfferRefused {
            offer: 3,
            why: OfferRefusal::Conflict,
            standing: Some(Box::new(certified())),
            highest: 9,
        },
        Control::Certify { certified: certified() },
        Control::Certified { manifest: ID },
        Control::List { ask: 4, what: ListQuery::Prefix("00ff".to_owned()) },
        Control::Listing { ask: 4, rows: vec![certified()], more: true },
        Control::CatchUp { epoch: 300, seen: 1, life: u64::MAX, after: 0 },
        Control::Known { epoch: 2, seen: 0, life: 7, next: 9, more: true, names: names() },
        Control::Bring { names: names() },
        Control::Brought { certified: vec![certified()], votes: vec![vote()] },
        Control::AskPapers { have: digests() },
        Control::Papers { papers: papers(1, 2) },
        Control::PapersKnown {
            version: 7,
            papers: digests(),
            next: Some(Digest::from_bytes([3; 32])),
            ends: true,
        },
        Control::KeepPapers { bring: 5, papers: papers(0, 1) },
        Control::PapersKept { bring: 5, refused: Some(PapersRefusal::Busy) },
        Control::AskLog { ask: 6, what: log_query("00ff"), after: Some(LogPlace { file: 300, offset: 9 }) },
        Control::Log { ask: 6, page: log_page(2) },
        Control::AskPart { manifest: ID },
        Control::Part { manifest: ID, chunks: ChunkSet::range(3, 300) },
        Control::Zone { zone: "eqiad-1".parse().unwrap() },
        Control::Kin { manifest: ID, have: ChunkSet::range(3, 300), peers: vec![peer()] },
        Control::AskNeighbours { manifest: ID },
    ]
}

fn read(message: &Control) -> Result<Control, MessageError> {
    Control::decode(&message.encode())
}

#[test]
fn every_kind_comes_back() {
    for message in every_kind() {
        assert_eq!(read(&message).as_ref(), Ok(&message));
        assert_eq!(message.encode().len(), message.encoded_bytes());
    }
}

/// A place in the list is a wire format: a variant in between would rename all that follow.
#[test]
fn the_first_byte_is_the_kind() {
    for (number, message) in every_kind().iter().enumerate() {
        assert_eq!(message.encode().first().copied().map(usize::from), Some(number), "{message:?}");
    }
}

#[test]
fn the_bytes_are_as_written() {
    let progress = Control::OfferProgress { offer: 300, have: 1, of: 2 };
    assert_eq!(progress.encode(), [14, 0xac, 0x02, 1, 2]);
    assert_eq!(Control::Refused { why: Refusal::Full }.encode(), [3, 5]);
    assert_eq!(Control::Refused { why: Refusal::NotByToken }.encode(), [3, 6]);
    let full = Control::OfferRefused { offer: 7, why: OfferRefusal::ShareFull, standing: None, highest: 0 };
    assert_eq!(full.encode(), [16, 7, 8, 0, 0]);
    let hello = Hello { membership: None, software: "p".to_owned(), ..hello() };
    assert_eq!(Control::Hello(hello).encode(), *b"\x00\x02ci\x01\x01p\x00\xa1\x1f");
    let peers = vec![PeerAddress { addresses: vec!["1.2.3.4:5".parse().unwrap()], ..peer() }];
    let neighbours = Control::Neighbours { manifest: ID, peers }.encode();
    assert_eq!(neighbours[..34], [[10].as_slice(), &[7; 32], &[1]].concat());
    assert_eq!(neighbours[34..], [[3; 32].as_slice(), &[1, 0, 1, 2, 3, 4, 5]].concat());
    let caught = Control::CatchUp { epoch: 300, seen: 1, life: 2, after: 0 };
    assert_eq!(caught.encode(), [21, 0xac, 0x02, 1, 2, 0]);
    let asked = Control::Bring { names: names() }.encode();
    assert_eq!(asked, [[23, 2, 0].as_slice(), &[7; 32], &[1, 1], &[7; 32], &[3; 32]].concat());
    let join = Control::Join { token: Envelope { signatures: vec![], ..envelope() } };
    assert_eq!(join.encode(), *b"\x01\x01t\x02{}\x00");
    let brought = Control::PapersKept { bring: 300, refused: Some(PapersRefusal::Full) };
    assert_eq!(brought.encode(), [29, 0xac, 0x02, 1, 2]);
    let known = Control::PapersKnown { version: 7, papers: digests(), next: None, ends: true }.encode();
    let asked =
        Control::AskLog { ask: 300, what: log_query("00ff"), after: Some(LogPlace { file: 1, offset: 2 }) };
    assert_eq!(asked.encode(), b"\x1e\xac\x02\x00\x01\x0400ff\x00\x00\x01\x01\x02");
    assert_eq!(Control::Log { ask: 5, page: log_page(1) }.encode(), [31, 5, 1, 2, b'{', b'}', 1, 1, 2]);
    assert_eq!(known, [[27, 7].as_slice(), &[1; 32], &[2; 32], &[0xac, 0x02, 0, 1]].concat());
}

#[test]
fn what_is_cut_or_goes_on_is_refused() {
    for message in every_kind() {
        let mut bytes = message.encode();
        for length in 0..bytes.len() {
            assert_eq!(Control::decode(&bytes[..length]), Err(MessageError), "{message:?} cut at {length}");
        }
        bytes.push(0);
        assert_eq!(Control::decode(&bytes), Err(MessageError), "{message:?} with a byte more");
    }
}

/// Each makes a message whose list has so many elements; the limit is read, one more is refused.
#[test]
fn lists_are_bounded() {
    type Make = fn(usize) -> Control;
    let cases: [(&str, usize, Make); 19] = [
        ("kin", NEIGHBOURS_MAX, |n| Control::Kin {
            manifest: ID,
            have: ChunkSet::new(),
            peers: vec![peer(); n],
        }),
        ("log", LOG_LINES_MAX, |n| Control::Log { ask: 0, page: log_page(n) }),
        ("roots", ROOT_STEPS_MAX, |n| Control::Papers { papers: papers(n, 0) }),
        ("yanks", YANKS_MAX, |n| Control::Papers { papers: papers(0, n) }),
        ("yanks brought", YANKS_MAX, |n| Control::KeepPapers { bring: 0, papers: papers(0, n) }),
        ("welcome", NEIGHBOURS_MAX, |n| Control::Welcome { membership: envelope(), peers: vec![peer(); n] }),
        ("neighbours", NEIGHBOURS_MAX, |n| Control::Neighbours { manifest: ID, peers: vec![peer(); n] }),
        ("addresses", ADDRESSES_PER_PEER_MAX, |n| {
            let addresses = vec!["10.0.0.1:1".parse().unwrap(); n];
            Control::Neighbours { manifest: ID, peers: vec![PeerAddress { addresses, ..peer() }] }
        }),
        ("fallbacks", FALLBACKS_MAX, |n| {
            let query = Query { fallbacks: vec!["core/npm".parse().unwrap(); n], ..query() };
            Control::AskRelayed { ask: 0, query }
        }),
        ("answer", CANDIDATES_MAX, |n| Control::Answer {
            ask: 0,
            answer: envelope(),
            beside: vec![certified(); n],
        }),
        ("relay", CANDIDATES_MAX, |n| Control::Relay { answer: envelope(), beside: vec![certified(); n] }),
        ("relayed", SEEDS_MAX, |n| Control::Relayed { ask: 0, answers: vec![(envelope(), vec![]); n] }),
        ("relayed beside", CANDIDATES_MAX, |n| Control::Relayed {
            ask: 0,
            answers: vec![(envelope(), vec![certified(); n])],
        }),
        ("listing", LISTING_ROWS_MAX, |n| Control::Listing {
            ask: 0,
            rows: vec![certified(); n],
            more: false,
        }),
        ("known", RECORD_NAMES_MAX, |n| {
            let names = vec![RecordName::Certified { manifest: ID, complete: false }; n];
            Control::Known { epoch: 0, seen: 0, life: 0, next: 0, more: false, names }
        }),
        ("bring", BROUGHT_MAX, |n| Control::Bring {
            names: vec![RecordName::Certified { manifest: ID, complete: false }; n],
        }),
        ("brought", BROUGHT_MAX, |n| Control::Brought { certified: vec![certified(); n], votes: vec![] }),
        ("brought votes", BROUGHT_MAX, |n| Control::Brought { certified: vec![], votes: vec![vote(); n] }),
        ("receipts", SEEDS_MAX, |n| Control::Certify {
            certified: CertifiedEnvelope { receipts: vec![envelope(); n], ..certified() },
        }),
    ];
    for (name, limit, make) in cases {
        assert!(read(&make(limit)).is_ok(), "{name} at its limit");
        assert_eq!(read(&make(limit + 1)), Err(MessageError), "{name} over its limit");
    }
}

#[test]
fn envelopes_are_bounded() {
    let wrong = [
        Envelope { payload_type: "t".repeat(TEXT_BYTES_MAX + 1), ..envelope() },
        Envelope { payload: vec![0; DOCUMENT_BYTES_MAX + 1], ..envelope() },
        Envelope { signatures: vec![signature(); SIGNATURES_MAX + 1], ..envelope() },
        Envelope { signatures: vec![SignatureEntry { sig: vec![0; 129], ..signature() }], ..envelope() },
        Envelope {
            signatures: vec![SignatureEntry { keyid: "k".repeat(TEXT_BYTES_MAX + 1), ..signature() }],
            ..envelope()
        },
    ];
    for wrong in wrong {
        let inside = CertifiedEnvelope { receipts: vec![envelope(), wrong.clone()], ..certified() };
        let hello = Hello { membership: Some(wrong.clone()), ..hello() };
        let refused = Control::OfferRefused {
            offer: 0,
            why: OfferRefusal::Busy,
            standing: Some(Box::new(inside.clone())),
            highest: 0,
        };
        for message in [
            Control::Hello(hello),
            Control::Join { token: wrong.clone() },
            Control::Welcome { membership: wrong.clone(), peers: vec![] },
            Control::Answer { ask: 0, answer: wrong.clone(), beside: vec![] },
            Control::Answer { ask: 0, answer: envelope(), beside: vec![inside.clone()] },
            Control::Relay { answer: wrong.clone(), beside: vec![] },
            Control::Relayed { ask: 0, answers: vec![(wrong.clone(), vec![])] },
            Control::Relayed { ask: 0, answers: vec![(envelope(), vec![inside.clone()])] },
            Control::Offer { offer: 0, manifest: wrong.clone() },
            Control::OfferReceipt { offer: 0, receipt: wrong.clone() },
            refused,
            Control::Certify { certified: inside.clone() },
            Control::Listing { ask: 0, rows: vec![certified(), inside], more: false },
        ] {
            assert_eq!(read(&message), Err(MessageError));
        }
    }
}

#[test]
fn texts_and_counts_are_bounded() {
    let long = "p".repeat(TEXT_BYTES_MAX + 1);
    let prefix = |digits: &str| Control::List { ask: 0, what: ListQuery::Prefix(digits.to_owned()) };
    for message in [
        Control::Hello(Hello { pool: long.clone(), ..hello() }),
        Control::Hello(Hello { software: long, ..hello() }),
        Control::OfferProgress { offer: 0, have: 3, of: 2 },
        Control::OfferProgress { offer: 0, have: 0, of: MANIFEST_CHUNKS_MAX + 1 },
        prefix("abc"),
        prefix("abcg"),
        prefix(&"a".repeat(65)),
        Control::AskLog { ask: 0, what: log_query("00fF"), after: None },
        Control::AskLog { ask: 0, what: log_query(&"0".repeat(65)), after: None },
    ] {
        assert_eq!(read(&message), Err(MessageError), "{message:?}");
    }
    assert!(read(&prefix(&"a".repeat(64))).is_ok());
}

#[test]
fn chunk_sets_out_of_order_are_refused() {
    let bytes = |ranges: &[(u32, u32)]| postcard::to_stdvec(&(11_u8, ID, ranges)).unwrap();
    assert!(Control::decode(&bytes(&[(0, 1), (2, 3)])).is_ok());
    assert!(Control::decode(&bytes(&[(2, 3), (0, 1)])).is_err());
    assert!(Control::decode(&bytes(&[(0, 1), (1, 3)])).is_err());
    let count = u32::try_from(HAVE_RANGES_MAX).unwrap();
    let scattered = |count: u32| (0..count).map(|index| (index * 2, index * 2 + 1)).collect::<Vec<_>>();
    assert!(Control::decode(&bytes(&scattered(count))).is_ok());
    assert!(Control::decode(&bytes(&scattered(count + 1))).is_err());
}

#[test]
fn a_message_over_the_limit_is_not_even_looked_at() {
    let offer =
        |bytes| Control::Offer { offer: 0, manifest: Envelope { payload: vec![0; bytes], ..envelope() } };
    assert!(read(&offer(DOCUMENT_BYTES_MAX)).is_ok());
    let rows = |bytes| CertifiedEnvelope {
        manifest: Envelope { payload: vec![0; bytes], ..envelope() },
        receipts: vec![],
    };
    let listing =
        |last| Control::Listing { ask: 0, rows: vec![rows(DOCUMENT_BYTES_MAX), rows(last)], more: false };
    let room = DOCUMENT_BYTES_MAX - (listing(DOCUMENT_BYTES_MAX).encoded_bytes() - CONTROL_BYTES_MAX);
    assert_eq!(listing(room).encoded_bytes(), CONTROL_BYTES_MAX);
    assert!(read(&listing(room)).is_ok());
    assert_eq!(read(&listing(room + 1)), Err(MessageError));
}

#[test]
fn a_claimed_length_reserves_nothing() {
    for kind in [2_u8, 5, 7, 8, 10, 17, 20] {
        let mut bytes = vec![kind];
        bytes.extend([0xff; 64]);
        assert_eq!(Control::decode(&bytes), Err(MessageError), "kind {kind}");
    }
}

#[test]
fn protocols_are_named_newest_first() {
    assert_eq!(control_protocols(), ["/pollux/control/1"]);
    assert_eq!(bulk_protocols(), ["/pollux/bulk/1"]);
    assert_eq!(protocols("control", 3), ["/pollux/control/3", "/pollux/control/2"]);
    assert_eq!(protocols("control", 2), ["/pollux/control/2", "/pollux/control/1"]);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = Control::decode(&bytes);
    }

    /// Bytes that nearly are a message reach further into the decoder than random ones.
    #[test]
    fn no_changed_byte_panics(kind in 0_usize..32, place: prop::sample::Index, byte: u8) {
        let mut bytes = every_kind().swap_remove(kind).encode();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(message) = Control::decode(&bytes) {
            prop_assert_eq!(read(&message), Ok(message));
        }
    }
}

/// The lists are whole, in the order of the wire, and have one name wherever they are told.
#[test]
fn refusals_have_one_name_everywhere() {
    for (number, why) in (0..).zip(Refusal::ALL) {
        assert_eq!(serde_json::to_value(why).unwrap(), why.name());
        assert_eq!(Control::Refused { why }.encode(), [3, number]);
    }
    for (number, why) in (0..).zip(OfferRefusal::ALL) {
        assert_eq!(serde_json::to_value(why).unwrap(), why.name());
        let refused = Control::OfferRefused { offer: 1, why, standing: None, highest: 0 };
        assert_eq!(refused.encode(), [16, 1, number, 0, 0]);
    }
    for (number, why) in (0..).zip(PapersRefusal::ALL) {
        assert_eq!(serde_json::to_value(why).unwrap(), why.name());
        assert_eq!(Control::PapersKept { bring: 1, refused: Some(why) }.encode(), [29, 1, 1, number]);
    }
}
