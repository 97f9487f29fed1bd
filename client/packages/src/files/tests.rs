use super::*;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

#[test]
fn what_is_below_is_listed_and_no_link_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    fs::create_dir_all(base.join("a/b")).unwrap();
    fs::write(base.join("a/b/x"), b"abc").unwrap();
    fs::write(base.join("ab"), b"").unwrap();
    symlink("/etc/passwd", base.join("a/link")).unwrap();
    let files = Files::below(base, &[""]).unwrap();
    assert_eq!(files.iter().collect::<Vec<_>>(), [("a/b/x", 3), ("ab", 0)]);
    assert_eq!(files.under("a").count(), 1, "`ab` is beside it");
    assert_eq!((files.links().collect::<Vec<_>>(), files.bytes()), (vec!["a/link"], 3));
    assert!(files.read("a/link").is_err());
    assert_eq!(files.read_text("a/b/x").unwrap(), "abc");
    assert!(files.has_directory("a/b") && !files.has_directory("c") && !files.has("a"));
    assert_eq!(Files::below(base, &["nowhere"]).unwrap().iter().count(), 0);
    assert_eq!(Files::below(base, &["ab"]).unwrap().iter().collect::<Vec<_>>(), [("ab", 0)]);
}

#[test]
fn what_changed_since_it_was_listed_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    fs::write(&path, b"abc").unwrap();
    let files = Files::below(directory.path(), &[""]).unwrap();
    assert_eq!(files.read("x").unwrap(), b"abc");
    fs::write(directory.path().join("y"), b"abd").unwrap();
    fs::rename(directory.path().join("y"), &path).unwrap();
    assert!(matches!(files.read("x"), Err(FilesError::Changed { .. })));
    assert!(files.digests(&BTreeMap::from([("x", BTreeSet::from([Algorithm::Sha1]))])).is_empty());
}

#[test]
fn a_path_that_leads_through_a_link_is_that_link() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    fs::create_dir_all(base.join("x/cache")).unwrap();
    fs::write(base.join("x/cache/a"), b"abc").unwrap();
    symlink("x", base.join("registry")).unwrap();
    let files = Files::below(base, &["registry/cache", "x"]).unwrap();
    assert_eq!(files.iter().collect::<Vec<_>>(), [("x/cache/a", 3)]);
    assert_eq!(files.links_above("registry/cache").collect::<Vec<_>>(), ["registry"]);
    assert!(files.is_behind_link("registry") && !files.is_behind_link("registr"));
}

#[test]
fn names_are_kept_as_long_as_all_may_be() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    fs::create_dir(base.join("abc")).unwrap();
    fs::write(base.join("abc/de"), b"").unwrap();
    symlink("x", base.join("fgh")).unwrap();
    fs::write(base.join(OsStr::from_bytes(b"\xff")), b"").unwrap();
    // `abc/de`, `fgh`, and `/` with what stands for the byte that is no text.
    for (names_left, is_enough) in [(6 + 3 + 4, true), (6 + 3 + 3, false), (6 + 2, false)] {
        let mut files = Files { base: base.to_owned(), names_left, ..Files::default() };
        assert_eq!(files.enter("", 0).is_ok(), is_enough, "{names_left}");
        let refused = files.enter("", 0).unwrap_err();
        assert!(matches!(refused, FilesError::NamesTooLong));
    }
}

#[test]
fn a_file_that_is_too_long_has_no_digest_and_nothing_has_after_a_stop() {
    let directory = tempfile::tempdir().unwrap();
    File::create(directory.path().join("sparse")).unwrap().set_len(1 << 43).unwrap();
    fs::write(directory.path().join("short"), b"abc").unwrap();
    let limits = Limits { file_bytes_max: 1 << 20, ..Limits::default() };
    let files = Files::below(directory.path(), &[""]).unwrap().within(limits);
    let wanted = BTreeSet::from([Algorithm::Sha256]);
    let wanted = BTreeMap::from([("sparse", wanted.clone()), ("short", wanted)]);
    assert_eq!(files.digests(&wanted).len(), 1);
    let flag = Arc::new(AtomicBool::new(false));
    let files = files.stop_when(Arc::clone(&flag));
    assert_eq!(files.digests(&wanted).len(), 1);
    flag.store(true, Ordering::Relaxed);
    assert_eq!((files.digests(&wanted).len(), files.read("short").is_err()), (0, true));
}

#[test]
fn many_files_are_hashed_each_once() {
    let directory = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..50).map(|n| format!("f{n}")).collect();
    names.iter().for_each(|name| fs::write(directory.path().join(name), name).unwrap());
    let files = Files::below(directory.path(), &[""]).unwrap();
    let both = BTreeSet::from([Algorithm::Sha1, Algorithm::Sha512]);
    let mut wanted: BTreeMap<&str, BTreeSet<Algorithm>> =
        names.iter().map(|name| (name.as_str(), both.clone())).collect();
    wanted.insert("gone", both.clone());
    let made = files.digests(&wanted);
    assert_eq!(made.len(), 100);
    for ((path, algorithm), digest) in made {
        assert_eq!(digest, Digest::of(algorithm, path.as_bytes()));
    }
}
