use super::super::test_bytes::{noise, text};
use super::*;
use proptest::prelude::*;

/// A good chunk of `bytes` bytes that zstd makes smaller.
fn good(bytes: usize) -> (ChunkRef, Frame, Vec<u8>) {
    let plain = text("good", bytes);
    let (chunk, frame) = VerifiedChunk::from_plain(&plain, &mut FrameEncoder::new(3)).into_parts();
    assert_eq!(frame.kind, FrameKind::Zstd);
    (chunk, frame, plain)
}

fn name(plain: &[u8]) -> ChunkRef {
    ChunkRef { id: ChunkId::of(plain), bytes: u32::try_from(plain.len()).unwrap() }
}

fn open(kind: FrameKind, bytes: Vec<u8>, expected: ChunkRef) -> Result<Vec<u8>, ChunkFault> {
    let mut decoder = FrameDecoder::new();
    let opened = decoder.open(&Frame { kind, bytes }, expected).map(<[u8]>::to_vec);
    assert!(decoder.plain.capacity() <= MAX, "the decoder took {} bytes", decoder.plain.capacity());
    opened
}

const MAX: usize = 1024 * 1024;

/// A zstd frame put together by hand: header behind the magic, then blocks that repeat one byte.
fn handmade(header: &[u8], blocks: &[(u32, u8)]) -> Vec<u8> {
    let mut frame = [&[0x28, 0xb5, 0x2f, 0xfd], header].concat();
    for (index, &(bytes, byte)) in blocks.iter().enumerate() {
        let last = u32::from(index + 1 == blocks.len());
        frame.extend((bytes << 3 | 1 << 1 | last).to_le_bytes().iter().take(3));
        frame.push(byte);
    }
    frame
}

/// Header of a frame without a window, with a content size of four bytes.
fn single_segment(content: u32) -> Vec<u8> {
    [&[0xa0][..], &content.to_le_bytes()].concat()
}

#[test]
fn compressible_chunk_becomes_one_zstd_frame() {
    let (chunk, frame, plain) = good(300_000);
    assert!(frame.bytes.len() < plain.len() * 6 / 10);
    assert_eq!(FrameDecoder::new().open(&frame, chunk), Ok(plain.as_slice()));
}

#[test]
fn incompressible_chunk_stays_as_it_is() {
    let plain = noise("raw", 300_000);
    let frame = FrameEncoder::new(3).encode(&plain);
    assert_eq!((frame.kind, &frame.bytes), (FrameKind::Raw, &plain));
    assert_eq!(FrameDecoder::new().open(&frame, name(&plain)), Ok(plain.as_slice()));
}

#[test]
fn less_than_five_percent_is_not_worth_a_frame() {
    // A share of zeros, the rest noise: zstd saves about that share.
    let plain = |zeros: usize| [vec![0; zeros], noise("share", 100_000 - zeros)].concat();
    assert_eq!(FrameEncoder::new(3).encode(&plain(4_900)).kind, FrameKind::Raw);
    let frame = FrameEncoder::new(3).encode(&plain(6_000));
    assert_eq!(frame.kind, FrameKind::Zstd);
    assert!(frame.bytes.len() <= 95_000);
}

#[test]
fn tiny_chunks_are_never_longer_than_plain() {
    let mut encoder = FrameEncoder::new(3);
    let mut decoder = FrameDecoder::new();
    for bytes in 1..200 {
        let plain = vec![b'x'; bytes];
        let frame = encoder.encode(&plain);
        assert!(frame.bytes.len() <= bytes);
        assert_eq!(decoder.open(&frame, name(&plain)), Ok(plain.as_slice()));
    }
}

#[test]
fn every_level_makes_frames_that_are_read() {
    let plain = [text("levels", 200_000), vec![0; 800_000]].concat();
    for level in [i32::MIN, 1, 3, 9, 19, 22] {
        let frame = FrameEncoder::new(level).encode(&plain);
        assert_eq!(frame.kind, FrameKind::Zstd);
        assert_eq!(FrameDecoder::new().open(&frame, name(&plain)), Ok(plain.as_slice()), "level {level}");
    }
}

#[test]
fn the_encoder_of_a_save_is_almost_as_tight_as_its_level() {
    for plain in [text("saving", 200_000), text("saving more", 900_000), noise("saving", 100_000)] {
        let (level, saving) =
            (FrameEncoder::new(3).encode(&plain), FrameEncoder::for_saving().encode(&plain));
        assert_eq!(open(saving.kind, saving.bytes.clone(), name(&plain)).as_ref(), Ok(&plain));
        assert!(
            saving.bytes.len() * 20 <= level.bytes.len() * 21,
            "{} {}",
            saving.bytes.len(),
            level.bytes.len()
        );
    }
}

#[test]
fn encoder_is_as_good_after_a_chunk_that_did_not_fit() {
    let mut encoder = FrameEncoder::new(3);
    let plain = text("again", 50_000);
    let fresh = encoder.encode(&plain);
    assert_eq!(encoder.encode(&noise("too random", MAX)).kind, FrameKind::Raw);
    assert_eq!(encoder.encode(&plain), fresh);
    assert_eq!(encoder.encode(&[]), Frame { kind: FrameKind::Raw, bytes: Vec::new() });
}

