//! What is written is there, whole, whatever happened before.
use super::*;
use std::os::unix::fs::PermissionsExt;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn lines_lie_in_files_of_their_kind_and_month_that_only_their_owner_reads() {
    let store = tempfile::tempdir().unwrap();
    let journal = Journal::new(store.path());
    let december = time("2026-12-01T00:00:00Z");
    write(
        &journal,
        [publish(november(), 1), refusal(november(), 2), policy(november()), publish(december, 3)],
    );
    let expected = [
        "00000001-2026-11-published.jsonl",
        "00000002-2026-11-refused.jsonl",
        "00000003-2026-12-published.jsonl",
    ];
    assert_eq!(names(store.path()), expected);
    assert_eq!(mode(&store.path().join("log")), 0o700);
    for name in expected {
        assert_eq!(mode(&store.path().join("log").join(name)), 0o600, "{name}");
    }
    let text = fs::read_to_string(store.path().join("log").join(expected[0])).unwrap();
    let lines = [publish(november(), 1), policy(november())].map(|entry| entry.to_line().unwrap());
    assert_eq!(text, lines.map(|line| format!("{}\n", line.as_str())).concat());
}

#[test]
fn a_log_goes_on_in_the_file_that_it_had() {
    let store = tempfile::tempdir().unwrap();
    for number in 1..=5 {
        write(&Journal::new(store.path()), [publish(november(), number)]);
    }
    assert_eq!(names(store.path()).len(), 1);
    assert_eq!(read(&Journal::new(store.path()), &ALL).0, [1, 2, 3, 4, 5]);
}

/// Wherever a crash cuts the file, what is left is read, and what comes next is whole.
#[test]
fn a_torn_line_is_passed_over_and_cut_away() {
    let store = tempfile::tempdir().unwrap();
    write(&Journal::new(store.path()), (1..=3).map(|number| publish(november(), number)));
    let path = store.path().join("log").join(&names(store.path())[0]);
    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let left: Vec<u64> = (1..).take(whole[..cut].iter().filter(|byte| **byte == b'\n').count()).collect();
        let journal = Journal::new(store.path());
        assert_eq!(read(&journal, &ALL).0, left, "cut at {cut}");
        write(&journal, [publish(november(), 9)]);
        assert_eq!(read(&journal, &ALL).0, [left, vec![9]].concat(), "cut at {cut}");
        assert!(fs::read(&path).unwrap().ends_with(b"}\n"));
    }
}

#[test]
fn a_tail_without_any_end_of_a_line_is_cut_away() {
    let store = tempfile::tempdir().unwrap();
    write(&Journal::new(store.path()), [publish(november(), 1)]);
    let path = store.path().join("log").join(&names(store.path())[0]);
    let mut bytes = fs::read(&path).unwrap();
    bytes.resize(bytes.len() + 200_000, 0);
    fs::write(&path, bytes).unwrap();
    let journal = Journal::new(store.path());
    write(&journal, [publish(november(), 2)]);
    assert_eq!(read(&journal, &ALL).0, [1, 2]);
    assert!(fs::read(&path).unwrap().ends_with(b"}\n"), "nothing is behind it");
}

#[test]
fn what_a_failed_write_has_left_is_cut_away_before_the_next() {
    let store = tempfile::tempdir().unwrap();
    let journal = Journal::new(store.path());
    write(&journal, [publish(november(), 1)]);
    let path = store.path().join("log").join(&names(store.path())[0]);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend([b"half a line".as_slice(), &[b'x'; 9_999]].concat());
    fs::write(&path, bytes).unwrap();
    write(&journal, [publish(november(), 2)]);
    assert_eq!(read(&journal, &ALL).0, [1, 2]);
    assert!(fs::read(&path).unwrap().ends_with(b"}\n"), "nothing is behind it");
}

#[test]
fn a_disk_that_refuses_stops_nobody_and_loses_nothing_that_fits_in_memory() {
    let store = tempfile::tempdir().unwrap();
    let log = store.path().join("log");
    fs::write(&log, "no directory").unwrap();
    let journal = Journal::new(store.path());
    for number in 1..=3 {
        write(&journal, [publish(november(), number)]);
    }
    assert_eq!(journal.read(&ALL, None), LogPage::default());
    assert_eq!(journal.waiting().lines.len(), 3);
    fs::remove_file(&log).unwrap();
    write(&journal, [publish(november(), 4)]);
    assert_eq!(read(&journal, &ALL).0, [1, 2, 3, 4], "in their order");
    assert_eq!(journal.waiting().lines.len(), 0);
}

/// `/dev/full` has no room, whoever writes.
#[test]
fn a_full_disk_stops_nobody() {
    let store = tempfile::tempdir().unwrap();
    let journal = Journal::new(store.path());
    write(&journal, [publish(november(), 1)]);
    let path = store.path().join("log").join(&names(store.path())[0]);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let journal = Journal::new(store.path());
    write(&journal, [publish(november(), 2), refusal(november(), 3)]);
    assert_eq!(journal.waiting().lines.len(), 2);
    assert_eq!(journal.read(&ALL, None), LogPage::default());
}

#[test]
fn a_file_that_somebody_has_removed_is_begun_again() {
    let store = tempfile::tempdir().unwrap();
    let journal = Journal::new(store.path());
    write(&journal, [publish(november(), 1)]);
    fs::remove_dir_all(store.path().join("log")).unwrap();
    write(&journal, [publish(november(), 2)]);
    assert_eq!(read(&journal, &ALL).0, [2]);
}

#[test]
fn lines_that_wait_are_bounded_and_those_that_are_lost_are_counted() {
    let mut waiting = Waiting::default();
    let line = |text: &str| Line { time: november(), kind: FileKind::Published, text: text.repeat(1 << 20) };
    for _ in 0..10 {
        waiting.push(line("x"));
    }
    assert_eq!((waiting.lines.len(), waiting.lost), (8, 2));
    let (lines, lost) = waiting.take();
    waiting.push(line("y"));
    waiting.give_back(lines, lost);
    assert_eq!((waiting.lines.len(), waiting.lost), (8, 3));
    assert!(waiting.lines.iter().all(|line| line.text.starts_with('x')), "the oldest stay");
    assert!(waiting.bytes <= WAITING_BYTES_MAX);
}

/// Each line is there once its write has returned.
fn write_some(journal: &Journal, numbers: std::ops::Range<u64>) {
    for number in numbers {
        write(journal, [publish(november(), number)]);
        assert!(read(journal, &ALL).0.contains(&number));
    }
}

#[test]
fn many_threads_write_each_line_once() {
    let store = tempfile::tempdir().unwrap();
    let journal = Journal::new(store.path());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let journal = &journal;
            scope.spawn(move || write_some(journal, thread * 25..thread * 25 + 25));
        }
    });
    let mut numbers = read(&journal, &ALL).0;
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<u64>>());
}
