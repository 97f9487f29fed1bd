//! Bans hold for their time, and never more than so many are remembered.
use super::super::bans::Bans;
use super::{at, peer};
use crate::engine::bounds::{BAN_TIME, BANS_MAX};
use proptest::prelude::*;
use std::collections::BTreeMap;

proptest! {
    #[test]
    fn a_ban_holds_from_the_last_offence_for_its_time(
        steps in prop::collection::vec((0_u16..8, 0_u64..400), 0..60),
    ) {
        let (mut bans, mut until, mut seconds) = (Bans::default(), BTreeMap::new(), 0);
        for (who, wait) in steps {
            seconds += wait;
            let now = at(seconds * 1_000_000);
            bans.add(now, peer(who));
            until.insert(who, seconds + BAN_TIME.as_secs());
            for (who, until) in &until {
                prop_assert_eq!(bans.holds(now, &peer(*who)), *until > seconds);
            }
            prop_assert_eq!(bans.count(now), until.values().filter(|until| **until > seconds).count());
        }
    }
}

#[test]
fn bans_that_have_ended_make_room_before_one_that_holds() {
    let mut bans = Bans::default();
    for number in 0..BANS_MAX {
        bans.add(at(0), peer(u16::try_from(number).unwrap()));
    }
    let later = at(0).after(BAN_TIME);
    bans.add(later, peer(40_000));
    bans.add(later, peer(40_001));
    assert_eq!(bans.count(later), 2);
    assert_eq!(bans.count(at(0)), 2, "those that ended are forgotten, not only passed over");
}
