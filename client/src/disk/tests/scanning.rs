use super::support::{options, scan, set_mode, write};
use crate::disk::{Audited, DiskError, Scan, ScanOptions, scan::FoundKind};
use pollux_packages::files::Files;
use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink, net::UnixListener},
    path::Path,
    sync::Arc,
};

fn paths(scan: &Scan) -> Vec<&str> {
    scan.found.iter().map(|found| &*found.path).collect()
}

fn with_paths(base: &Path, paths: &[&str]) -> Result<Scan, DiskError> {
    Scan::new(&ScanOptions { paths: paths.iter().map(|&path| path.to_owned()).collect(), ..options(base) })
}

#[test]
fn lists_in_order_of_components() {
    let dir = tempfile::tempdir().unwrap();
    for path in ["a/c", "a.b", "a/b/x", "b"] {
        write(dir.path().join(path), path);
    }
    let scan = scan(dir.path());
    assert_eq!(paths(&scan), ["a", "a/b", "a/b/x", "a/c", "a.b", "b"]);
    assert_eq!((scan.entries(), scan.bytes()), (6, 5 + 3 + 3 + 1));
    assert!(scan.skipped().is_empty());
}

#[test]
fn names_what_a_restore_would_refuse() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path();
    write(base.join("good/file"), "x");
    let _socket = UnixListener::bind(base.join("socket")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        base.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    write(base.join(OsStr::from_bytes(b"\xff")), "x");
    write(base.join("setid"), "x");
    set_mode(base.join("setid"), 0o4755);
    fs::create_dir(base.join(".cache.pollux-abcdef")).unwrap();
    symlink("/etc/passwd", base.join("absolute")).unwrap();
    symlink("../outside", base.join("good/out")).unwrap();
    symlink("../../outside", base.join("good/further-out")).unwrap();
    let scan = scan(base);
    let skipped: Vec<_> = scan.skipped().iter().map(|skipped| &*skipped.path).collect();
    let expected =
        [".cache.pollux-abcdef", "absolute", "good/further-out", "pipe", "setid", "socket", "\u{fffd}"];
    assert_eq!(skipped, expected);
    assert_eq!(paths(&scan), ["good", "good/file", "good/out", "setid"]);
    assert_eq!(scan.found[3].mode, 0o755);
    let why = |path: &str| &*scan.skipped().iter().find(|skipped| skipped.path == path).unwrap().why;
    assert_eq!((why("socket"), why("pipe")), ("it is a socket", "it is a named pipe"));

    let error = Scan::new(&ScanOptions { strict: true, ..options(base) }).unwrap_err();
    assert!(error.to_string().contains("absolute") && error.to_string().ends_with("and 2 more"), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn what_comes_and_goes_beside_the_roots_is_no_change() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path();
    for path in ["way/in/one/file", "way/two/file"] {
        write(base.join(path), "x");
    }
    let listed = || with_paths(base, &["way/in/one", "way/two"]).unwrap().found;
    let before = listed();
    write(base.join("way/lock"), "x");
    write(base.join("way/in/lock"), "x");
    assert_eq!(listed(), before);
    let time = |path: &str| before.iter().find(|found| found.path == path).unwrap().modified_ns;
    assert_eq!(time("way"), time("way/in/one/file").max(time("way/two/file")));
    assert_eq!(time("way/in"), time("way/in/one/file"));
    write(base.join("way/two/more"), "x");
    assert_ne!(listed(), before, "what is saved has changed");
}

#[test]
fn directories_may_have_the_time_of_what_is_in_them() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path();
    for path in ["a/b/file", "a/file", "a.b"] {
        write(base.join(path), "x");
    }
    fs::create_dir_all(base.join("empty/inner")).unwrap();
    let listed = |content_times| Scan::new(&ScanOptions { content_times, ..options(base) }).unwrap().found;
    let before = [true, false].map(listed);
    for path in ["a/b/lock", "empty/inner/lock"] {
        write(base.join(path), "x");
        fs::remove_file(base.join(path)).unwrap();
    }
    assert_eq!(listed(true), before[0]);
    assert_ne!(listed(false), before[1]);
    write(base.join("a/b/file"), "x");
    assert_ne!(listed(true), before[0], "files keep their own");
}

