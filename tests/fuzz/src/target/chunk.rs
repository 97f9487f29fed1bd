//! Frames of chunks. The input is the frame's kind (one byte), the length that the chunk is said to have (4 bytes, little
//! endian), then the frame.

use crate::memory::bounded;
use crate::{Verdict, sample};
use pollux_core::limits::CHUNK_BYTES_MAX;
use pollux_core::{ChunkFault, ChunkId, ChunkRef, Frame, FrameDecoder, FrameEncoder, FrameKind};

/// The decoder's buffer, which it keeps.
const BUFFER_BYTES: usize = 1024 * 1024;

/// Whether the frame is one of the length that is said.
pub(crate) fn check(input: &[u8]) -> Verdict {
    let Some((&[kind, a, b, c, d], bytes)) = input.split_first_chunk() else { return Verdict::Refused };
    let Some(kind) = FrameKind::from_byte(kind) else { return Verdict::Refused };
    let frame = Frame { kind, bytes: bytes.to_vec() };
    let length = u32::from_le_bytes([a, b, c, d]);
    let mut decoder = FrameDecoder::new();
    let verdict = bounded(input, 1, BUFFER_BYTES, || open(&mut decoder, &frame, length));
    survives(&mut decoder, bytes);
    verdict
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    sample::framed_chunks()
}

/// Opens it first as a chunk that it is not, then as the chunk that it is, by the word of another decoder.
fn open(decoder: &mut FrameDecoder, frame: &Frame, bytes: u32) -> Verdict {
    let other = ChunkRef { id: ChunkId::from_bytes([0; 32]), bytes };
    let fault = decoder.open(frame, other).map(<[u8]>::len);
    if fault != Err(ChunkFault::WrongHash) {
        assert!(fault.is_err(), "bytes of a chunk whose hash nobody knows");
        return Verdict::Refused;
    }
    assert!((1..=CHUNK_BYTES_MAX).contains(&bytes), "a chunk of {bytes} bytes");
    let length = usize::try_from(bytes).unwrap_or(usize::MAX);
    assert!(frame.bytes.len() <= length, "a frame longer than its chunk");
    let plain = match frame.kind {
        FrameKind::Raw => frame.bytes.clone(),
        FrameKind::Zstd => zstd::bulk::decompress(&frame.bytes, length).unwrap_or_default(),
    };
    assert_eq!(plain.len(), length, "two decoders, two lengths");
    let chunk = ChunkRef { id: ChunkId::of(&plain), bytes };
    assert_eq!(decoder.open(frame, chunk), Ok(plain.as_slice()));
    let verified = decoder.verify(frame.clone(), chunk);
    assert_eq!(verified.map(|verified| verified.into_parts()), Ok((chunk, frame.clone())));
    Verdict::Read
}

/// Whatever a decoder has met, it opens a good frame: here, of these plain bytes.
fn survives(decoder: &mut FrameDecoder, plain: &[u8]) {
    let plain = if plain.is_empty() { b"something" } else { plain };
    let Ok(bytes) = u32::try_from(plain.len()) else { return };
    let chunk = ChunkRef { id: ChunkId::of(plain), bytes };
    let frame = FrameEncoder::new(1).encode(plain);
    assert!(frame.bytes.len() <= plain.len(), "a frame longer than its chunk was made");
    if bytes <= CHUNK_BYTES_MAX {
        assert_eq!(decoder.open(&frame, chunk), Ok(plain));
    }
}
