//! Bytes that are torn, flipped, or made by somebody who wants them believed.
use super::*;
use crate::store::{
    StoreError,
    disk::SegmentNumber,
    record::{SegmentHeader, SegmentTag},
    segment::{Depth, Opened, Segment},
};
use faulty_disk::Crash;
use pollux_core::{Frame, FrameDecoder, FrameKind};

/// A disk with these chunks in one unsealed segment, and where each record begins.
fn one_segment(numbers: std::ops::Range<u32>) -> (FaultyDisk, Vec<usize>) {
    let disk = FaultyDisk::new();
    let store = open(&disk, ONE_SEGMENT);
    let mut begins = Vec::new();
    for number in numbers {
        store.put(&chunk(number)).unwrap();
        let frame = chunk(number).frame().bytes.len();
        begins.push(disk.segment(0).len() - frame - 60);
    }
    (disk, begins)
}

#[test]
fn a_segment_cut_at_any_byte_gives_its_whole_records_and_takes_new_ones() {
    let (whole_disk, mut begins) = one_segment(0..3);
    let whole = whole_disk.segment(0);
    begins.push(whole.len());
    for cut in 0..=whole.len() {
        let disk = whole_disk.after(Crash::KeepsAll);
        disk.replace_segment(0, whole[..cut].to_vec());
        let (store, recovery) = Store::open_on(Arc::new(disk.clone()), ONE_SEGMENT, None).unwrap();
        let expected = begins[1..].iter().filter(|end| **end <= cut).count();
        let given = (0..3).filter(|number| gives(&store, &chunk(*number))).count();
        assert_eq!(given, expected, "cut at {cut}");
        let kept = if cut < 28 { 0 } else { begins[expected] };
        assert_eq!(recovery.torn_bytes, u64::try_from(cut - kept).unwrap(), "cut at {cut}");
        (0..5).for_each(|number| store.put(&chunk(number)).unwrap());
        drop(store);
        let store = open(&disk, ONE_SEGMENT);
        assert!((0..5).all(|number| gives(&store, &chunk(number))), "cut at {cut}");
    }
}

#[test]
fn zeros_behind_the_last_record_are_cut_off() {
    let (disk, _) = one_segment(0..3);
    let whole = disk.segment(0);
    disk.replace_segment(0, [whole.clone(), vec![0; 100_000]].concat());
    let store = open(&disk, ONE_SEGMENT);
    assert!((0..3).all(|number| gives(&store, &chunk(number))));
    assert_eq!(disk.segment(0), whole);
}

#[test]
fn a_flipped_bit_costs_one_record_of_the_last_segment() {
    let (disk, begins) = one_segment(0..4);
    let whole = disk.segment(0);
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        disk.replace_segment(0, bytes);
        let store = open(&disk, ONE_SEGMENT);
        let hit = begins.iter().rposition(|begin| *begin <= at);
        for number in 0..4 {
            let given = gives(&store, &chunk(number));
            assert_eq!(
                given,
                hit != Some(usize::try_from(number).unwrap()),
                "chunk {number}, flipped at {at}"
            );
        }
    }
}

/// Sealed segments are not checked at start, so damage in them shows when they are read.
#[test]
fn a_damaged_record_is_quarantined_and_does_not_come_back() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    (0..20).for_each(|number| store.put(&chunk(number)).unwrap());
    drop(store);
    let mut first = disk.segment(0);
    first[28 + 60 + 5] ^= 0x40;
    disk.replace_segment(0, first);

    let store = open(&disk, SMALL);
    let lost = chunk(0).chunk().id;
    assert!(store.holds(&lost), "nobody has looked yet");
    assert!(!gives(&store, &chunk(0)));
    assert!(!store.holds(&lost));
    assert_eq!(store.take_lost(), [lost]);
    assert_eq!(store.take_lost(), []);
    drop(store);

    let store = open(&disk, SMALL);
    assert!(!store.holds(&lost), "a start does not bring it back");
    store.put(&chunk(0)).unwrap();
    assert!(gives(&store, &chunk(0)));
    drop(store);
    let store = open(&disk, SMALL);
    assert!((0..20).all(|number| gives(&store, &chunk(number))), "fetched again, it stays");
}

#[test]
fn a_place_that_was_cut_off_is_not_quarantined_any_more() {
    let (disk, begins) = one_segment(0..3);
    let store = open(&disk, ONE_SEGMENT);
    let place = crate::store::records::Quarantined {
        segment: SegmentNumber(0),
        offset: u32::try_from(begins[2]).unwrap(),
    };
    store.inner.records.quarantine(place, &chunk(2).chunk().id).unwrap();
    drop(store);
    let cut = disk.segment(0)[..begins[2] + 10].to_vec();
    disk.replace_segment(0, cut);
    let store = open(&disk, ONE_SEGMENT);
    store.put(&chunk(2)).unwrap();
    drop(store);
    assert!(gives(&open(&disk, ONE_SEGMENT), &chunk(2)));
}

#[test]
fn damage_anywhere_in_a_sealed_segment_never_serves_wrong_bytes() {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    (0..8).for_each(|number| store.put(&chunk(number)).unwrap());
    drop(store);
    let whole = disk.segment(0);
    let records = whole.len() - footer_bytes(&whole);
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        disk.replace_segment(0, bytes);
        let store = open(&disk, SMALL);
        let given = (0..8).filter(|number| gives(&store, &chunk(*number))).count();
        let expected = if (28..records).contains(&at) { 7 } else { 8 };
        assert_eq!(given, expected, "flipped at {at}");
        drop(store);
        disk.replace_segment(0, whole.clone());
        forget_quarantine(&disk);
    }
}

