//! A check names what is wrong, changes nothing unless it is told to, and mends so that a node goes on with all the rest.
use super::check_manifests::save;
use super::*;
use crate::store::{
    CheckMode, CheckReport, FaultKind,
    check::check_on,
    disk::SegmentNumber,
    footer,
    segment::{Depth, Opened, Segment},
};
use pollux_core::Timestamp;

pub(super) const WALL: Timestamp = Timestamp::from_millis(2000);

pub(super) fn checked(disk: &FaultyDisk, mode: CheckMode) -> CheckReport {
    check_on(Arc::new(disk.clone()), mode, WALL, &mut |_| ()).unwrap()
}

/// What is wrong, and where.
pub(super) fn kinds(report: &CheckReport) -> Vec<FaultKind> {
    report.listed_faults.iter().map(|fault| fault.what).collect()
}

/// A disk with sealed segments and a last one that is not.
fn sealed() -> FaultyDisk {
    let disk = FaultyDisk::new();
    let store = open(&disk, SMALL);
    (0..20).for_each(|number| store.put(&chunk(number)).unwrap());
    drop(store);
    assert!(disk.numbers().len() > 2);
    disk
}

/// Which of these chunks a node has after a start.
fn held(disk: &FaultyDisk, bounds: Bounds, numbers: u32) -> Vec<u32> {
    let store = open(disk, bounds);
    (0..numbers).filter(|number| gives(&store, &chunk(*number))).collect()
}

#[test]
fn a_sound_store_is_called_sound() {
    let disk = sealed();
    let store = open(&disk, SMALL);
    save(&store, 1, &[]);
    drop(store);
    for mode in [CheckMode::Look, CheckMode::Repair] {
        let report = checked(&disk, mode);
        assert!(report.sound, "{report:?}");
        assert_eq!((report.version, report.faults, report.torn_bytes, report.quarantined), (1, 0, 0, 0));
        assert_eq!((report.records, report.chunks), (23, 23));
        assert_eq!((report.manifests, report.not_needed, report.incomplete), (1, 0, 0));
        assert_eq!(report.segments, u64::try_from(disk.numbers().len()).unwrap());
        let bytes: usize = disk.numbers().iter().map(|number| disk.segment(*number).len()).sum();
        assert_eq!(report.bytes, u64::try_from(bytes).unwrap());
    }
}

/// One bit, anywhere in a sealed segment: it is named; once it is repaired a node has all but what it hit.
#[test]
fn a_flipped_bit_anywhere_in_a_sealed_segment_is_found_and_repaired() {
    let whole = sealed().segment(0);
    let footer = footer_begins(&whole);
    for at in (0..whole.len()).step_by(3) {
        let disk = sealed();
        let mut bytes = disk.segment(0);
        bytes[at] ^= 1 << (at % 8);
        let begins = begins(&disk);
        disk.replace_segment(0, bytes);
        let hit = begins.iter().rposition(|begin| *begin <= at).filter(|_| at < footer);
        let expected = match hit {
            None if at < 28 => FaultKind::SegmentHeader,
            None => FaultKind::Footer,
            Some(hit) if at < begins[hit] + 60 => FaultKind::RecordHeader,
            Some(_) => FaultKind::Frame,
        };
        let changes = disk.changes();
        let found = checked(&disk, CheckMode::Look);
        assert_eq!((kinds(&found), found.sound, found.repaired), (vec![expected], false, 0), "{at}");
        assert_eq!(disk.changes(), changes, "it was only looked at");
        assert_eq!(checked(&disk, CheckMode::Look), found, "and is still there");
        let repaired = checked(&disk, CheckMode::Repair);
        assert_eq!((kinds(&repaired), repaired.sound, repaired.repaired), (vec![expected], true, 1), "{at}");
        let again = checked(&disk, CheckMode::Look);
        assert_eq!((again.faults, again.sound), (0, true), "flipped at {at}: {again:?}");
        assert_eq!(again.quarantined, u64::from(hit.is_some()));
        let hit = hit.map(|hit| u32::try_from(hit).unwrap());
        let left: Vec<u32> = (0..20).filter(|number| Some(*number) != hit).collect();
        assert_eq!(held(&disk, SMALL, 20), left, "flipped at {at}");
    }
}