#[test]
fn too_deep_is_skipped_and_its_surroundings_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let deep = vec!["d"; 63].join("/");
    write(dir.path().join(&deep).join("file"), "x");
    write(dir.path().join(&deep).join("dir/file"), "x");
    let scan = scan(dir.path());
    assert_eq!(scan.entries(), 63 + 2);
    assert_eq!(scan.skipped().len(), 1);
    assert!(scan.skipped()[0].path.ends_with("dir/file"));
}

#[test]
fn excluded_directories_are_not_entered() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("keep/a.rs"), "x");
    write(dir.path().join("keep/b.log"), "x");
    write(dir.path().join("tmp/x"), "x");
    let _socket = UnixListener::bind(dir.path().join("tmp/socket")).unwrap();
    let exclude = vec!["*.log".to_owned(), "/tmp".to_owned()];
    let scan = Scan::new(&ScanOptions { exclude, strict: true, ..options(dir.path()) }).unwrap();
    assert_eq!(paths(&scan), ["keep", "keep/a.rs"]);
}

/// The roots and all paths of a save of these paths without these globs.
fn chosen(base: &Path, paths: &[&str], exclude: &[&str]) -> Result<(Vec<String>, Vec<String>), DiskError> {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let options = ScanOptions { paths: texts(paths), exclude: texts(exclude), ..options(base) };
    let scan = Scan::new(&options)?;
    let found = scan.found.iter().map(|found| found.path.clone()).collect();
    Ok((scan.roots, found))
}

#[test]
fn a_path_that_is_named_is_excluded_like_any_other() {
    let dir = tempfile::tempdir().unwrap();
    for path in ["pkgs/a/nm/f", "pkgs/b/nm/f", "d/x", "d/y.log"] {
        write(dir.path().join(path), path);
    }
    let both = ["pkgs/a/nm", "pkgs/b/nm"];
    for exclude in ["/pkgs/b/nm", "pkgs/b", "/pkgs/b/", "b"] {
        let (roots, found) = chosen(dir.path(), &both, &[exclude]).unwrap();
        assert_eq!(roots, ["pkgs/a/nm"], "{exclude}");
        assert_eq!(found, ["pkgs", "pkgs/a", "pkgs/a/nm", "pkgs/a/nm/f"], "{exclude}");
    }
    let (roots, found) = chosen(dir.path(), &["d/x", "d/y.log"], &["*.log"]).unwrap();
    assert_eq!((roots, found), (vec!["d/x".to_owned()], vec!["d".to_owned(), "d/x".to_owned()]));
    let (roots, _) = chosen(dir.path(), &[".", "pkgs/b"], &["pkgs/b"]).unwrap();
    assert_eq!(roots, [""]);
}

#[test]
fn what_is_excluded_need_not_be_there() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("here"), "x");
    let (roots, _) = chosen(dir.path(), &["here", "gone/for/good"], &["gone"]).unwrap();
    assert_eq!(roots, ["here"]);
}

#[test]
fn nothing_is_left_where_all_that_is_named_is_excluded() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("d/y.log"), "x");
    let error = chosen(dir.path(), &["d/y.log"], &["*.log"]).unwrap_err();
    assert!(matches!(&error, DiskError::Excluded(base) if base == dir.path()), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn what_is_always_saved_is_no_matter_of_globs_and_no_reason_to_save() {
    let dir = tempfile::tempdir().unwrap();
    for path in ["a/x", "list.json", "other.json"] {
        write(dir.path().join(path), "x");
    }
    let of = |paths: &[&str], exclude: &str| {
        let paths = paths.iter().map(|&path| path.to_owned()).collect();
        let (exclude, always) = (vec![exclude.to_owned()], Some("list.json".to_owned()));
        Scan::new(&ScanOptions { paths, exclude, always, ..options(dir.path()) })
    };
    assert_eq!(paths(&of(&["a"], "*.json").unwrap()), ["a", "a/x", "list.json"]);
    assert_eq!(paths(&of(&[], "*.json").unwrap()), ["a", "a/x", "list.json"]);
    assert!(matches!(of(&["a"], "a"), Err(DiskError::Excluded(_))));
}

#[test]
fn links_are_listed_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("real/file"), "x");
    symlink("real", dir.path().join("link")).unwrap();
    let scan = scan(dir.path());
    assert_eq!(paths(&scan), ["link", "real", "real/file"]);
    assert!(matches!(&scan.found[0].kind, FoundKind::Symlink { target } if target == "real"));
}

