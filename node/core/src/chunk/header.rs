//! The header of a zstd frame, read before the frame is decoded (RFC 8878, section 3.1.1):
//!
//! ```text
//! 4   magic 28 b5 2f fd (a skippable frame has another)
//! 1   descriptor: bits 7-6 size of the content size, 5 no window is stated, 4 and 3 zero, 2 checksum, 1-0 dictionary
//! 0/1 window: bits 7-3 exponent over 2^10, 2-0 eighths on top
//! n   content size, little-endian
//! ```
//!
//! What a chunk may not have (a dictionary, a checksum, a missing content size, a large window) is refused here.

use super::ChunkFault;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Bits that are zero in a chunk: unused, reserved, checksum, dictionary.
const DESCRIPTOR_ZERO_BITS: u8 = 0b0001_1111;
const DESCRIPTOR_NO_WINDOW: u8 = 0b0010_0000;
/// A window of at most 8 MiB: what every decoder must support, and far more than a chunk has bytes.
const WINDOW_EXPONENT_MAX: u8 = 23;

/// The plain bytes that the frame says it has.
pub(super) fn content_bytes(frame: &[u8]) -> Result<u64, ChunkFault> {
    let rest = frame.strip_prefix(&MAGIC).ok_or(ChunkFault::BadFrame)?;
    let (&descriptor, rest) = rest.split_first().ok_or(ChunkFault::BadFrame)?;
    if descriptor & DESCRIPTOR_ZERO_BITS != 0 {
        return Err(ChunkFault::BadFrame);
    }
    let no_window = descriptor & DESCRIPTOR_NO_WINDOW != 0;
    let rest = if no_window { rest } else { check_window(rest)? };
    match descriptor >> 6 {
        0 if no_window => number::<1>(rest),
        1 => number::<2>(rest).map(|bytes| bytes + 256),
        2 => number::<4>(rest),
        3 => number::<8>(rest),
        _ => Err(ChunkFault::BadFrame),
    }
}

/// What is behind the window's byte, if the window is not too large.
fn check_window(rest: &[u8]) -> Result<&[u8], ChunkFault> {
    let (&window, rest) = rest.split_first().ok_or(ChunkFault::BadFrame)?;
    let largest = (WINDOW_EXPONENT_MAX - 10) << 3;
    if window > largest { Err(ChunkFault::BadFrame) } else { Ok(rest) }
}

/// A little-endian number of `N` bytes, eight at most.
fn number<const N: usize>(bytes: &[u8]) -> Result<u64, ChunkFault> {
    let bytes = bytes.first_chunk::<N>().ok_or(ChunkFault::BadFrame)?;
    Ok(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(behind_magic: &[u8]) -> Result<u64, ChunkFault> {
        content_bytes(&[&MAGIC, behind_magic].concat())
    }

    #[test]
    fn content_size_has_one_two_four_or_eight_bytes() {
        assert_eq!(header(&[0x20, 200]), Ok(200));
        assert_eq!(header(&[0x60, 0x01, 0x02]), Ok(0x201 + 256));
        assert_eq!(header(&[0xa0, 1, 2, 3, 4]), Ok(0x0403_0201));
        assert_eq!(header(&[0xe0, 1, 2, 3, 4, 5, 6, 7, 8]), Ok(0x0807_0605_0403_0201));
    }

    #[test]
    fn window_of_8_mib_is_the_largest() {
        assert_eq!(header(&[0x80, 13 << 3, 1, 0, 0, 0]), Ok(1));
        assert_eq!(header(&[0x80, 13 << 3 | 1, 1, 0, 0, 0]), Err(ChunkFault::BadFrame));
        assert_eq!(header(&[0x80, 21 << 3, 1, 0, 0, 0]), Err(ChunkFault::BadFrame));
    }

    #[test]
    fn content_size_must_be_there() {
        assert_eq!(header(&[0x00, 0, 1, 0, 0, 0]), Err(ChunkFault::BadFrame));
    }

    #[test]
    fn dictionary_checksum_and_reserved_bits_are_refused() {
        for bit in 0..5 {
            assert_eq!(header(&[0xa0 | 1 << bit, 1, 2, 3, 4, 5]), Err(ChunkFault::BadFrame), "bit {bit}");
        }
    }

    #[test]
    fn short_header_is_refused() {
        let whole = [0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x10, 1, 2, 3, 4];
        assert!(content_bytes(&whole).is_ok());
        for end in 0..whole.len() {
            assert_eq!(content_bytes(&whole[..end]), Err(ChunkFault::BadFrame), "{end} bytes");
        }
    }

    #[test]
    fn skippable_and_legacy_magic_are_refused() {
        for magic in [[0x50, 0x2a, 0x4d, 0x18], [0x5f, 0x2a, 0x4d, 0x18], [0x27, 0xb5, 0x2f, 0xfd]] {
            let frame = [&magic[..], &[0x20, 1, 0, 0]].concat();
            assert_eq!(content_bytes(&frame), Err(ChunkFault::BadFrame));
        }
    }
}