fn footer_begins(segment: &[u8]) -> usize {
    let trailer = &segment[segment.len() - 16..];
    usize::try_from(u32::from_le_bytes(trailer[..4].try_into().unwrap())).unwrap()
}

/// Where the records of the first segment of [`sealed`] begin.
fn begins(disk: &FaultyDisk) -> Vec<usize> {
    let end = footer_begins(&disk.segment(0));
    let lengths = (0..20).map(|number| 60 + chunk(number).frame().bytes.len());
    let begins = lengths.scan(28, |at, bytes| {
        *at += bytes;
        Some(*at - bytes)
    });
    begins.take_while(|begin| *begin < end).collect()
}

/// The last segment is walked at every start, which passes over what is damaged.
#[test]
fn a_flipped_bit_anywhere_in_the_last_segment_is_found_or_will_be_cut_off() {
    let disk = FaultyDisk::new();
    let store = open(&disk, ONE_SEGMENT);
    let mut begins = Vec::new();
    for number in 0..4 {
        begins.push(disk.segment_bytes(0));
        store.put(&chunk(number)).unwrap();
    }
    begins[0] = 28;
    drop(store);
    let whole = disk.segment(0);
    for at in (0..whole.len()).step_by(5) {
        let disk = disk.after(faulty_disk::Crash::KeepsAll);
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        disk.replace_segment(0, bytes);
        let hit = begins.iter().rposition(|begin| *begin <= at);
        let found = checked(&disk, CheckMode::Look);
        if hit == Some(3) && at < begins[3] + 60 {
            assert_eq!((found.faults, found.sound), (0, true), "{at}");
            assert_eq!(found.torn_bytes, u64::try_from(whole.len() - begins[3]).unwrap());
        } else {
            assert_eq!((found.faults, found.sound), (1, false), "flipped at {at}: {found:?}");
        }
        assert!(checked(&disk, CheckMode::Repair).sound);
        assert!(checked(&disk, CheckMode::Look).sound, "flipped at {at}");
        let hit = hit.map(|hit| u32::try_from(hit).unwrap());
        let left: Vec<u32> = (0..4).filter(|number| Some(*number) != hit).collect();
        assert_eq!(held(&disk, ONE_SEGMENT, 4), left, "flipped at {at}");
    }
}

#[test]
fn a_segment_that_was_cut_off_is_found_and_repaired() {
    let whole_disk = sealed();
    let whole = whole_disk.segment(0);
    let mut ends = begins(&whole_disk);
    ends.push(footer_begins(&whole));
    for cut in (0..whole.len()).step_by(7) {
        let disk = sealed();
        disk.replace_segment(0, disk.segment(0)[..cut].to_vec());
        let found = checked(&disk, CheckMode::Look);
        let kept = ends[1..].iter().filter(|end| **end <= cut).count();
        if cut < 28 {
            assert_eq!((kinds(&found), found.sound), (vec![FaultKind::SegmentUnreadable], false));
            assert!(!checked(&disk, CheckMode::Repair).sound, "nothing can be made of it");
        } else if ends.contains(&cut) {
            assert!(found.sound, "as after a start without room for a footer");
        } else {
            assert_eq!((kinds(&found), found.sound), (vec![FaultKind::Footer], false), "cut at {cut}");
            assert!(checked(&disk, CheckMode::Repair).sound);
            assert!(checked(&disk, CheckMode::Look).sound, "cut at {cut}");
        }
        let left: Vec<u32> = (0..20)
            .filter(|n| usize::try_from(*n).unwrap() < kept || *n >= records_in_first(&ends))
            .collect();
        assert_eq!(held(&disk, SMALL, 20), left, "cut at {cut}");
    }
}