#[test]
fn decoder_is_as_good_after_a_bad_frame() {
    let (chunk, frame, plain) = good(100_000);
    let mut decoder = FrameDecoder::new();
    let mut bad = frame.clone();
    bad.bytes[5000] ^= 0x40;
    assert!(decoder.open(&bad, chunk).is_err());
    assert_eq!(decoder.open(&frame, chunk), Ok(plain.as_slice()));
    let small = name(b"small");
    assert_eq!(
        decoder.open(&Frame { kind: FrameKind::Raw, bytes: b"small".to_vec() }, small),
        Ok(&b"small"[..])
    );
}

#[test]
fn flipped_bit() {
    let (chunk, frame, _) = good(70_000);
    for at in (0..frame.bytes.len()).step_by(97).chain(0..12) {
        for bit in [0, 3, 7] {
            let mut bytes = frame.bytes.clone();
            bytes[at] ^= 1 << bit;
            assert!(open(frame.kind, bytes, chunk).is_err(), "bit {bit} of byte {at}");
        }
    }
    let mut plain = noise("flipped", 1000);
    let chunk = name(&plain);
    plain[999] ^= 1;
    assert_eq!(open(FrameKind::Raw, plain, chunk), Err(ChunkFault::WrongHash));
}

#[test]
fn truncated() {
    let (chunk, frame, plain) = good(70_000);
    for end in (0..frame.bytes.len()).step_by(101).chain(0..20).chain([frame.bytes.len() - 1]) {
        let bytes = frame.bytes[..end].to_vec();
        assert_eq!(open(frame.kind, bytes, chunk), Err(ChunkFault::BadFrame), "{end} bytes");
    }
    assert_eq!(open(FrameKind::Raw, plain[..69_999].to_vec(), chunk), Err(ChunkFault::WrongLength));
    assert_eq!(open(FrameKind::Raw, Vec::new(), chunk), Err(ChunkFault::WrongLength));
}

#[test]
fn endless() {
    let (chunk, frame, plain) = good(70_000);
    let longer = [frame.bytes, vec![0; 70_000]].concat();
    assert_eq!(open(FrameKind::Zstd, longer, chunk), Err(ChunkFault::TooLong));
    assert_eq!(open(FrameKind::Raw, [&plain[..], &[0]].concat(), chunk), Err(ChunkFault::TooLong));
}

#[test]
fn zstd_bomb() {
    // A kilobyte that claims 4 GiB; the same claiming what is expected, holding 128 times as much; and content that
    // ends early.
    let expected = name(&vec![0; MAX]);
    let blocks = |count| vec![(128 * 1024, 0); count];
    let honest = handmade(&single_segment(1 << 20), &blocks(8));
    assert_eq!(open(FrameKind::Zstd, honest, expected).map(|plain| plain.len()), Ok(MAX));
    let claims = handmade(&single_segment(u32::MAX), &blocks(256));
    assert_eq!(open(FrameKind::Zstd, claims, expected), Err(ChunkFault::WrongLength));
    let holds = handmade(&single_segment(1 << 20), &blocks(1024));
    assert_eq!(open(FrameKind::Zstd, holds, expected), Err(ChunkFault::BadFrame));
    let ends_early = handmade(&single_segment(1 << 20), &blocks(7));
    assert_eq!(open(FrameKind::Zstd, ends_early, expected), Err(ChunkFault::BadFrame));
}

#[test]
fn zstd_window_2_31() {
    let plain = vec![0; 1000];
    let frame = |exponent: u8| {
        let header = [&[0x80, (exponent - 10) << 3][..], &1000u32.to_le_bytes()].concat();
        open(FrameKind::Zstd, handmade(&header, &[(1000, 0)]), name(&plain))
    };
    assert_eq!(frame(23), Ok(plain.clone()));
    assert_eq!(frame(24), Err(ChunkFault::BadFrame));
    assert_eq!(frame(31), Err(ChunkFault::BadFrame));
}

#[test]
fn wrong_length() {
    let (chunk, frame, plain) = good(70_000);
    for bytes in [1, 69_999, 70_001, CHUNK_BYTES_MAX] {
        let expected = ChunkRef { bytes, ..chunk };
        let fault = open(frame.kind, frame.bytes.clone(), expected);
        let short = u32::try_from(frame.bytes.len()).unwrap() > bytes;
        assert_eq!(fault, Err(if short { ChunkFault::TooLong } else { ChunkFault::WrongLength }));
    }
    assert_eq!(
        open(FrameKind::Raw, plain, ChunkRef { bytes: 70_001, ..chunk }),
        Err(ChunkFault::WrongLength)
    );
}

