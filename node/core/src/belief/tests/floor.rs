//! What is older than somebody trusted knows.
use super::*;
use crate::belief::fixture::*;
use crate::limits::FLOORS_MAX;
use crate::{Disbelief, Floors, Key, Lineage};

const KEY: &str = "core/main/npm/1";

fn key() -> Key {
    KEY.parse().unwrap()
}

fn lineage() -> Lineage {
    "core/main/npm".parse().unwrap()
}

#[test]
fn below_launch_floor() {
    let pool = Pool::new(1);
    let mut floors = Floors::default();
    assert!(floors.raise_key(key(), 3) && floors.raise_key(key(), 2), "it never sinks");
    let trust = pool.trust().with_floors(floors);
    let certify = |key, sequence| trust.certify(&pool.certified(&pool.manifest(key, sequence)), WALL).err();
    assert_eq!(certify(KEY, 3), None);
    assert_eq!(certify("core/main/npm/2", 1), None);
    let below = Disbelief::BelowLaunchFloor { key: key(), sequence: 2, lowest: 3 };
    assert_eq!(certify(KEY, 2), Some(below.clone()));
    let beside = vec![pool.certified(&pool.manifest(KEY, 2))];
    let asked = pool.asked(0, &query(KEY, &[]));
    let answer = pool.by_seed(0, &pool.answer(&asked, &beside));
    let answer = trust.verify_answer(&asked, &answer, &beside, WALL).unwrap();
    assert_eq!(answer.skipped()[0].why, below);
}

#[test]
fn before_the_floor_of_a_lineage() {
    let pool = Pool::new(1);
    let mut floors = Floors::default();
    assert!(floors.raise_lineage(lineage(), earlier(60)));
    let trust = pool.trust().with_floors(floors);
    let at = |key, time| trust.certify(&pool.certified_at(&pool.manifest(key, 1), &[time]), WALL).err();
    assert_eq!(at(KEY, earlier(60)), None);
    let before = Disbelief::BeforeLaunchFloor { lineage: lineage(), before: seconds(1) };
    assert_eq!(at(KEY, earlier(61)), Some(before));
    assert_eq!(at("core/main/old/1", earlier(61)), None);
    assert_eq!(at("core/main/npm/1/x", earlier(61)), None, "only keys directly in it");
}

#[test]
fn floors_are_bounded() {
    let mut floors = Floors::default();
    for number in 0..FLOORS_MAX {
        assert!(floors.raise_key(format!("a/{number}").parse().unwrap(), 1));
        assert!(floors.raise_lineage(format!("a/{number}").parse().unwrap(), WALL));
    }
    assert!(!floors.raise_key(key(), 1) && !floors.raise_lineage(lineage(), WALL));
    assert!(floors.raise_key("a/7".parse().unwrap(), 9), "one that stands is raised all the same");
}