fn records_in_first(ends: &[usize]) -> u32 {
    u32::try_from(ends.len() - 1).unwrap()
}

/// Its checksums are right, so only its hash tells.
#[test]
fn a_frame_of_another_chunk_is_found() {
    let disk = FaultyDisk::new();
    let store = open(&disk, ONE_SEGMENT);
    (0..2).for_each(|number| store.put(&chunk(number)).unwrap());
    drop(store);
    let mut bytes = disk.segment(0);
    let header = &mut bytes[28..88];
    header[8] ^= 1;
    let crc = crc32fast::hash(&header[..56]);
    header[56..].copy_from_slice(&crc.to_le_bytes());
    let forged = pollux_core::ChunkId::from_bytes(header[8..40].try_into().unwrap());
    disk.replace_segment(0, bytes);
    assert!(open(&disk, ONE_SEGMENT).holds(&forged), "no start hashes what it finds");
    let found = checked(&disk, CheckMode::Look);
    assert_eq!((kinds(&found), found.listed_faults[0].chunk), (vec![FaultKind::Chunk], Some(forged)));
    assert!(checked(&disk, CheckMode::Repair).sound);
    assert!(!open(&disk, ONE_SEGMENT).holds(&forged));
    assert_eq!(held(&disk, ONE_SEGMENT, 2), [1]);
}

#[test]
fn a_footer_that_differs_is_found_and_written_anew() {
    let disk = sealed();
    let Opened::Segment(segment) = Segment::open(&disk, SegmentNumber(0)).unwrap() else {
        panic!("unreadable")
    };
    let contents = segment.contents(Depth::Headers).unwrap();
    let good = disk.segment(0);
    let mut other = contents.entries.clone();
    other[1].chunk.id = chunk(99).chunk().id;
    for (entries, left) in [(&contents.entries[1..], 1..20), (&other[..], 0..20)] {
        let end = usize::try_from(contents.end).unwrap();
        let footer = footer::encode(segment.tag, entries, contents.end);
        disk.replace_segment(0, [&good[..end], &footer].concat());
        assert!(held(&disk, SMALL, 20).len() < 20, "a start goes by the footer");
        let found = checked(&disk, CheckMode::Look);
        assert_eq!((kinds(&found), found.sound), (vec![FaultKind::FooterDiffers], false), "{left:?}");
        assert!(checked(&disk, CheckMode::Repair).sound);
        assert_eq!(disk.segment(0), good);
        assert_eq!(held(&disk, SMALL, 20).len(), 20);
    }
}

#[test]
fn a_sector_that_cannot_be_read_is_found() {
    let disk = sealed();
    disk.set(|faults| faults.unreadable = Some(28 + 60 + 5));
    let found = check_segments_of(&disk);
    assert!(found.faults >= 1 && !found.sound);
    assert_eq!(found.listed_faults[0].what, FaultKind::Frame);
}

/// The records of this disk are read before: that byte of theirs cannot be read either.
fn check_segments_of(disk: &FaultyDisk) -> CheckReport {
    disk.set(|faults| faults.readable_records = true);
    checked(disk, CheckMode::Look)
}

#[test]
fn a_check_says_how_far_it_is() {
    let disk = sealed();
    let store = open(&disk, SMALL);
    save(&store, 1, &[]);
    drop(store);
    let mut told = Vec::new();
    check_on(Arc::new(disk), CheckMode::Look, WALL, &mut |progress| told.push(progress)).unwrap();
    assert!(told.is_sorted_by_key(|progress| (progress.bytes, progress.manifests)));
    let last = told.last().unwrap();
    assert!(last.bytes > 0 && last.bytes <= last.bytes_total && last.manifests == 1, "{last:?}");
}