#[test]
fn asked_for_paths_must_be_there_and_stay_inside() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("base");
    write(base.join("a/b/c"), "x");
    write(dir.path().join("outside/secret"), "x");
    symlink("../outside", base.join("link")).unwrap();
    let _socket = UnixListener::bind(base.join("socket")).unwrap();
    assert_eq!(paths(&with_paths(&base, &["a/b"]).unwrap()), ["a", "a/b", "a/b/c"]);
    for missing in ["nothing", "a/nothing", "nothing/at/all"] {
        let error = with_paths(&base, &["a", missing]).unwrap_err();
        assert!(matches!(&error, DiskError::Missing(path) if path.ends_with(missing)), "{error}");
    }
    for bad in ["../outside", "/etc", "link/secret", "a/b/c/d", "socket", "link"] {
        let error = with_paths(&base, &[bad]).unwrap_err();
        assert!(matches!(&error, DiskError::BadPath { path, .. } if path == bad), "{bad}: {error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn base_must_be_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("file"), "x");
    let _socket = UnixListener::bind(dir.path().join("socket")).unwrap();
    let missing = Scan::new(&options(&dir.path().join("missing"))).unwrap_err();
    assert!(matches!(missing, DiskError::Missing(_)));
    for name in ["file", "socket"] {
        let error = Scan::new(&options(&dir.path().join(name))).unwrap_err();
        assert!(matches!(error, DiskError::BaseNotADirectory(_)), "{error}");
    }
    symlink(dir.path(), dir.path().join("link")).unwrap();
    assert!(Scan::new(&options(&dir.path().join("link"))).is_ok());
}

/// As an audit saw it.
fn audited(base: &Path) -> Arc<Audited> {
    let files = Files::below(base, &[""]).unwrap();
    Arc::new(files.seen().map(|(path, seen)| (path.to_owned(), seen)).collect())
}

#[test]
fn what_is_not_as_it_was_audited_is_not_saved() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path();
    fs::create_dir_all(base.join("a")).unwrap();
    fs::write(base.join("a/file"), "good").unwrap();
    symlink("file", base.join("a/link")).unwrap();
    let seen = audited(base);
    let scan = || Scan::new(&ScanOptions { audited: Some(Arc::clone(&seen)), ..options(base) });
    assert_eq!(scan().unwrap().entries(), 3);
    let is_refused = || matches!(scan(), Err(DiskError::NotAudited(_)));
    fs::write(base.join("new"), "x").unwrap();
    assert!(is_refused(), "a file that came");
    fs::remove_file(base.join("new")).unwrap();
    assert!(scan().is_ok());
    // A directory of the same names takes its place: no file of it changes by that.
    fs::create_dir(base.join("b")).unwrap();
    fs::write(base.join("b/file"), "evil").unwrap();
    fs::rename(base.join("a"), base.join("c")).unwrap();
    fs::rename(base.join("b"), base.join("a")).unwrap();
    assert!(is_refused(), "another file");
    fs::remove_dir_all(base.join("a")).unwrap();
    fs::rename(base.join("c"), base.join("a")).unwrap();
    assert!(scan().is_ok());
    fs::remove_file(base.join("a/link")).unwrap();
    symlink("nowhere", base.join("a/link")).unwrap();
    assert!(is_refused(), "another link");
    fs::remove_file(base.join("a/link")).unwrap();
    fs::write(base.join("a/file"), "evil").unwrap();
    assert!(is_refused(), "written to");
}
