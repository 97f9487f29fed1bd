use super::super::test_bytes::{noise, text};
use super::*;
use fastcdc::v2020::{FastCDC, Normalization, select_masks};
use proptest::prelude::*;

fn cut(run: &[u8]) -> Vec<&[u8]> {
    Cutter::new().cut(run).collect()
}

/// What the crate itself makes of the whole run at once.
fn reference(run: &[u8]) -> Vec<&[u8]> {
    let level = Normalization::Level1;
    FastCDC::with_level(run, MIN, AVERAGE, MAX, level)
        .map(|chunk| &run[chunk.offset..chunk.offset + chunk.length])
        .collect()
}

/// Lengths and the beginnings of names.
fn vector(run: &[u8]) -> String {
    let chunks = cut(run);
    let lines = chunks.iter().map(|chunk| format!("{} {}", chunk.len(), ChunkId::of(chunk).short()));
    lines.collect::<Vec<_>>().join("\n")
}

/// Noise and long stretches of one byte, as archives and object files have.
fn mixed(label: &str, bytes: usize) -> Vec<u8> {
    let mut mixed = noise(label, bytes);
    for stretch in mixed.chunks_mut(300_000).skip(1).step_by(2) {
        stretch.fill(0);
    }
    mixed
}

#[test]
fn masks_are_those_of_normalisation_level_1() {
    let masks = (MASK_BELOW_AVERAGE, MASK_ABOVE_AVERAGE);
    assert_eq!(masks, select_masks(AVERAGE, Normalization::Level1));
    assert_eq!((masks.0.count_ones(), masks.1.count_ones()), (19, 17));
}

#[test]
fn golden_noise() {
    insta::assert_snapshot!(vector(&noise("pollux golden noise", 4_000_000)), @"
    634010 4a9f7c7a
    86630 d3b61115
    268051 fa783695
    474932 6670c322
    436438 65b0e320
    320210 92192f54
    299444 9e2bdfe5
    315271 d1e2324b
    420788 2dbfe4f6
    226948 b86d0186
    266009 2833bdca
    164258 4357e618
    87011 a188109d
    ");
}

#[test]
fn golden_text() {
    insta::assert_snapshot!(vector(&text("pollux golden text", 3_000_001)), @"
    280037 3ad37f0e
    269245 dadcc3c7
    262316 1c6ba8d9
    414674 a85d93b6
    397556 4cd0c2cb
    713186 861aedf2
    378958 38227578
    284029 c09f7c96
    ");
}

#[test]
fn golden_mixed() {
    insta::assert_snapshot!(vector(&mixed("pollux golden mixed", 3_333_333)), @"
    720686 f70dfd25
    553715 4c1448d8
    595052 b072c6b7
    199993 080910f1
    398461 109f3f75
    830703 c75741c7
    34723 23f76dcc
    ");
}

#[test]
fn golden_zeros_are_cut_at_the_largest_size() {
    insta::assert_snapshot!(vector(&vec![0; 2_500_000]), @"
    1048576 488de202
    1048576 488de202
    402848 f535a978
    ");
}

#[test]
fn golden_small_run_is_one_chunk() {
    let vectors = [vector(b"pollux"), vector(&noise("pollux golden small", MIN))];
    insta::assert_snapshot!(vectors.join("\n"), @"
    6 754e4336
    65536 4cbd9761
    ");
}

#[test]
fn empty_run_has_no_chunk() {
    assert!(cut(&[]).is_empty());
}

#[test]
fn run_of_exactly_the_largest_size() {
    for bytes in [MAX - 1, MAX, MAX + 1, 2 * MAX] {
        let run = vec![0; bytes];
        assert_eq!(cut(&run), reference(&run), "{bytes}");
    }
}

#[test]
fn edit_changes_only_the_chunks_around_it() {
    let before = noise("edited", 8_000_000);
    let mut after = before.clone();
    after.splice(4_000_000..4_000_010, *b"inserted here");
    let (before, after) = (cut(&before), cut(&after));
    let added = after.iter().filter(|chunk| !before.contains(chunk)).count();
    assert!((1..=3).contains(&added), "{added} of {} chunks are new", after.len());
}

#[test]
fn the_first_chunk_is_told_as_soon_as_its_end_is_there() {
    let (cutter, run) = (Cutter::new(), noise("first", 3_000_000));
    let chunks = reference(&run);
    let first = chunks[0].len();
    assert_eq!(cutter.first(&run), Some(first));
    assert_eq!(cutter.first(&run[first..]), Some(chunks[1].len()));
    // The byte that the cut was found at, and its partner.
    assert_eq!(cutter.first(&run[..first + 2]), Some(first));
    assert_eq!(cutter.first(&run[..first]), None);
    assert_eq!(cutter.first(&[]), None);
}

fn run() -> impl Strategy<Value = Vec<u8>> {
    let (label, bytes) = ("[a-z]{4}", 0usize..3_000_000);
    (0..3, label, bytes).prop_map(|(kind, label, bytes)| match kind {
        0 => noise(&label, bytes),
        1 => text(&label, bytes),
        _ => mixed(&label, bytes),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn cuts_are_those_of_the_crate(run in run()) {
        let chunks = cut(&run);
        prop_assert!(chunks == reference(&run));
        let whole = chunks.split_last().map_or(&[][..], |(_, whole)| whole);
        prop_assert!(whole.iter().all(|chunk| (MIN..=MAX).contains(&chunk.len())));
    }

    #[test]
    fn what_follows_does_not_move_an_end(run in run(), seen in 0usize..3_000_000) {
        let cutter = Cutter::new();
        if let Some(end) = cutter.first(&run[..seen.min(run.len())]) {
            prop_assert_eq!(cutter.first(&run), Some(end));
        }
    }
}
