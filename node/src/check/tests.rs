use super::*;
use crate::store::{CheckFault, FaultKind, Incomplete, Lacks};
use pollux_core::{ChunkId, ManifestId};

fn report() -> CheckReport {
    CheckReport {
        version: 1,
        sound: true,
        segments: 2,
        bytes: 3000,
        records: 21,
        chunks: 20,
        quarantined: 0,
        torn_bytes: 0,
        faults: 0,
        repaired: 0,
        listed_faults: Vec::new(),
        manifests: 3,
        not_needed: 1,
        unreadable_manifests: 0,
        incomplete: 0,
        listed_incomplete: Vec::new(),
    }
}

fn fault(chunk: Option<ChunkId>, what: FaultKind, repaired: bool) -> CheckFault {
    CheckFault { segment: 1, offset: 88, chunk, what, repaired }
}

/// Something of everything.
fn unsound() -> CheckReport {
    let chunk = ChunkId::from_bytes([7; 32]);
    CheckReport {
        sound: false,
        quarantined: 4,
        torn_bytes: 33,
        faults: 1002,
        repaired: 1,
        listed_faults: vec![
            fault(Some(chunk), FaultKind::Frame, true),
            fault(None, FaultKind::SegmentUnreadable, false),
        ],
        unreadable_manifests: 1,
        incomplete: 1,
        listed_incomplete: vec![Incomplete {
            manifest: ManifestId::from_bytes([9; 32]),
            key: "a/b".parse().unwrap(),
            sequence: 5,
            lacks: Lacks::Chunks(2),
        }],
        ..report()
    }
}

fn printed(report: &CheckReport) -> String {
    let mut out = Vec::new();
    print(&mut out, Path::new("/store"), report).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_sound_store_takes_four_lines() {
    let expected = "/store: sound\n  segments   2 (3000 bytes)\n  chunks     20 whole, in 21 records\n  \
                    manifests  3 certified, 2 needed\n";
    assert_eq!(printed(&report()), expected);
}

#[test]
fn everything_that_is_wrong_is_printed() {
    let (chunk, manifest) = ("07".repeat(32), ManifestId::from_bytes([9; 32]));
    let expected = format!(
        "/store: something is wrong\n  segments   2 (3000 bytes)\n  chunks     20 whole, in 21 records\n  \
         manifests  3 certified, 2 needed\n  \
         passed over: 4 damaged records that were quarantined before\n  \
         33 bytes behind the last record, as after a crash: the next start cuts them off\n  \
         segment 00000001 at 88: a frame is not what its checksum says, chunk {chunk} (repaired)\n  \
         segment 00000001 at 88: nothing of this segment can be read\n  and 1000 more\n  \
         1 manifests in the records cannot be read\n  \
         a/b sequence 5: 2 chunks are not there (manifest {manifest})\n  \
         missing chunks: a node fetches them again when a job asks for them, a seed gets them back from members and \
         other seeds that have them: start it\n"
    );
    assert_eq!(printed(&unsound()), expected);
}

#[test]
fn the_first_line_is_the_verdict_and_the_advice_fits_it() {
    let repaired = CheckReport { faults: 2, repaired: 2, ..report() };
    let missing = CheckReport { sound: false, incomplete: 1, ..report() };
    let unreadable = CheckReport { sound: false, unreadable_manifests: 1, ..report() };
    for (report, first, words) in [
        (repaired, "/store: repaired\n", ""),
        (missing, "/store: something is missing\n", "start it"),
        (unreadable, "/store: something is missing\n", "goes on without them"),
        (unsound(), "/store: something is wrong\n", "check --repair"),
    ] {
        assert!(printed(&report).starts_with(first), "{}", printed(&report));
        assert!(advice(&report, CheckMode::Look).contains(words));
    }
    assert!(advice(&unsound(), CheckMode::Repair).contains("may be deleted"));
}

/// What machines read: a name that goes, or means something else, raises the version.
#[test]
fn the_json_is_stable() {
    let mut report = unsound();
    report.listed_faults.truncate(1);
    let (chunk, manifest) = ("07".repeat(32), ManifestId::from_bytes([9; 32]));
    let expected = format!(
        "{{\"version\":1,\"sound\":false,\"segments\":2,\"bytes\":3000,\"records\":21,\"chunks\":20,\"quarantined\":4,\
         \"torn_bytes\":33,\"faults\":1002,\"repaired\":1,\"listed_faults\":[{{\"segment\":1,\"offset\":88,\
         \"chunk\":\"{chunk}\",\"what\":\"frame\",\"repaired\":true}}],\"manifests\":3,\"not_needed\":1,\
         \"unreadable_manifests\":1,\"incomplete\":1,\"listed_incomplete\":[{{\"manifest\":\"{manifest}\",\"key\":\"a/b\",\
         \"sequence\":5,\"lacks\":{{\"chunks\":2}}}}]}}"
    );
    assert_eq!(serde_json::to_string(&report).unwrap(), expected);
}

#[test]
fn progress_is_told_in_words() {
    let progress = CheckProgress { bytes: 1_500_000, bytes_total: 9_000_000, manifests: 0 };
    assert_eq!(words(progress), "checked 1 of 9 MB");
    assert_eq!(words(CheckProgress { manifests: 3, ..progress }), "looked for the chunks of 3 manifests");
}
