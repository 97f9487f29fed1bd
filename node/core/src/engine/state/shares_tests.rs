use super::*;

const DAY: u64 = DAY_MILLIS;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn payer(publisher: u8, day: u64) -> Payer {
    Payer { publisher: PublicKey::from_bytes([publisher; 32]), until: at(day * DAY) }
}

fn key(publisher: u8) -> PublicKey {
    payer(publisher, 1).publisher
}

#[test]
fn what_is_kept_counts_with_its_stored_bytes_until_its_day_ends() {
    let mut shares = Shares::default();
    for (pull, payer) in [(1, payer(1, 3)), (2, payer(1, 5)), (3, payer(2, 5))] {
        shares.begin(PullId(pull), payer, 100);
        assert_eq!(shares.pay(PullId(pull), 100, 40), Some(payer));
    }
    assert_eq!(shares.taken(&key(1), at(0)), 80);
    assert_eq!(shares.taken(&key(1), at(3 * DAY - 1)), 80);
    assert_eq!(shares.taken(&key(1), at(3 * DAY)), 40);
    assert_eq!(shares.taken(&key(2), at(3 * DAY)), 40);
    assert_eq!(shares.expire(at(3 * DAY)), [payer(1, 3).share(0)]);
    assert_eq!(shares.expire(at(3 * DAY)), []);
    assert_eq!(shares.taken(&key(1), at(0)), 40, "it does not come back when the clock does");
}

#[test]
fn a_manifest_is_counted_to_the_end_of_the_day_in_which_it_expires() {
    use crate::belief::fixture::{Pool, WALL, grant, under};
    let pool = Pool::new(1);
    let manifest = pool.manifest("core/main/1", 1);
    let verified = pool.trust().verify_manifest(&pool.sign(&manifest), WALL).unwrap();
    let payer = Payer::of(&verified).unwrap();
    assert_eq!(payer.publisher, verified.signer());
    let more = payer.until.as_millis().checked_sub(manifest.expires.as_millis()).unwrap();
    assert!(more < DAY && payer.until.as_millis().is_multiple_of(DAY), "{payer:?}");
    let granted = pool.trust().verify_manifest(&under(&grant(), &manifest), WALL).unwrap();
    assert_eq!(Payer::of(&granted), None, "a grant has a budget of its own");
}

#[test]
fn what_does_not_fit_is_told_from_what_fits_later() {
    let mut shares = Shares::default();
    let room = |shares: &Shares, bytes| shares.room(&payer(1, 9), bytes, 100, at(0));
    assert_eq!(room(&shares, 100), Room::Enough);
    assert_eq!(room(&shares, 101), Room::None);
    shares.begin(PullId(1), payer(1, 3), 60);
    shares.begin(PullId(2), payer(2, 3), 60);
    assert_eq!(room(&shares, 40), Room::Enough, "another publisher's pull is nothing to it");
    assert_eq!(room(&shares, 41), Room::NotNow);
    shares.pay(PullId(1), 30, 10);
    assert_eq!(room(&shares, 60), Room::Enough, "ten are taken, thirty may still come");
    assert_eq!(room(&shares, 61), Room::NotNow);
    shares.end(PullId(1));
    assert_eq!(room(&shares, 90), Room::Enough);
    assert_eq!(room(&shares, 91), Room::None);
    shares.pay(PullId(1), 30, 90);
    assert_eq!(room(&shares, 1), Room::None, "what is kept after the end of its pull counts too");
    assert_eq!(room(&shares, 0), Room::Enough, "what takes nothing fits into nothing");
    assert_eq!(shares.room(&payer(1, 9), u64::MAX, 100, at(0)), Room::None);
}

#[test]
fn a_count_is_saved_once_and_recovered() {
    let mut shares = Shares::default();
    assert_eq!(shares.unsaved(payer(1, 3)), None);
    shares.begin(PullId(1), payer(1, 3), 100);
    assert_eq!(shares.unsaved(payer(1, 3)), None, "what is only reserved is not taken");
    shares.pay(PullId(1), 50, 20);
    let share = shares.unsaved(payer(1, 3)).unwrap();
    assert_eq!(share, payer(1, 3).share(20));
    shares.pay(PullId(1), 50, 20);
    shares.saved(share);
    assert_eq!(shares.unsaved(payer(1, 3)), Some(payer(1, 3).share(40)), "more came meanwhile");
    shares.saved(payer(1, 3).share(40));
    shares.saved(share);
    assert_eq!(shares.unsaved(payer(1, 3)), None, "an earlier record may be answered later");
    let mut again = Shares::default();
    again.recover(payer(1, 3).share(40));
    assert_eq!(again.taken(&key(1), at(0)), 40);
    assert_eq!(again.unsaved(payer(1, 3)), None);
}

#[test]
fn pulls_are_bounded_and_those_that_ended_go_first() {
    let mut shares = Shares::default();
    let pulls = u64::try_from(PULLS_MAX).unwrap();
    shares.begin(PullId(0), payer(1, 3), 7);
    for pull in 1..2 * pulls {
        shares.begin(PullId(pull), payer(2, 3), 5);
        shares.end(PullId(pull));
    }
    assert_eq!(shares.pulls.len(), PULLS_MAX);
    assert!(shares.pay(PullId(0), 1, 1).is_some(), "it is under way");
    assert_eq!(shares.pay(PullId(1), 1, 1), None);
    for pull in 2 * pulls..4 * pulls {
        shares.begin(PullId(pull), payer(2, 3), 5);
    }
    assert_eq!(shares.pulls.len(), PULLS_MAX);
}
