//! Pages: each line that answers once, in order, whatever is in the files and whatever place is asked for.
use super::*;
use crate::journal::read::SCAN_BYTES_MAX;
use pollux_core::limits::{LOG_LINE_BYTES_MAX, LOG_LINES_MAX};
use pollux_core::message::LogKinds;
use std::io::Write;

fn append(store: &Path, bytes: &[u8]) {
    let path = store.join("log").join(names(store).pop().unwrap());
    fs::File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn a_log_is_read_page_by_page() {
    let store = tempfile::tempdir().unwrap();
    let journal = Journal::bounded(store.path(), Bounds { published: 1 << 20, refused: 1 << 20 });
    for batch in 0..10 {
        write(&journal, (0..100).map(|number| publish(november(), batch * 100 + number)));
    }
    assert!(names(store.path()).len() > 3, "in several files");
    let (numbers, pages) = read(&journal, &ALL);
    assert_eq!(numbers, (0..1000).collect::<Vec<u64>>());
    assert_eq!(pages, 1000_usize.div_ceil(LOG_LINES_MAX));
}

#[test]
fn each_page_looks_at_a_bounded_part() {
    let store = tempfile::tempdir().unwrap();
    let journal = Journal::new(store.path());
    write(&journal, (0..15_000).map(|number| publish(november(), number)));
    let path = store.path().join("log").join(&names(store.path())[0]);
    let bytes = fs::metadata(path).unwrap().len();
    assert!(bytes > SCAN_BYTES_MAX);
    let nothing = LogQuery { pattern: Some("other/**".parse().unwrap()), ..ALL };
    let page = journal.read(&nothing, None);
    let next = page.next.unwrap();
    let line = u64::try_from(LOG_LINE_BYTES_MAX).unwrap();
    assert!((SCAN_BYTES_MAX..SCAN_BYTES_MAX + line).contains(&next.offset), "{next:?}");
    let (numbers, pages) = read(&journal, &nothing);
    let most = usize::try_from(bytes.div_ceil(SCAN_BYTES_MAX)).unwrap();
    assert!(numbers.is_empty() && pages <= most, "{pages}");
    let one = LogQuery { derived_from: Some(id(14_999).to_string()), ..ALL };
    assert_eq!(read(&journal, &one).0, [14_999]);
}

#[test]
fn files_that_cannot_answer_are_not_looked_at() {
    let store = tempfile::tempdir().unwrap();
    let journal = Journal::new(store.path());
    let december = time("2026-12-24T00:00:00Z");
    write(&journal, [publish(november(), 1), refusal(november(), 2), publish(december, 3)]);
    assert_eq!(read(&journal, &ALL).0, [1, 2, 3]);
    assert_eq!(read(&journal, &LogQuery { kinds: LogKinds::Refused, ..ALL }).0, [2]);
    assert_eq!(read(&journal, &LogQuery { since: Some(december), ..ALL }).0, [3]);
    let derived = LogQuery { derived_from: Some("0000".to_owned()), ..ALL };
    assert!(read(&journal, &derived).0.is_empty());
    for name in &names(store.path())[..2] {
        fs::remove_file(store.path().join("log").join(name)).unwrap();
    }
    assert_eq!(read(&journal, &LogQuery { since: Some(december), ..ALL }).0, [3]);
}

#[test]
fn a_place_in_a_file_that_is_gone_goes_on_with_the_next() {
    let store = tempfile::tempdir().unwrap();
    let journal = Journal::new(store.path());
    let december = time("2026-12-24T00:00:00Z");
    write(&journal, [publish(november(), 1), publish(december, 2)]);
    fs::remove_file(store.path().join("log").join(&names(store.path())[0])).unwrap();
    let page = journal.read(&ALL, Some(LogPlace { file: 1, offset: 77 }));
    assert_eq!((page.lines.len(), page.next), (1, None));
    let all: Vec<u64> = page.lines.iter().map(|line| number(line.as_str())).collect();
    assert_eq!(all, [2]);
}

#[test]
fn no_place_is_wrong() {
    let store = tempfile::tempdir().unwrap();
    let journal = Journal::new(store.path());
    write(&journal, (1..=3).map(|number| publish(november(), number)));
    let length = fs::metadata(store.path().join("log").join(&names(store.path())[0])).unwrap().len();
    for offset in 0..=length {
        let page = journal.read(&ALL, Some(LogPlace { file: 1, offset }));
        assert!(page.lines.len() <= 3 && page.next.is_none(), "{offset}");
    }
    for (file, offset) in [(1, length + 1), (1, u64::MAX), (2, 0), (u32::MAX, u64::MAX)] {
        assert_eq!(journal.read(&ALL, Some(LogPlace { file, offset })), LogPage::default());
    }
    assert_eq!(journal.read(&ALL, Some(LogPlace { file: 0, offset: u64::MAX })).lines.len(), 3);
}

#[test]
fn what_is_damaged_or_of_another_program_is_passed_over() {
    let store = tempfile::tempdir().unwrap();
    let journal = Journal::new(store.path());
    write(&journal, [publish(november(), 1)]);
    append(
        store.path(),
        b"\n\nno json\n\xff\xfe\n{\"time\":\"2026-11-03T09:05:00Z\",\"what\":\"weather\"}\n",
    );
    append(store.path(), &[vec![b'x'; 3 * LOG_LINE_BYTES_MAX], b"\n".to_vec()].concat());
    append(store.path(), &[vec![b'x'; LOG_LINE_BYTES_MAX], b"\n".to_vec()].concat());
    let journal = Journal::new(store.path());
    write(&journal, [publish(november(), 2)]);
    assert_eq!(read(&journal, &ALL).0, [1, 2]);
    append(store.path(), &vec![b'x'; 100_000]);
    assert_eq!(read(&journal, &ALL).0, [1, 2], "a line without an end is no line");
}

#[test]
fn pages_are_bounded_in_bytes_too() {
    let store = tempfile::tempdir().unwrap();
    let journal = Journal::new(store.path());
    let large = |number| {
        let mut entry = publish(november(), number);
        if let Logged::Published(publish) = &mut entry.what {
            publish.ancestors = (0..64).map(id).collect();
            publish.provenance.project = "p".repeat(512);
        }
        entry
    };
    write(&journal, (0..300).map(large));
    let (mut after, mut count) = (None, 0);
    loop {
        let page = journal.read(&ALL, after);
        let bytes: usize = page.lines.iter().map(|line| line.as_str().len()).sum();
        assert!(bytes <= pollux_core::limits::LOG_PAGE_BYTES_MAX);
        let message = pollux_core::message::Control::Log { ask: u32::MAX, page: page.clone() };
        assert!(message.encoded_bytes() <= pollux_core::limits::CONTROL_BYTES_MAX);
        count += page.lines.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(count, 300);
}
