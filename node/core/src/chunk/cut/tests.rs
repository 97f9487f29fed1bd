use super::super::test_bytes::{noise, text};
use super::*;
use fastcdc::v2020::{FastCDC, Normalization, select_masks};
use proptest::prelude::*;

/// The chunks of one run that is pushed in pieces of these sizes, in turn.
fn cut(cutter: &mut Cutter, run: &[u8], pushes: &[usize]) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    let mut rest = run;
    for size in pushes.iter().cycle() {
        let (push, behind) = split_at(rest, *size);
        cutter.push(push, |chunk| chunks.push(chunk.to_vec()));
        assert!(cutter.carry.len() < MAX, "a whole chunk's bytes are held between pushes");
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    cutter.finish(|chunk| chunks.push(chunk.to_vec()));
    chunks
}

/// What the crate itself makes of the whole run at once.
fn one_shot(run: &[u8]) -> Vec<Vec<u8>> {
    let level = Normalization::Level1;
    FastCDC::with_level(run, MIN, AVERAGE, MAX, level)
        .map(|chunk| run[chunk.offset..chunk.offset + chunk.length].to_vec())
        .collect()
}

/// Lengths and the beginnings of names.
fn vector(run: &[u8]) -> String {
    let chunks = cut(&mut Cutter::new(), run, &[run.len().max(1)]);
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
    assert_eq!(cut(&mut Cutter::new(), &[], &[1]), Vec::<Vec<u8>>::new());
    Cutter::new().finish(|_| panic!("nothing was pushed"));
}

#[test]
fn run_of_exactly_the_largest_size() {
    for bytes in [MAX - 1, MAX, MAX + 1, 2 * MAX] {
        let run = vec![0; bytes];
        for pushes in [&[bytes][..], &[MAX], &[4096], &[MAX - 1, 1]] {
            assert_eq!(cut(&mut Cutter::new(), &run, pushes), one_shot(&run), "{bytes} in {pushes:?}");
        }
    }
}

#[test]
fn each_run_is_cut_from_its_own_start() {
    let (first, second) = (noise("first", 700_001), text("second", 900_000));
    let mut cutter = Cutter::new();
    cut(&mut cutter, &first, &[100_000]);
    assert_eq!(cut(&mut cutter, &second, &[100_000]), one_shot(&second));
}

#[test]
fn pushes_without_bytes_change_nothing() {
    let run = noise("empty pushes", 1_000_000);
    assert_eq!(cut(&mut Cutter::new(), &run, &[0, 300_000, 0, 0, 7]), one_shot(&run));
}

#[test]
fn edit_changes_only_the_chunks_around_it() {
    let before = noise("edited", 8_000_000);
    let mut after = before.clone();
    after.splice(4_000_000..4_000_010, *b"inserted here");
    let before = cut(&mut Cutter::new(), &before, &[MAX]);
    let after = cut(&mut Cutter::new(), &after, &[MAX]);
    let added = after.iter().filter(|chunk| !before.contains(chunk)).count();
    assert!((1..=3).contains(&added), "{added} of {} chunks are new", after.len());
}

#[test]
fn whole_chunks_are_slices_of_what_was_pushed() {
    let run = noise("no copies", 6_000_000);
    let inside = run.as_ptr_range();
    let (mut chunks, mut slices) = (0, 0);
    let mut cutter = Cutter::new();
    for push in run.chunks(3_000_000) {
        cutter.push(push, |chunk| {
            chunks += 1;
            slices += usize::from(inside.contains(&chunk.as_ptr()));
        });
    }
    assert!(chunks > 10 && chunks - slices <= 1, "{slices} slices of {chunks}");
}

#[test]
fn small_pushes_are_not_searched_over_and_over() {
    let mut cutter = Cutter::new();
    for push in noise("patience", 3_000_000).chunks(1000) {
        let before = cutter.search_at;
        cutter.push(push, |_| ());
        let searched_again = cutter.search_at > before && before > AVERAGE;
        assert!(!searched_again || cutter.search_at >= (2 * before).min(MAX));
    }
}

#[test]
fn the_first_chunk_is_told_as_soon_as_its_end_is_there() {
    let (cutter, run) = (Cutter::new(), noise("first", 3_000_000));
    let chunks = one_shot(&run);
    let first = chunks[0].len();
    assert_eq!(cutter.first(&run), Some(first));
    assert_eq!(cutter.first(&run[first..]), Some(chunks[1].len()));
    // The byte that the cut was found at, and its partner.
    assert_eq!(cutter.first(&run[..first + 2]), Some(first));
    assert_eq!(cutter.first(&run[..first]), None);
    assert_eq!(cutter.first(&[]), None);
}

#[test]
fn debug_output_shows_no_bytes() {
    let mut cutter = Cutter::default();
    cutter.push(&[9; 1000], |_| ());
    assert_eq!(format!("{cutter:?}"), "Cutter { carried_bytes: 1000, .. }");
}

fn run() -> impl Strategy<Value = Vec<u8>> {
    let (label, bytes) = ("[a-z]{4}", 0usize..3_000_000);
    (0..3, label, bytes).prop_map(|(kind, label, bytes)| match kind {
        0 => noise(&label, bytes),
        1 => text(&label, bytes),
        _ => mixed(&label, bytes),
    })
}

fn pushes() -> impl Strategy<Value = Vec<usize>> {
    let size = prop_oneof![1usize..70_000, 60_000usize..400_000, 900_000usize..2_200_000];
    proptest::collection::vec(size, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pushes_do_not_change_the_cuts(run in run(), pushes in pushes()) {
        let chunks = cut(&mut Cutter::new(), &run, &pushes);
        prop_assert!(chunks.concat() == run, "bytes are lost for pushes {:?}", pushes);
        prop_assert!(chunks == one_shot(&run), "cuts differ for pushes {:?}", pushes);
        let whole = chunks.split_last().map_or(&[][..], |(_, whole)| whole);
        prop_assert!(whole.iter().all(|chunk| (MIN..=MAX).contains(&chunk.len())));
    }
}
