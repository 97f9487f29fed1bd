//! Numbers and small sets beside the standard library's.
use super::super::slab::{Few, PeerNo, Slab};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert,
    Remove(u32),
    Change(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Insert),
        2 => (0_u32..12).prop_map(Step::Remove),
        1 => (0_u32..12).prop_map(Step::Change),
    ]
}

proptest! {
    #[test]
    fn no_two_things_share_a_number(steps in prop::collection::vec(step(), 0..80)) {
        let (mut slab, mut model, mut thing) = (Slab::<PeerNo, u32>::new(), BTreeMap::new(), 0);
        for step in steps {
            thing += 1;
            match step {
                Step::Insert => {
                    let number = u32::from(slab.insert(thing));
                    prop_assert!(model.insert(number, thing).is_none(), "{} is in use", number);
                }
                Step::Remove(number) => {
                    prop_assert_eq!(slab.remove(PeerNo::from(number)), model.remove(&number));
                }
                Step::Change(number) => {
                    let (found, known) = (slab.get_mut(PeerNo::from(number)), model.get_mut(&number));
                    prop_assert_eq!(&found, &known);
                    if let (Some(found), Some(known)) = (found, known) {
                        (*found, *known) = (thing, thing);
                    }
                }
            }
            prop_assert_eq!(slab.len(), model.len());
            prop_assert!((0..90).all(|number| slab.get(PeerNo::from(number)) == model.get(&number)));
        }
    }

    #[test]
    fn numbers_stay_as_small_as_the_most_things_at_once(
        rounds in prop::collection::vec(1_usize..10, 1..20),
    ) {
        let mut slab = Slab::<PeerNo, ()>::new();
        let most = u32::try_from(rounds.iter().copied().max().unwrap_or(0)).unwrap();
        for count in rounds {
            let numbers: Vec<_> = (0..count).map(|_| slab.insert(())).collect();
            prop_assert!(numbers.iter().all(|number| u32::from(*number) < most), "memory grows with use");
            prop_assert!(numbers.into_iter().all(|number| slab.remove(number).is_some()));
        }
    }

    #[test]
    fn a_few_is_a_set(steps in prop::collection::vec((any::<bool>(), 0_u8..6), 0..60)) {
        let (mut few, mut model) = (Few::default(), BTreeSet::new());
        for (add, element) in steps {
            if add {
                few.insert(element);
                model.insert(element);
            } else {
                prop_assert_eq!(few.remove(element), model.remove(&element));
            }
            prop_assert_eq!((few.len(), few.is_empty()), (model.len(), model.is_empty()));
            prop_assert!((0..6).all(|element| few.contains(element) == model.contains(&element)));
            let mut all: Vec<u8> = few.iter().collect();
            all.sort_unstable();
            prop_assert!(all.iter().eq(&model), "each once");
        }
    }
}