#[test]
fn length_that_no_chunk_has() {
    let empty = name(&[]);
    assert_eq!(open(FrameKind::Raw, Vec::new(), empty), Err(ChunkFault::WrongLength));
    let plain = vec![0; MAX + 1];
    assert_eq!(open(FrameKind::Raw, plain.clone(), name(&plain)), Err(ChunkFault::TooLong));
    let huge = ChunkRef { bytes: u32::MAX, ..name(&plain) };
    assert_eq!(
        open(FrameKind::Zstd, handmade(&single_segment(u32::MAX), &[]), huge),
        Err(ChunkFault::TooLong)
    );
}

#[test]
fn wrong_hash() {
    let (chunk, frame, _) = good(70_000);
    let other = ChunkRef { id: ChunkId::of(b"other"), ..chunk };
    assert_eq!(open(frame.kind, frame.bytes.clone(), other), Err(ChunkFault::WrongHash));
    assert!(FrameDecoder::new().verify(frame, other).is_err());
}

#[test]
fn two_frames_in_one() {
    let half = handmade(&single_segment(500), &[(500, 0)]);
    let both = name(&vec![0; 1000]);
    assert_eq!(open(FrameKind::Zstd, half.repeat(2), both), Err(ChunkFault::WrongLength));
    let whole = handmade(&single_segment(1000), &[(1000, 0)]);
    let empty = handmade(&single_segment(0), &[(0, 0)]);
    assert!(open(FrameKind::Zstd, whole.clone(), both).is_ok());
    assert_eq!(open(FrameKind::Zstd, [whole.clone(), empty].concat(), both), Err(ChunkFault::BadFrame));
    assert_eq!(open(FrameKind::Zstd, [whole, vec![0]].concat(), both), Err(ChunkFault::BadFrame));
}

#[test]
fn skippable_frame() {
    let plain = vec![0; 1000];
    let frame = handmade(&single_segment(1000), &[(1000, 0)]);
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"skip"].concat();
    for bytes in [[&frame[..], &skippable].concat(), [&skippable[..], &frame].concat(), skippable] {
        assert_eq!(open(FrameKind::Zstd, bytes, name(&plain)), Err(ChunkFault::BadFrame));
    }
}

#[test]
fn content_size_is_missing() {
    let frame = handmade(&[0x00, 0x50], &[(1000, 0)]);
    assert_eq!(open(FrameKind::Zstd, frame, name(&vec![0; 1000])), Err(ChunkFault::BadFrame));
}

#[test]
fn dictionary_is_needed() {
    let header = [&[0xa1][..], &[7], &1000u32.to_le_bytes()].concat();
    let frame = handmade(&header, &[(1000, 0)]);
    assert_eq!(open(FrameKind::Zstd, frame, name(&vec![0; 1000])), Err(ChunkFault::BadFrame));
}

#[test]
fn kinds_and_their_bytes() {
    for kind in [FrameKind::Raw, FrameKind::Zstd] {
        assert_eq!(FrameKind::from_byte(kind.as_byte()), Some(kind));
    }
    assert_eq!(FrameKind::from_byte(0), Some(FrameKind::Raw));
    assert_eq!(FrameKind::from_byte(1), Some(FrameKind::Zstd));
    assert!((2..=255).all(|byte| FrameKind::from_byte(byte).is_none()));
}

#[test]
fn debug_output_shows_no_bytes() {
    let frame = Frame { kind: FrameKind::Raw, bytes: vec![0; 1000] };
    assert_eq!(format!("{frame:?}"), "Frame(Raw, 1000 bytes)");
    assert_eq!(format!("{:?}", FrameDecoder::default()), "FrameDecoder { .. }");
    assert_eq!(format!("{:?}", FrameEncoder::new(3)), "FrameEncoder { .. }");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn chunks_survive_the_round_trip(level in 1..6, noisy in 0usize..20_000, tame in 1usize..20_000) {
        let plain = [noise("a", noisy), text("b", tame), vec![1; tame]].concat();
        let frame = FrameEncoder::new(level).encode(&plain);
        prop_assert!(frame.bytes.len() <= plain.len());
        let mut decoder = FrameDecoder::new();
        let verified = decoder.verify(frame, name(&plain)).expect("it is a good frame");
        prop_assert_eq!(verified.chunk(), name(&plain));
        prop_assert_eq!(decoder.open(verified.frame(), name(&plain)), Ok(plain.as_slice()));
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), length in any::<u32>()) {
        let expected = ChunkRef { id: ChunkId::of(b"nothing that is drawn"), bytes: length };
        let framed = [&[0x28, 0xb5, 0x2f, 0xfd][..], &bytes].concat();
        prop_assert!(open(FrameKind::Raw, bytes.clone(), expected).is_err());
        prop_assert!(open(FrameKind::Zstd, bytes, expected).is_err());
        prop_assert!(open(FrameKind::Zstd, framed, expected).is_err());
    }

    #[test]
    fn mutated_frames_are_refused_or_say_the_same(at in 0usize..3000, byte in any::<u8>()) {
        let (chunk, mut frame, plain) = good(6000);
        let at = at % frame.bytes.len();
        frame.bytes[at] = byte;
        let mut decoder = FrameDecoder::new();
        if let Ok(opened) = decoder.open(&frame, chunk) {
            prop_assert_eq!(opened, plain.as_slice());
        }
    }
}
