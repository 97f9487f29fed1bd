//! The formats, byte by byte, and foreign bytes in their place.
use super::*;
use crate::store::{
    disk::{Disk, SegmentNumber},
    footer,
    index::Entry,
    record::{RecordHeader, SegmentHeader, SegmentTag},
};
use pollux_core::{ChunkId, ChunkRef, FrameKind};
use proptest::prelude::*;

const TAG: SegmentTag = SegmentTag::from_bytes(*b"\x01tagtag\x02");

fn header(id: [u8; 32], plain: u32, frame_bytes: u32) -> RecordHeader {
    let chunk = ChunkRef { id: ChunkId::from_bytes(id), bytes: plain };
    RecordHeader { tag: TAG, chunk, kind: FrameKind::Zstd, frame_bytes, frame_crc: 0x0403_0201 }
}

#[test]
fn a_record_header_is_written_as_documented() {
    let mut bytes = Vec::new();
    header([9; 32], 0x0001_0203, 0x0102).encode(&mut bytes);
    let mut expected = b"\x01tagtag\x02".to_vec();
    expected.extend([9; 32]);
    expected.extend([3, 2, 1, 0]);
    expected.extend([2, 1, 0, 0]);
    expected.extend([1, 0, 0, 0]);
    expected.extend([1, 2, 3, 4]);
    expected.extend(crc32fast::hash(&expected).to_le_bytes());
    assert_eq!(bytes, expected);
}

#[test]
fn a_segment_header_is_written_as_documented() {
    let bytes = SegmentHeader::encode(SegmentNumber(0x0102), TAG);
    let mut expected = b"plxseg\r\n\x01\0\0\0\x02\x01\0\0\x01tagtag\x02".to_vec();
    expected.extend(crc32fast::hash(&expected).to_le_bytes());
    assert_eq!(bytes, expected);
    assert_eq!(SegmentHeader::decode(&bytes, SegmentNumber(0x0102)), SegmentHeader::Ours(TAG));
    assert_eq!(SegmentHeader::decode(&bytes, SegmentNumber(3)), SegmentHeader::Bad, "another segment's");
}

#[test]
fn lengths_that_no_record_has_are_refused() {
    for (plain, frame) in [(0, 0), (0, 1), (10, 0), (10, 11), ((1 << 20) + 1, 5), (u32::MAX, u32::MAX)] {
        let mut bytes = Vec::new();
        header([1; 32], plain, frame).encode(&mut bytes);
        let bytes = bytes.try_into().unwrap();
        assert_eq!(RecordHeader::decode(&bytes), None, "{plain} plain bytes in {frame}");
    }
}

fn read_footer(bytes: &[u8], at: u32) -> Option<Vec<Entry>> {
    let disk = FaultyDisk::new();
    let mut segment = vec![0; usize::try_from(at).unwrap()];
    segment.extend(bytes);
    let file_bytes = u64::try_from(segment.len()).unwrap();
    disk.replace_segment(0, segment);
    footer::read(&*disk.open_segment(SegmentNumber(0)).unwrap(), file_bytes, TAG)
}

fn entry(offset: u32, frame_bytes: u32) -> Entry {
    Entry { chunk: ChunkRef { id: ChunkId::from_bytes([4; 32]), bytes: 1000 }, offset, frame_bytes }
}

#[test]
fn a_footer_is_read_only_where_it_is_whole_and_inside_its_segment() {
    let good = vec![entry(28, 100), entry(188, 52)];
    assert_eq!(read_footer(&footer::encode(TAG, &good, 300), 300), Some(good.clone()));
    assert_eq!(read_footer(&footer::encode(TAG, &[], 28), 28), Some(vec![]));
    assert_eq!(read_footer(&footer::encode(TAG, &good, 299), 299), None, "a record over the end");
    assert_eq!(read_footer(&footer::encode(TAG, &[entry(27, 1)], 300), 300), None, "inside the header");
    assert_eq!(read_footer(&footer::encode(TAG, &[entry(u32::MAX, 1)], 300), 300), None);
    let other = SegmentTag::from_bytes([7; 8]);
    assert_eq!(read_footer(&footer::encode(other, &good, 300), 300), None, "another segment's");
}

proptest! {
    #[test]
    fn record_headers_survive_the_way_there_and_back(id: [u8; 32], plain in 1_u32..=1 << 20, part in 0_u32..100) {
        let header = header(id, plain, (plain / 100 * part).max(1));
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        let bytes: [u8; 60] = bytes.try_into().unwrap();
        prop_assert_eq!(RecordHeader::decode(&bytes), Some(header));
    }

    #[test]
    fn a_record_header_with_one_wrong_byte_is_refused(id: [u8; 32], at in 0_usize..60, flip in 1_u8..) {
        let mut bytes = Vec::new();
        header(id, 500, 400).encode(&mut bytes);
        bytes[at] ^= flip;
        let bytes: [u8; 60] = bytes.try_into().unwrap();
        prop_assert_eq!(RecordHeader::decode(&bytes), None);
    }

    #[test]
    fn footers_survive_the_way_there_and_back(frames in prop::collection::vec(1_u32..1000, 0..40)) {
        let mut end = 28;
        let mut entries = Vec::new();
        for frame_bytes in frames {
            entries.push(entry(end, frame_bytes));
            end += 60 + frame_bytes;
        }
        prop_assert_eq!(read_footer(&footer::encode(TAG, &entries, end), end), Some(entries));
    }

    #[test]
    fn foreign_bytes_as_a_segment_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), ours: bool) {
        let disk = FaultyDisk::new();
        let begin = if ours { SegmentHeader::encode(SegmentNumber(0), TAG) } else { Vec::new() };
        disk.replace_segment(0, [begin, bytes].concat());
        let store = open(&disk, SMALL);
        prop_assert_eq!(store.usage().chunks, 0);
        store.put(&chunk(1)).unwrap();
        prop_assert!(gives(&store, &chunk(1)));
    }
}
