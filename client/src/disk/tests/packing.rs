use super::support::{MemorySink, Saved, noise, options, sample, scan, snapshot, write};
use crate::disk::{PackError, Scan, ScanOptions, TargetMode, pack};
use pollux_core::{ChunkId, Cutter, Tree};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

fn append(path: &Path) {
    fs::File::options().append(true).open(path).unwrap().write_all(b"more").unwrap();
}

/// Does something the first so many times it is called.
fn first(times: usize, mut act: impl FnMut() + Send + 'static) -> Option<Box<dyn FnMut() + Send>> {
    let mut left = times;
    Some(Box::new(move || {
        if left > 0 {
            left -= 1;
            act();
        }
    }))
}

/// More chunks than there are buffers, so that the sink is asked before all is read.
const FIRST_BYTES: usize = 30_000_000;

fn base_of_two(dir: &tempfile::TempDir) -> PathBuf {
    let base = dir.path().join("base");
    write(base.join("first"), noise(1, FIRST_BYTES));
    write(base.join("second"), noise(2, 200_000));
    base
}

#[test]
fn chunks_are_in_content_order() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let saved = Saved::all_of(dir.path());
    let (cutter, scan) = (Cutter::new(), scan(dir.path()));
    let read = |path: &String| fs::read(dir.path().join(path)).unwrap();
    let (small, large): (Vec<_>, Vec<_>) = scan.files().partition(|(_, stamp)| stamp.bytes < 128 * 1024);
    let small: Vec<u8> = small.iter().flat_map(|(found, _)| read(&found.path)).collect();
    let runs = std::iter::once(small).chain(large.iter().map(|(found, _)| read(&found.path)));
    let mut expected = Vec::new();
    for run in runs {
        expected.extend(cutter.cut(&run).map(ChunkId::of));
    }
    let packed: Vec<_> = saved.packed.tree.chunks().iter().map(|chunk| chunk.id).collect();
    assert_eq!(packed, expected);
    assert!(expected.len() > 10);
}

#[test]
fn the_tree_is_in_the_sink_too() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let Saved { packed, sink } = Saved::all_of(dir.path());
    let encoded: Vec<u8> = packed.tree_ref.chunks.iter().flat_map(|chunk| sink.plain(*chunk)).collect();
    assert_eq!(Tree::decode(&encoded).unwrap(), packed.tree);
    assert_eq!(
        (packed.tree_ref.totals, &*packed.tree_ref.roots),
        (packed.tree.totals(), &[String::new()][..])
    );
}

#[test]
fn what_repeats_is_put_once_and_what_is_there_is_not_put() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let Saved { packed, sink } = Saved::all_of(dir.path());
    let chunks = sink.state().chunks.len();
    assert_eq!(sink.state().puts, chunks);
    assert_eq!(sink.state().asked, chunks);
    assert!(chunks < packed.tree.chunks().len() + packed.tree_ref.chunks.len());
    // Read once for the tree's content, and once for its encoding.
    assert_eq!(
        sink.state().read_bytes,
        packed.tree.totals().bytes + u64::try_from(packed.tree.encode().len()).unwrap()
    );

    let puts = sink.state().puts;
    assert_eq!(pack(&scan(dir.path()), None, &sink).unwrap(), packed);
    assert_eq!(sink.state().puts, puts);
}

#[test]
fn a_sink_that_fails_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("large"), noise(1, 40_000_000));
    let sink = MemorySink::of(3);
    let error = pack(&scan(dir.path()), None, &sink).unwrap_err();
    assert!(matches!(error, PackError::Sink(_)), "{error}");
    assert_eq!(sink.state().puts, 3);
}

#[test]
fn job_changes_files_while_saving() {
    let dir = tempfile::tempdir().unwrap();
    let base = base_of_two(&dir);
    let changed = base.join("first");
    let sink = MemorySink::asked(first(1, move || append(&changed)));
    let packed = pack(&scan(&base), None, &sink).unwrap();
    assert_eq!(packed.tree.totals().bytes, 30_000_004 + 200_000);
    let target = dir.path().join("target");
    Saved { packed, sink }.restore(&target, TargetMode::Fresh).unwrap();
    assert_eq!(snapshot(&target), snapshot(&base));
}

#[test]
fn a_file_that_never_holds_still_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let base = base_of_two(&dir);
    let changed = base.join("first");
    let sink = MemorySink::asked(first(100, move || append(&changed)));
    let error = pack(&scan(&base), None, &sink).unwrap_err();
    assert!(matches!(&error, PackError::Changing(path) if path.ends_with("first")), "{error}");
}

#[test]
fn files_that_vanish_or_shrink_are_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let base = base_of_two(&dir);
    let (gone, shorter) = (base.join("second"), base.join("first"));
    let act = move || {
        fs::remove_file(&gone).unwrap();
        fs::File::options().write(true).open(&shorter).unwrap().set_len(1_000_000).unwrap();
    };
    let sink = MemorySink::asked(first(1, act));
    let packed = pack(&scan(&base), None, &sink).unwrap();
    let totals = packed.tree.totals();
    assert_eq!((totals.files, totals.bytes), (1, 1_000_000));
}

#[test]
fn what_changed_since_the_scan_is_seen_before_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let base = base_of_two(&dir);
    let scan = scan(&base);
    // A pipe would keep a reader waiting for ever.
    fs::remove_file(base.join("first")).unwrap();
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, base.join("first"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let packed = pack(&scan, None, &MemorySink::default()).unwrap();
    assert_eq!(packed.tree.totals().files, 1);
}

#[test]
fn a_path_that_vanished_before_the_second_reading_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let base = base_of_two(&dir);
    let paths = vec!["first".to_owned(), "second".to_owned()];
    let gone = base.join("second");
    let sink = MemorySink::asked(first(1, move || fs::remove_file(&gone).unwrap()));
    let scan = Scan::new(&ScanOptions { paths, ..options(&base) }).unwrap();
    let error = pack(&scan, None, &sink).unwrap_err();
    assert!(error.to_string().contains("second does not exist"), "{error}");
}