fn footer_bytes(segment: &[u8]) -> usize {
    let trailer = &segment[segment.len() - 16..];
    segment.len() - usize::try_from(u32::from_le_bytes(trailer[..4].try_into().unwrap())).unwrap()
}

fn forget_quarantine(disk: &FaultyDisk) {
    let store = open(disk, SMALL);
    let places = store.inner.records.quarantined().unwrap();
    store.inner.records.release(&places).unwrap();
}

/// A job may upload any bytes as a chunk, also those of a whole segment of its own making.
#[test]
fn a_chunk_that_looks_like_records_and_a_footer_is_only_a_chunk() {
    let forger = FaultyDisk::new();
    let store = open(&forger, SMALL);
    (100..109).for_each(|number| store.put(&chunk(number)).unwrap());
    drop(store);
    let raw = Frame { kind: FrameKind::Raw, bytes: forger.segment(0) };
    let chunk_ref = chunk_of(&raw.bytes).chunk();
    let forged = FrameDecoder::new().verify(raw, chunk_ref).unwrap();

    let (disk, _) = one_segment(0..2);
    let store = open(&disk, ONE_SEGMENT);
    store.put(&forged).unwrap();
    drop(store);
    // Damage in the forged chunk's own record makes the start look for the next one among its bytes.
    for damage in [false, true] {
        let mut bytes = disk.segment(0);
        let at = bytes.len() - forged.frame().bytes.len() - 4;
        bytes[at] ^= u8::from(damage);
        disk.replace_segment(0, bytes);
        let store = open(&disk, ONE_SEGMENT);
        assert!((0..2).all(|number| gives(&store, &chunk(number))));
        assert!((100..109).all(|number| !store.holds(&chunk(number).chunk().id)));
        assert_eq!(gives(&store, &forged), !damage);
    }
}

/// As a file system may show blocks of a file that is gone.
#[test]
fn a_record_of_another_segment_is_not_believed() {
    let (disk, _) = one_segment(0..2);
    let (other, begins) = one_segment(7..8);
    let stale = other.segment(0)[begins[0]..].to_vec();
    disk.replace_segment(0, [disk.segment(0), stale].concat());
    let store = open(&disk, ONE_SEGMENT);
    assert!((0..2).all(|number| gives(&store, &chunk(number))));
    assert!(!store.holds(&chunk(7).chunk().id));
}

#[test]
fn a_segment_that_was_only_begun_is_begun_again() {
    let disk = FaultyDisk::new();
    for bytes in [vec![], vec![0; 28], b"plxs".to_vec()] {
        disk.replace_segment(3, bytes);
        let store = open(&disk, SMALL);
        store.put(&chunk(1)).unwrap();
        assert!(gives(&store, &chunk(1)));
        drop(store);
        assert!(gives(&open(&disk, SMALL), &chunk(1)));
    }
}

#[test]
fn a_segment_of_nonsense_is_left_aside() {
    let disk = FaultyDisk::new();
    disk.replace_segment(0, noise(1, 5000));
    disk.replace_segment(1, noise(2, 5000));
    let (store, recovery) = Store::open_on(Arc::new(disk.clone()), SMALL, None).unwrap();
    assert_eq!(recovery.torn_bytes, 10_000);
    assert_eq!(store.usage().chunks, 0);
    store.put(&chunk(1)).unwrap();
    assert!(gives(&store, &chunk(1)));
    assert_eq!(disk.numbers(), [0, 1, 2], "it is for a person to look at");
}

#[test]
fn a_segment_of_a_newer_format_refuses_the_store() {
    let (disk, _) = one_segment(0..1);
    let mut bytes = SegmentHeader::encode(SegmentNumber(0), SegmentTag::random().unwrap());
    bytes[8] = 2;
    bytes.truncate(24);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    disk.replace_segment(0, bytes.clone());
    let refused = Store::open_on(Arc::new(disk.clone()), SMALL, None).unwrap_err();
    assert!(matches!(refused, StoreError::NewerFormat { found: 2, known: 1 }));
    assert_eq!(disk.segment(0), bytes);
}

#[test]
fn a_sector_that_cannot_be_read_costs_one_chunk() {
    let (disk, begins) = one_segment(0..4);
    let store = open(&disk, ONE_SEGMENT);
    let at = u64::try_from(begins[1] + 70).unwrap();
    disk.set(|faults| faults.unreadable = Some(at));
    assert!([0, 2, 3].iter().all(|number| gives(&store, &chunk(*number))));
    assert!(!gives(&store, &chunk(1)));
    assert_eq!(store.take_lost(), [chunk(1).chunk().id]);
}

#[test]
fn a_walk_goes_on_behind_a_sector_that_cannot_be_read() {
    let disk = FaultyDisk::new();
    let store = open(&disk, ONE_SEGMENT);
    (0..6).for_each(|number| store.put(&chunk_of(&noise(number, 100_000))).unwrap());
    // Once in a frame and once in a record's header. What is looked through for the next record is 64 KiB at a time,
    // so a record whose header lies in the same piece is lost with it.
    for at in [28 + 2 * 100_060 + 300, 28 + 2 * 100_060 + 10] {
        disk.set(|faults| faults.unreadable = Some(at));
        let Opened::Segment(segment) = Segment::open(&disk, SegmentNumber(0)).unwrap() else {
            panic!("unreadable")
        };
        assert_eq!(segment.contents(Depth::Frames).unwrap().entries.len(), 5, "unreadable at {at}");
    }
}
