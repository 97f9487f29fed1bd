//! People list what there is: from a seed, verified here; else from what this node knows.
use super::bench::Bench;
use crate::engine::{Event, Input, JobId, JobReply, JobRequest};
use crate::limits::LISTING_ROWS_MAX;
use crate::message::{Control, ListQuery};
use crate::{CertifiedEnvelope, PeerId};
use core::time::Duration;

const DEADLINE: Duration = Duration::from_secs(2);

fn list(bench: &mut Bench, job: u64) {
    let what = ListQuery::Pattern { pattern: None, after: None };
    bench.job(job, JobRequest::List { what, deadline: DEADLINE });
}

fn asked(bench: &mut Bench, seed: PeerId) -> Option<u32> {
    let sent = bench.sent(seed).into_iter();
    sent.filter_map(|said| if let Control::List { ask, .. } = said { Some(ask) } else { None }).next_back()
}

fn rows(bench: &Bench, keys: &[&str]) -> Vec<CertifiedEnvelope> {
    keys.iter().map(|key| bench.certified(&bench.pool.manifest(key, 1))).collect()
}

/// Keys, whether there is more, whether a seed said so.
fn listed(bench: &mut Bench, job: u64) -> Option<(Vec<String>, bool, bool)> {
    let Some(JobReply::Listing { rows, more, from_seed, .. }) = bench.replies(job).pop() else { return None };
    Some((rows.iter().map(|row| row.manifest().key.to_string()).collect(), more, from_seed))
}

#[test]
fn rows_are_verified_sorted_and_told_with_whether_there_is_more() {
    let mut bench = Bench::node(1);
    let seed = bench.admitted_by(0);
    list(&mut bench, 1);
    let ask = asked(&mut bench, seed).unwrap();
    let mut rows = rows(&bench, &["core/b/1", "core/a/1", "core/c/1"]);
    rows[2].receipts.clear();
    bench.say(seed, Control::Listing { ask, rows, more: true });
    let keys = vec!["core/a/1".to_owned(), "core/b/1".to_owned()];
    assert_eq!(listed(&mut bench, 1), Some((keys, true, true)));
    assert!(bench.events().iter().any(|event| matches!(event, Event::Disbelieved { .. })));
}

#[test]
fn a_seed_that_knows_nothing_is_an_answer() {
    let mut bench = Bench::node(1);
    let seed = bench.admitted_by(0);
    list(&mut bench, 1);
    let ask = asked(&mut bench, seed).unwrap();
    bench.say(seed, Control::Listing { ask, rows: Vec::new(), more: false });
    assert_eq!(listed(&mut bench, 1), Some((Vec::new(), false, true)));
}

#[test]
fn more_rows_than_one_listing_has_are_cut() {
    let mut bench = Bench::node(1);
    let seed = bench.admitted_by(0);
    list(&mut bench, 1);
    let ask = asked(&mut bench, seed).unwrap();
    let row = rows(&bench, &["core/a/1"]).remove(0);
    bench.say(seed, Control::Listing { ask, rows: vec![row; LISTING_ROWS_MAX + 9], more: false });
    let (keys, more, _) = listed(&mut bench, 1).unwrap();
    assert_eq!((keys.len(), more), (LISTING_ROWS_MAX, true));
}

#[test]
fn by_its_deadline_a_job_hears_what_is_known_here() {
    let mut bench = Bench::node(1);
    let (manifest, content) = bench.saved("core/a/1", 1, 1);
    bench.remembers(&manifest, &content);
    bench.admitted_by(0);
    list(&mut bench, 1);
    bench.pass(DEADLINE - Duration::from_millis(1));
    assert_eq!(listed(&mut bench, 1), None);
    bench.pass(Duration::from_millis(1));
    assert_eq!(listed(&mut bench, 1), Some((vec!["core/a/1".to_owned()], false, false)));
}

#[test]
fn another_seed_is_asked_when_the_first_is_gone() {
    let mut bench = Bench::node(4);
    let seeds: Vec<PeerId> = (0..2).map(|seed| bench.admitted_by(seed)).collect();
    list(&mut bench, 1);
    let asks: Vec<Option<u32>> = seeds.iter().map(|seed| asked(&mut bench, *seed)).collect();
    assert_eq!(asks.iter().flatten().count(), 1, "one is enough");
    let first = asks.iter().position(Option::is_some).unwrap();
    let ask = asks[first].unwrap();
    let row = rows(&bench, &["core/a/1"]);
    bench.say(seeds[1 - first], Control::Listing { ask, rows: row.clone(), more: false });
    assert_eq!(listed(&mut bench, 1), None, "it was not asked");
    bench.give(Input::Disconnected { peer: seeds[first] });
    let third = bench.admitted_by(2);
    let ask = asked(&mut bench, third).unwrap();
    bench.say(third, Control::Listing { ask, rows: row, more: false });
    assert_eq!(listed(&mut bench, 1), Some((vec!["core/a/1".to_owned()], false, true)));
}

#[test]
fn a_second_answer_and_a_job_that_left_change_nothing() {
    let mut bench = Bench::node(1);
    let seed = bench.admitted_by(0);
    list(&mut bench, 1);
    let ask = asked(&mut bench, seed).unwrap();
    bench.prompt = false;
    let answer = |rows| Control::Listing { ask, rows, more: false };
    let (one, two) = (rows(&bench, &["core/a/1"]), rows(&bench, &["core/b/1"]));
    bench.say(seed, answer(one.clone()));
    bench.say(seed, answer(two));
    bench.work();
    assert_eq!(listed(&mut bench, 1), Some((vec!["core/a/1".to_owned()], false, true)));
    list(&mut bench, 2);
    let ask = asked(&mut bench, seed).unwrap();
    bench.say(seed, Control::Listing { ask, rows: one, more: false });
    bench.give(Input::JobLeft { job: JobId(2) });
    bench.work();
    bench.pass(DEADLINE);
    assert!(bench.replies(2).is_empty());
}

#[test]
fn a_seed_lists_page_by_page() {
    let mut bench = Bench::seed(1);
    let count = LISTING_ROWS_MAX * 2 + 5;
    for number in 0..count {
        let certified = bench.certified(&bench.pool.manifest(&format!("core/a/{number:05}"), 1));
        bench.give(Input::Recovered(certified));
    }
    bench.clear();
    let member = bench.member(1);
    bench.clear_sent(member);
    let (mut after, mut keys, mut pages) = (None, Vec::new(), 0);
    loop {
        let what = ListQuery::Pattern { pattern: Some("core/**".parse().unwrap()), after };
        bench.say(member, Control::List { ask: 3, what });
        let Some(Control::Listing { ask: 3, rows, more }) = bench.sent(member).pop() else {
            panic!("a listing")
        };
        pages += 1;
        keys.extend(rows.iter().map(|row| row.manifest.body::<crate::Manifest>().unwrap().key));
        if !more {
            break;
        }
        after = keys.last().cloned();
    }
    assert_eq!(keys.len(), count);
    assert!(keys.is_sorted() && pages >= 3);
}
