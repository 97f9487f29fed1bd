use super::metadata::tests::written;
use super::*;
use crate::audit::audit;
use crate::digest::{Algorithm, Digest};
use crate::layout::testing::{links_are_faults, list, put};
use crate::program::Program;
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::io::Write;
use std::path::Path;

fn tar_of(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, body) in parts {
        let mut header = tar::Header::new_ustar();
        header.set_size(body.len().try_into().unwrap());
        archive.append_data(&mut header, name, *body).unwrap();
    }
    archive.into_inner().unwrap()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::default());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// `a-1.0`, whose checksums are of `declared`, whatever its data are.
fn gem_of(data: &[u8], declared: &[u8]) -> Vec<u8> {
    gem_with(&written("a", "1.0", "ruby"), data, declared)
}

fn gem_with(metadata: &str, data: &[u8], declared: &[u8]) -> Vec<u8> {
    let metadata = gz(metadata.as_bytes());
    let hex = |algorithm, bytes: &[u8]| Digest::of(algorithm, bytes).hex();
    let text = format!(
        "---\nSHA256:\n  metadata.gz: {}\n  data.tar.gz: '{}'\nSHA512:\n  data.tar.gz: {}\nSHA9:\n  x: 00\n",
        hex(Algorithm::Sha256, &metadata),
        hex(Algorithm::Sha256, declared),
        hex(Algorithm::Sha512, declared),
    );
    let checksums = gz(text.as_bytes());
    tar_of(&[("metadata.gz", &metadata), ("data.tar.gz", data), ("checksums.yaml.gz", &checksums)])
}

/// The data of a gem: what is in its tree.
fn data() -> Vec<u8> {
    gz(&tar_of(&[("lib/x.rb", b"x"), ("ext/Makefile", b"1"), ("lib/gone.rb", b"")]))
}

/// Installs a gem as Bundler does.
fn install(base: &Path, home: &str, full: &str, stub: &str) {
    let words: Vec<&str> = stub.split(' ').collect();
    let metadata = written(words[0], words[1], words[2]);
    put(base, &format!("{home}cache/{full}.gem"), gem_with(&metadata, &data(), &data()));
    let specification = format!("# -*- encoding: utf-8 -*-\n# stub: {stub} lib\nGem::Specification.new\n");
    put(base, &format!("{home}specifications/{full}.gemspec"), specification);
    put(base, &format!("{home}gems/{full}/lib/x.rb"), "x");
}

#[test]
fn symlinks_are_faults_but_those_that_a_gem_has() {
    let made = |home: &str| {
        let directory = tempfile::tempdir().unwrap();
        install(directory.path(), home, "a-1.0", "a 1.0 ruby");
        directory
    };
    for home in ["", "ruby/3.1.0/"] {
        let paths =
            ["cache/a-1.0.gem", "specifications/a-1.0.gemspec", "gems/a-1.0", "gems/a-1.0/lib/x.rb", "gems"]
                .map(|path| format!("{home}{path}"));
        links_are_faults(Program::Bundler, || made(home), &paths.each_ref().map(String::as_str));
    }
    links_are_faults(Program::Bundler, || made("ruby/3.1.0/"), &["ruby/3.1.0/cache"]);
    for (target, faults) in [("x.rb", 0), ("y.rb", 1)] {
        let directory = made("");
        let mut data = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        data.append_link(&mut header, "lib/l.rb", "x.rb").unwrap();
        let data = data.into_inner().unwrap().finish().unwrap();
        put(directory.path(), "cache/a-1.0.gem", gem_of(&data, &data));
        std::os::unix::fs::symlink(target, directory.path().join("gems/a-1.0/lib/l.rb")).unwrap();
        assert_eq!(audit(Program::Bundler, &list(&directory), &[]).faults.len(), faults, "{target}");
    }
}

#[test]
fn gems_of_a_bundle_and_of_a_home_are_read() {
    for (home, layout) in [("ruby/3.1.0/", "bundle ruby/3.1.0"), ("", "rubygems home")] {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path();
        install(base, home, "rake-13.0.6", "rake 13.0.6 ruby");
        install(base, home, "noko-giri-1.15.0-x86_64-linux", "noko-giri 1.15.0 x86_64-linux");
        install(base, home, "odd-2-1.0", "odd-2 1.0 ruby");
        put(base, &format!("{home}extensions/x86_64-linux/3.1.0/rake-13.0.6/gem.build_complete"), "");
        put(base, &format!("{home}specifications/default/json-2.6.1.gemspec"), "");
        put(base, &format!("{home}gems/json-2.6.1/exe/json"), "");
        put(base, &format!("{home}bin/rake"), "");
        let made = audit(Program::Bundler, &list(&directory), &[]);
        assert_eq!((made.layouts, made.faults), (vec![layout.to_owned()], vec![]));
        assert_eq!(made.orphans, []);
        let notes: Vec<&str> = made.notes.iter().map(|note| note.what.as_str()).collect();
        assert!(matches!(notes[..], [note] if note.ends_with(": 5")), "{notes:?}");
        let told: Vec<_> = made.packages.iter().map(|p| (p.purl.to_string(), p.files.len())).collect();
        let expected = [
            ("pkg:gem/json@2.6.1".to_owned(), 1),
            ("pkg:gem/noko-giri@1.15.0?platform=x86_64-linux".to_owned(), 3),
            ("pkg:gem/odd-2@1.0".to_owned(), 3),
            ("pkg:gem/rake@13.0.6".to_owned(), 4),
        ];
        assert_eq!(told, expected);
    }
}

