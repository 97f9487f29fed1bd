use super::*;
use crate::PublicKey;

/// Pools of three (2, 2, 0) and of four (3, 3, 1).
const OF_THREE: Others = Others { words: 1, merged: 2, faulty: 0 };
const OF_FOUR: Others = Others { words: 2, merged: 3, faulty: 1 };

fn peer(n: u8) -> PeerId {
    PeerId::new(PublicKey::from_bytes([n; 32]))
}

fn marked(epoch: u64) -> Wholeness {
    let mut wholeness = Wholeness::default();
    wholeness.marked(epoch);
    wholeness
}

fn whole(epoch: u64) -> Wholeness {
    let mut wholeness = marked(epoch);
    wholeness.heard(peer(1), 5, epoch);
    assert_eq!(wholeness.judge(OF_THREE), Turn::Whole);
    wholeness
}

#[test]
fn a_marker_waits_for_the_word_of_others() {
    let mut wholeness = marked(10);
    assert_eq!(wholeness.silence(), Some(Silence::Unsure));
    assert_eq!(wholeness.judge(OF_THREE), Turn::Nothing);
    assert_eq!(wholeness.epoch(), 10, "what the disk had, so that others can compare");
    wholeness.heard(peer(1), 5, 10);
    assert_eq!(wholeness.judge(OF_FOUR), Turn::Nothing, "of four it takes two");
    assert_eq!(wholeness.judge(OF_THREE), Turn::Whole);
    assert_eq!((wholeness.silence(), wholeness.epoch()), (None, 11));
    wholeness.wrote();
    assert_eq!(wholeness.epoch(), 12);
}

#[test]
fn the_word_of_a_seed_that_knows_nothing_does_not_count() {
    let mut wholeness = marked(10);
    wholeness.heard(peer(1), 0, 0);
    assert_eq!(wholeness.judge(OF_THREE), Turn::Nothing, "it has no marker");
    wholeness.note_seen(peer(2), 50);
    wholeness.heard(peer(2), 49, 3);
    assert_eq!(wholeness.judge(OF_THREE), Turn::Nothing, "it is rolled back itself");
    wholeness.heard(peer(2), 51, 3);
    assert_eq!(wholeness.judge(OF_THREE), Turn::Whole);
}

#[test]
fn a_disk_that_was_rolled_back_is_known_by_its_epoch() {
    let mut wholeness = marked(10);
    wholeness.heard(peer(1), 5, 11);
    assert_eq!(wholeness.judge(OF_THREE), Turn::Silent(Silence::RolledBack));
    assert!(wholeness.merged(peer(1)) && !wholeness.merged(peer(1)));
    assert_eq!(wholeness.judge(OF_THREE), Turn::Nothing);
    assert!(!wholeness.merged(peer(2)), "nothing was heard from it");
    wholeness.heard(peer(2), 7, 30);
    assert!(wholeness.merged(peer(2)));
    assert_eq!(wholeness.judge(OF_THREE), Turn::Mark(31));
    assert_eq!(wholeness.silence(), Some(Silence::RolledBack), "until that is durable");
    assert_eq!(wholeness.marked_anew(true), Turn::Whole);
    assert_eq!(wholeness.epoch(), 31);
}

#[test]
fn one_that_signs_falls_silent_when_it_learns_that_it_was_rolled_back() {
    let mut wholeness = whole(10);
    wholeness.heard(peer(2), 9, 11);
    assert_eq!(wholeness.judge(OF_THREE), Turn::Nothing, "that is what it has told");
    wholeness.heard(peer(2), 9, 12);
    assert_eq!(wholeness.judge(OF_THREE), Turn::Silent(Silence::RolledBack));
}

#[test]
fn one_liar_of_four_neither_silences_nor_makes_speak() {
    let mut wholeness = marked(10);
    wholeness.heard(peer(1), 5, 1_000);
    assert_eq!(wholeness.judge(OF_FOUR), Turn::Nothing);
    wholeness.heard(peer(2), 5, 10);
    assert_eq!(wholeness.judge(OF_FOUR), Turn::Nothing);
    wholeness.heard(peer(3), 5, 10);
    assert_eq!(wholeness.judge(OF_FOUR), Turn::Whole);
    let mut rolled_back = marked(10);
    rolled_back.heard(peer(1), 5, 10);
    rolled_back.heard(peer(2), 5, 90);
    assert_eq!(rolled_back.judge(OF_FOUR), Turn::Nothing, "the liar's word alone is not enough");
    rolled_back.heard(peer(3), 5, 90);
    assert_eq!(rolled_back.judge(OF_FOUR), Turn::Silent(Silence::RolledBack));
}

#[test]
fn an_impossible_epoch_is_no_word() {
    let mut wholeness = marked(10);
    assert!(!wholeness.heard(peer(1), u64::MAX, u64::MAX));
    assert_eq!(wholeness.judge(OF_THREE), Turn::Nothing);
    assert_eq!(wholeness.seen(&peer(1)), 0);
}

#[test]
fn a_lost_disk_merges_from_enough_others_that_have_a_marker() {
    let mut wholeness = Wholeness::default();
    assert_eq!((wholeness.silence(), wholeness.epoch()), (Some(Silence::NoMarker), 0));
    wholeness.heard(peer(1), 0, 0);
    assert!(!wholeness.merged(peer(1)), "it was lost too");
    for (seed, seen) in [(2, 40), (3, 41)] {
        assert!(wholeness.heard(peer(seed), 5, seen), "its epoch is news");
        assert_eq!(wholeness.judge(OF_THREE), Turn::Nothing);
        assert!(wholeness.merged(peer(seed)));
    }
    assert_eq!(wholeness.judge(OF_THREE), Turn::Mark(42), "above whatever was seen of it");
    assert_eq!(wholeness.judge(OF_THREE), Turn::Nothing, "once");
    assert_eq!(wholeness.marked_anew(false), Turn::Nothing);
    assert_eq!(wholeness.silence(), Some(Silence::NoMarker));
    assert!(wholeness.merged(peer(2)) && wholeness.merged(peer(3)));
    assert!(matches!(wholeness.judge(OF_THREE), Turn::Mark(_)));
}

#[test]
fn what_was_written_while_merging_is_below_the_new_epoch() {
    let mut wholeness = Wholeness::default();
    (0..7).for_each(|_| wholeness.wrote());
    for seed in [1, 2] {
        wholeness.heard(peer(seed), 5, 0);
        wholeness.merged(peer(seed));
    }
    assert_eq!(wholeness.judge(OF_THREE), Turn::Mark(8));
}

#[test]
fn a_marker_is_told_once() {
    let mut wholeness = whole(10);
    wholeness.marked(99);
    assert_eq!((wholeness.silence(), wholeness.epoch()), (None, 11));
}
