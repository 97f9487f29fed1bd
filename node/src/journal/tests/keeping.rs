//! How long lines are kept, and how many.
use super::*;

#[test]
fn lines_are_kept_for_400_days_and_then_go_by_the_month() {
    let store = tempfile::tempdir().unwrap();
    let journal = Journal::new(store.path());
    let months = ["2026-11-03T09:05:00Z", "2026-12-03T09:05:00Z", "2027-06-03T09:05:00Z"];
    write(&journal, (1..).zip(months).map(|(number, month)| publish(time(month), number)));
    let end = time("2026-12-01T00:00:00Z").after(LOG_KEPT);
    journal.prune(Timestamp::from_millis(end.as_millis() - 1));
    assert_eq!(read(&journal, &ALL).0, [1, 2, 3]);
    journal.prune(end);
    assert_eq!(read(&journal, &ALL).0, [2, 3]);
    write(&journal, [publish(end.after(std::time::Duration::from_secs(31 * 86_400)), 4)]);
    assert_eq!(read(&journal, &ALL).0, [3, 4], "also while it is written");
}

#[test]
fn a_clock_far_ahead_removes_nothing() {
    let store = tempfile::tempdir().unwrap();
    let journal = Journal::new(store.path());
    write(&journal, [publish(november(), 1), publish(time("2026-12-03T09:05:00Z"), 2)]);
    write(&journal, [publish(time("2099-01-01T00:00:00Z"), 3)]);
    journal.prune(Timestamp::MAX);
    assert_eq!(read(&journal, &ALL).0, [1, 2, 3]);
}

#[test]
fn the_oldest_go_when_there_are_too_many_bytes() {
    let store = tempfile::tempdir().unwrap();
    let journal = small(store.path());
    for number in 1..=200 {
        write(&journal, [publish(november(), number)]);
    }
    let numbers = read(&journal, &ALL).0;
    let expected: Vec<u64> = (201 - u64::try_from(numbers.len()).unwrap()..=200).collect();
    assert_eq!(numbers, expected, "the newest, without a gap");
    let bytes: u64 = names(store.path())
        .iter()
        .map(|name| fs::metadata(store.path().join("log").join(name)).unwrap().len())
        .sum();
    assert!((14 * 1024..=17 * 1024 + 1024).contains(&bytes), "{bytes}");
}

#[test]
fn refusals_push_out_nothing_that_was_published() {
    let store = tempfile::tempdir().unwrap();
    let journal = small(store.path());
    write(&journal, [publish(november(), 1)]);
    for number in 0..500 {
        write(&journal, [refusal(november(), 1000 + number)]);
    }
    let numbers = read(&journal, &ALL).0;
    assert_eq!(numbers[0], 1);
    assert!(numbers.len() < 400 && numbers.last() == Some(&1499), "{numbers:?}");
}

#[test]
fn a_log_that_is_not_there_is_pruned_and_read_all_the_same() {
    let store = tempfile::tempdir().unwrap();
    let journal = Journal::new(store.path());
    journal.prune(november());
    journal.write();
    assert_eq!(journal.read(&ALL, None), LogPage::default());
    assert!(!store.path().join("log").exists(), "nothing is made before it is needed");
}