#[test]
fn a_changed_gem_is_found() {
    let directory = tempfile::tempdir().unwrap();
    for (bytes, faults) in [
        (gem_of(b"data", b"data"), 0),
        (gem_of(b"evil", b"data"), 2),
        (tar_of(&[("metadata.gz", b"meta"), ("data.tar.gz", b"older than checksums")]), 0),
        (tar_of(&[("other", b"")]), 1),
        (b"no archive at all".to_vec(), 1),
        (gem_of(b"data", b"data")[..700].to_vec(), 1),
    ] {
        put(directory.path(), "cache/a-1.0.gem", bytes);
        assert_eq!(audit(Program::Bundler, &list(&directory), &[]).faults.len(), faults);
    }
}

#[test]
fn a_changed_file_of_an_installed_gem_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    install(base, "", "a-1.0", "a 1.0 ruby");
    put(base, "gems/a-1.0/ext/Makefile", "written while it was compiled");
    put(base, "gems/a-1.0/lib/a.so", "compiled");
    assert_eq!(audit(Program::Bundler, &list(&directory), &[]).faults, []);
    put(base, "gems/a-1.0/lib/x.rb", "evil");
    let faults = audit(Program::Bundler, &list(&directory), &[]).faults;
    let told = (faults.len(), faults[0].path.as_str(), faults[0].by.as_str());
    assert_eq!(told, (1, "gems/a-1.0/lib/x.rb", "cache/a-1.0.gem"));
    put(base, "cache/a-1.0.gem", gem_of(b"no gz", b"no gz"));
    let made = audit(Program::Bundler, &list(&directory), &[]);
    assert_eq!((made.faults, made.notes.len()), (vec![], 1), "it is what it says, and cannot be unpacked");
    assert!(made.orphans[0].mend.removed().contains(&"gems/a-1.0/lib/x.rb".to_owned()));
}

#[test]
fn halves_are_orphans_and_go() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    install(base, "", "a-1.0", "a 1.0 ruby");
    install(base, "", "b-1.0", "b 1.0 ruby");
    install(base, "", "empty-1.0", "empty 1.0 ruby");
    fs::remove_file(base.join("specifications/a-1.0.gemspec")).unwrap();
    fs::remove_dir_all(base.join("gems/b-1.0")).unwrap();
    fs::remove_dir_all(base.join("gems/empty-1.0/lib")).unwrap();
    let orphans = read(&list(&directory)).orphans;
    let gone: Vec<&Mend> = orphans.iter().map(|orphan| &orphan.mend).collect();
    let expected = [["gems/a-1.0/lib/x.rb"], ["specifications/b-1.0.gemspec"]]
        .map(|gone| Mend::Remove(gone.map(str::to_owned).to_vec()));
    assert_eq!(gone, expected.iter().collect::<Vec<_>>());
    for path in ["gems/a-1.0/lib/x.rb", "specifications/b-1.0.gemspec"] {
        fs::remove_file(base.join(path)).unwrap();
    }
    let reading = read(&list(&directory));
    assert_eq!((reading.orphans, reading.packages.len()), (vec![], 3), "a gem alone may be installed");
}

#[test]
fn what_is_installed_without_its_archive_is_an_orphan() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    install(base, "ruby/3.1.0/", "a-1.0", "a 1.0 ruby");
    put(base, "ruby/3.1.0/extensions/x86_64-linux/3.1.0/a-1.0/a.so", "");
    put(base, "cache/a-1.0.gem", gem_of(&data(), &data()));
    fs::remove_file(base.join("ruby/3.1.0/cache/a-1.0.gem")).unwrap();
    assert_eq!(read(&list(&directory)).orphans, [], "Bundler installed it from the archive at the top");
    put(base, "ruby/3.1.0/gems/a-1.0/lib/x.rb", "evil");
    assert_eq!(audit(Program::Bundler, &list(&directory), &[]).faults.len(), 1);
    fs::remove_file(base.join("cache/a-1.0.gem")).unwrap();
    let orphans = read(&list(&directory)).orphans;
    assert_eq!((orphans.len(), orphans[0].path.as_str()), (1, "ruby/3.1.0/specifications/a-1.0.gemspec"));
    let Mend::Remove(gone) = &orphans[0].mend else { panic!("lines") };
    assert_eq!(gone.len(), 3, "all that runs");
}

