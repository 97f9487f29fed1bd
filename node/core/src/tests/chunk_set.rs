//! Chunk sets beside sets of the standard library, in any order of changes.
use crate::limits::{HAVE_RANGES_MAX, MANIFEST_CHUNKS_MAX};
use crate::message::ChunkSet;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
enum Step {
    Insert(u32),
    Range(u32, u32),
    Extend(BTreeSet<u32>),
    /// Written, read again, and put together from its pieces.
    Travel,
}

fn step() -> impl Strategy<Value = Step> {
    let index = 0_u32..100;
    prop_oneof![
        3 => index.clone().prop_map(Step::Insert),
        2 => (index.clone(), index.clone()).prop_map(|(from, to)| Step::Range(from, to)),
        2 => prop::collection::btree_set(index, 0..30).prop_map(Step::Extend),
        1 => Just(Step::Travel),
    ]
}

fn run(set: &mut ChunkSet, model: &mut BTreeSet<u32>, step: Step) {
    match step {
        Step::Insert(index) => {
            set.insert(index);
            model.insert(index);
        }
        Step::Range(from, to) => {
            set.extend(&ChunkSet::range(from, to));
            model.extend(from..to);
        }
        Step::Extend(other) => {
            set.extend(&other.iter().copied().collect());
            model.extend(other);
        }
        Step::Travel => {
            let mut whole = ChunkSet::new();
            for piece in set.clone().split() {
                let bytes = postcard::to_stdvec(&piece).unwrap();
                whole.extend(&postcard::from_bytes(&bytes).unwrap());
            }
            *set = whole;
        }
    }
}

/// Where a run of numbers begins and where it has ended.
fn runs(model: &BTreeSet<u32>) -> Vec<(u32, u32)> {
    let begins = model.iter().filter(|n| n.checked_sub(1).is_none_or(|before| !model.contains(&before)));
    let ends = model.iter().map(|n| n + 1).filter(|n| !model.contains(n));
    begins.copied().zip(ends).collect()
}

proptest! {
    #[test]
    fn any_order_of_changes_gives_the_one_form(steps in prop::collection::vec(step(), 0..40)) {
        let (mut set, mut model) = (ChunkSet::new(), BTreeSet::new());
        for step in steps {
            run(&mut set, &mut model, step);
            prop_assert_eq!(set.ranges(), runs(&model));
            prop_assert!(set.iter().eq(model.iter().copied()));
            prop_assert_eq!(usize::try_from(set.len()).unwrap(), model.len());
            prop_assert!((0..110).all(|index| set.contains(index) == model.contains(&index)));
        }
        prop_assert_eq!(set, model.into_iter().collect(), "equal sets are equal values");
    }

    #[test]
    fn the_union_is_the_same_from_both_sides(
        one in prop::collection::btree_set(0_u32..60, 0..60),
        other in prop::collection::btree_set(0_u32..60, 0..60),
    ) {
        let (left, right): (ChunkSet, ChunkSet) = (one.into_iter().collect(), other.into_iter().collect());
        let (mut forth, mut back) = (left.clone(), right.clone());
        forth.extend(&right);
        back.extend(&left);
        prop_assert_eq!(&forth, &back);
        forth.extend(&left);
        prop_assert_eq!(forth, back, "and adding again adds nothing");
    }

    #[test]
    fn only_the_one_form_is_read(ranges in prop::collection::vec((0_u32..30, 0_u32..30), 0..5)) {
        let model: BTreeSet<u32> = ranges.iter().flat_map(|(from, to)| *from..*to).collect();
        let read = postcard::from_bytes::<ChunkSet>(&postcard::to_stdvec(&ranges).unwrap());
        prop_assert_eq!(read.is_ok(), runs(&model) == ranges, "two bytes for one set would be two announcements");
    }
}

#[test]
fn the_bounds_of_the_wire_are_exact() {
    let read = |ranges: &[(u32, u32)]| {
        postcard::from_bytes::<ChunkSet>(&postcard::to_stdvec(ranges).unwrap()).is_ok()
    };
    assert!(read(&[(0, MANIFEST_CHUNKS_MAX)]));
    assert!(!read(&[(0, MANIFEST_CHUNKS_MAX + 1)]));
    assert!(!read(&[(MANIFEST_CHUNKS_MAX, MANIFEST_CHUNKS_MAX)]));
    let most = u32::try_from(HAVE_RANGES_MAX).unwrap();
    let many = |count: u32| -> Vec<(u32, u32)> { (0..count).map(|n| (2 * n, 2 * n + 1)).collect() };
    assert!(read(&many(most)) && !read(&many(most + 1)));
}
