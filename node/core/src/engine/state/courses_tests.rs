use super::*;
use crate::{ManifestId, PublicKey};

fn seed() -> PeerId {
    PeerId::new(PublicKey::from_bytes([1; 32]))
}

fn turn(serial: u64) -> Turn {
    Turn { seed: seed(), serial }
}

fn name(n: usize) -> RecordName {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&n.to_le_bytes());
    RecordName::Certified { manifest: ManifestId::from_bytes(bytes), complete: false }
}

fn page(next: u64, more: bool) -> Page {
    Page { life: 7, next, more, names: Vec::new() }
}

#[test]
fn a_page_is_brought_in_pieces_and_then_counts() {
    let mut courses = Courses::default();
    assert_eq!(courses.ask(turn(1)), (0, 0));
    assert!(courses.page(&seed(), &page(100, true), (0..100).map(name).collect()));
    assert!(!courses.page(&seed(), &page(200, true), Vec::new()), "only one is awaited");
    let first = courses.bring(&seed(), |_| true).unwrap();
    assert_eq!(first.len(), BROUGHT_MAX);
    let (_, brought) = courses.brought(&seed(), |_| true).unwrap();
    assert_eq!(brought, first);
    assert!(courses.brought(&seed(), |_| true).is_none(), "they have come");
    assert_eq!((0..BROUGHT_MAX).filter(|_| courses.kept(turn(1), true)).count(), 1);
    let second = courses.bring(&seed(), |other| *other != name(99)).unwrap();
    assert_eq!(second.len(), 100 - BROUGHT_MAX - 1, "one is here meanwhile");
    courses.brought(&seed(), |_| true);
    assert_eq!(second.iter().filter(|_| courses.kept(turn(1), true)).count(), 1);
    assert_eq!(courses.bring(&seed(), |_| true), None);
    assert_eq!(courses.end_page(&seed()), PageEnd::More);
}

#[test]
fn a_page_begins_where_the_last_one_ended() {
    let mut courses = Courses::default();
    courses.ask(turn(1));
    courses.page(&seed(), &page(100, true), Vec::new());
    courses.bring(&seed(), |_| true);
    assert_eq!(courses.end_page(&seed()), PageEnd::More);
    assert_eq!(courses.ask(turn(2)), (7, 100));
    assert!(courses.page(&seed(), &page(120, false), Vec::new()));
    assert_eq!(courses.bring(&seed(), |_| true), None);
    assert_eq!(courses.end_page(&seed()), PageEnd::All);
}

#[test]
fn what_did_not_fit_is_asked_for_again_and_what_is_gone_is_not() {
    let mut courses = Courses::default();
    courses.ask(turn(1));
    courses.page(&seed(), &page(3, false), (0..3).map(name).collect());
    courses.bring(&seed(), |_| true);
    let (_, brought) = courses.brought(&seed(), |came| *came == name(0)).unwrap();
    assert_eq!(brought, [name(0)]);
    assert!(courses.kept(turn(1), true));
    assert_eq!(courses.bring(&seed(), |_| true).unwrap(), [name(1), name(2)]);
    let (_, brought) = courses.brought(&seed(), |_| false).unwrap();
    assert!(brought.is_empty());
    assert_eq!(courses.bring(&seed(), |_| true), None, "whoever brings nothing is not asked for ever");
}

#[test]
fn a_page_of_which_something_could_not_be_kept_is_asked_for_again() {
    let mut courses = Courses::default();
    courses.ask(turn(1));
    courses.page(&seed(), &page(1, false), vec![name(0)]);
    courses.bring(&seed(), |_| true);
    courses.brought(&seed(), |_| true);
    assert!(courses.kept(turn(1), false));
    assert_eq!(courses.bring(&seed(), |_| true), None);
    assert_eq!(courses.end_page(&seed()), PageEnd::Spoilt);
    assert_eq!(courses.ask(turn(2)), (0, 0));
}

#[test]
fn what_comes_of_an_earlier_turn_is_for_nobody() {
    let mut courses = Courses::default();
    courses.ask(turn(1));
    courses.page(&seed(), &page(1, false), vec![name(0)]);
    courses.bring(&seed(), |_| true);
    courses.brought(&seed(), |_| true);
    courses.gone(&seed());
    assert!(!courses.kept(turn(1), true));
    assert_eq!(courses.ask(turn(2)), (0, 0), "what was under way was not heard of");
}

#[test]
fn an_answer_is_owed_once_and_to_who_is_there() {
    let mut courses = Courses::default();
    courses.owe(seed(), 3, 4);
    assert_eq!(courses.take_owed(), [(seed(), 3, 4)]);
    assert!(courses.take_owed().is_empty());
    courses.owe(seed(), 3, 4);
    courses.gone(&seed());
    assert!(courses.take_owed().is_empty());
}

#[test]
fn names_are_told_now_and_then() {
    let (mut courses, start) = (Courses::default(), Instant::ZERO);
    assert!(courses.may_tell(&seed(), start));
    assert!(!courses.may_tell(&seed(), start.after(CATCH_UP_PAUSE / 4)));
    assert!(courses.may_tell(&seed(), start.after(CATCH_UP_PAUSE)));
}