#[test]
fn what_is_not_read_is_noted() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    install(base, "", "a-1.0", "a 1.0 ruby");
    put(base, "bundler/gems/x-abc/x.gemspec", "");
    put(base, "cache/next/x", "");
    let reading = read(&list(&directory));
    let noted: Vec<&str> = reading.notes.iter().map(|note| note.path.as_str()).collect();
    assert_eq!(noted, ["", "", "cache/next/x"]);
    assert_eq!(reading.packages[0].purl.to_string(), "pkg:gem/a@1.0");
}

#[test]
fn what_git_obeys_in_a_mirror_is_a_fault() {
    for (home, has_gems) in [("ruby/3.1.0/", true), ("ruby/3.1.0/", false), ("", false)] {
        let directory = tempfile::tempdir().unwrap();
        let (base, mirror) = (directory.path(), format!("{home}cache/bundler/git/x-0123"));
        if has_gems {
            install(base, home, "a-1.0", "a 1.0 ruby");
        }
        put(base, &format!("{mirror}/hooks/update.sample"), "");
        assert_eq!(audit(Program::Bundler, &list(&directory), &[]).faults, []);
        put(base, &format!("{mirror}/hooks/reference-transaction"), "");
        let faults = audit(Program::Bundler, &list(&directory), &[]).faults;
        assert_eq!((faults.len(), &faults[0].path), (1, &format!("{mirror}/hooks/reference-transaction")));
    }
}

/// A stub that splits a name elsewhere made a gem another one, of which no lock file tells.
#[test]
fn a_gem_is_what_its_archive_says() {
    let gem = |name: &str, version: &str| gem_with(&written(name, version, "ruby"), &data(), &data());
    for (full, archive, stub, wrong) in [
        ("net-foo-0.4.1", gem("net-foo", "0.4.1"), "net-foo 0.4.1 ruby", vec![]),
        (
            "net-foo-0.4.1",
            gem("net-foo", "0.4.1"),
            "net foo 0.4.1",
            vec!["specifications/net-foo-0.4.1.gemspec"],
        ),
        (
            "net-foo-0.4.1",
            gem("net-foo", "0.4.1"),
            "other 1 ruby",
            vec!["specifications/net-foo-0.4.1.gemspec"],
        ),
        ("zzz-1", gem("net-foo", "0.4.1"), "net-foo 0.4.1 ruby", vec!["cache/zzz-1.gem"]),
    ] {
        let directory = tempfile::tempdir().unwrap();
        install(directory.path(), "", full, stub);
        put(directory.path(), &format!("cache/{full}.gem"), archive);
        let made = audit(Program::Bundler, &list(&directory), &[]);
        assert_eq!(made.packages[0].purl.to_string(), "pkg:gem/net-foo@0.4.1", "{full} {stub}");
        assert_eq!(
            made.faults.iter().map(|fault| fault.path.as_str()).collect::<Vec<_>>(),
            wrong,
            "{full} {stub}"
        );
    }
}

#[test]
fn a_gem_that_does_not_say_what_it_is_goes() {
    let directory = tempfile::tempdir().unwrap();
    install(directory.path(), "", "a-1.0", "a 1.0 ruby");
    let twice = written("a", "1.0", "ruby") + "name: b\n";
    put(directory.path(), "cache/a-1.0.gem", gem_with(&twice, &data(), &data()));
    let made = audit(Program::Bundler, &list(&directory), &[]);
    assert_eq!((made.faults, made.orphans.len()), (vec![], 1));
    assert!(made.orphans[0].mend.removed().contains(&"cache/a-1.0.gem".to_owned()));
}

#[test]
fn names_are_split_where_no_stub_helps() {
    for (full, expected) in [
        ("rake-13.0.6", ("rake", "13.0.6", "")),
        ("a-b-1.0.0.rc1-universal-darwin-20", ("a-b", "1.0.0.rc1", "universal-darwin-20")),
        ("noversion", ("noversion", "", "")),
        ("-1", ("-1", "", "")),
    ] {
        assert_eq!(split_name(full), expected);
    }
}

#[test]
fn another_directory_is_no_home_of_gems() {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), "cache/download/example.org/x/@v/v1.0.0.zip", "");
    put(directory.path(), "a/1.0/a-1.0.jar", "");
    let reading = read(&list(&directory));
    assert!(reading.layouts.is_empty() && reading.packages.is_empty() && reading.notes.is_empty());
}

proptest! {
    // Each makes a directory.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_gem_is_too_odd(bytes in any::<Vec<u8>>(), flip in 0..4096_usize, name in "[a-z0-9é-]{1,12}") {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path();
        let mut broken = gem_of(b"data", b"data");
        if let Some(byte) = broken.get_mut(flip) {
            *byte ^= 0x55;
        }
        put(base, &format!("cache/{name}.gem"), &bytes);
        put(base, "cache/b-1.gem", &broken);
        put(base, &format!("specifications/{name}.gemspec"), &bytes);
        put(base, &format!("gems/{name}/x"), "");
        drop(audit(Program::Bundler, &list(&directory), &[]));
    }
}
