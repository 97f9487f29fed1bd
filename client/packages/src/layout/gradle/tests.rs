use super::*;
use crate::audit::{Lock, audit};
use crate::layout::testing::{links_are_faults, list, put};
use crate::lock;
use crate::program::Program;
use crate::python::archive::tests::zipped;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

/// Stores a file as Gradle does; gives its path.
fn store(base: &Path, version: &str, name: &str, text: &str) -> String {
    let hex = Digest::of(Algorithm::Sha1, text.as_bytes()).hex();
    let path = format!("caches/modules-2/files-2.1/{version}/{}/{name}", hex.trim_start_matches('0'));
    put(base, &path, text);
    path
}

/// A text whose SHA-1 begins with a zero, as one in sixteen does.
fn with_zero() -> String {
    let mut texts = (0..).map(|number: u32| format!("jar {number}"));
    texts.find(|text| Digest::of(Algorithm::Sha1, text.as_bytes()).hex().starts_with('0')).unwrap()
}

#[test]
fn symlinks_are_faults() {
    let jar = store(tempfile::tempdir().unwrap().path(), "org.example/a/1.0", "a-1.0.jar", "jar");
    let made = || {
        let directory = tempfile::tempdir().unwrap();
        store(directory.path(), "org.example/a/1.0", "a-1.0.jar", "jar");
        put(directory.path(), &format!("{DIST}/gradle-8.5-bin.zip.ok"), "");
        put(directory.path(), &format!("{DIST}/gradle-8.5/bin/gradle"), "");
        directory
    };
    let unpacked = format!("{DIST}/gradle-8.5");
    links_are_faults(Program::Gradle, made, &[&jar, "caches/modules-2/files-2.1", &unpacked, DIST]);
}

#[test]
fn files_are_what_their_directories_say() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    let jar = store(base, "org.example/a/1.0", "a-1.0.jar", &with_zero());
    let pom = store(base, "org.example/a/1.0", "a-1.0.pom", "<project/>");
    store(base, "org.example/a/1.0", "a-1.0-sources.jar", "sources");
    store(base, "org.example/bom/2", "bom-2.pom", "<project/>");
    store(base, "ivy/odd/2", "other.zip", "zip");
    put(base, "caches/modules-2/metadata-2.106/module-metadata.bin", "x");
    put(base, "caches/modules-2/modules-2.lock", "");
    put(base, "caches/8.5/executionHistory/x.bin", "");
    let made = audit(Program::Gradle, &list(&directory), &[]);
    assert_eq!((made.layouts, made.compared), (vec!["gradle modules-2/files-2.1".to_owned()], 5));
    assert_eq!((made.faults, made.orphans, made.notes), (vec![], vec![], vec![]));
    let told: Vec<_> = made.packages.iter().map(|p| (p.purl.to_string(), p.files.len())).collect();
    let expected = [
        ("pkg:maven/ivy/odd@2?type=zip".to_owned(), 1),
        ("pkg:maven/org.example/a@1.0".to_owned(), 2),
        ("pkg:maven/org.example/a@1.0?classifier=sources".to_owned(), 1),
        ("pkg:maven/org.example/bom@2?type=pom".to_owned(), 1),
    ];
    assert_eq!(told, expected);
    for path in [jar, pom] {
        put(base, &path, "evil");
        let faults = audit(Program::Gradle, &list(&directory), &[]).faults;
        assert!(faults.iter().any(|fault| fault.path == path), "{path}");
    }
}

/// What Gradle's verification metadata say of one version, by name and content.
fn verified(artifacts: &[(&str, &str)]) -> [Lock; 1] {
    let file = |(name, text): &(&str, &str)| {
        let hex = Digest::of(Algorithm::Sha256, text.as_bytes()).hex();
        format!(r#"<artifact name="{name}"><sha256 value="{hex}"/></artifact>"#)
    };
    let all: String = artifacts.iter().map(file).collect();
    let text = format!(
        r#"<verification-metadata><components><component group="g" name="a" version="1">{all}</component>
        </components></verification-metadata>"#
    );
    let name = "verification-metadata.xml";
    let packages = lock::read(Path::new(name), &text).unwrap().unwrap();
    [Lock { name: name.to_owned(), packages }]
}

#[test]
fn each_file_is_what_verification_metadata_say_of_its_name() {
    let held = [("a-1.jar", "jar"), ("a-1.pom", "pom"), ("a-1-sources.jar", "sources")];
    let judged = |held: &[(&str, &str)], locked: &[(&str, &str)]| {
        let directory = tempfile::tempdir().unwrap();
        held.iter().for_each(|(name, text)| drop(store(directory.path(), "g/a/1", name, text)));
        let made = audit(Program::Gradle, &list(&directory), &verified(locked));
        let names = made.faults.iter().map(|fault| fault.path.rsplit('/').next().unwrap().to_owned());
        (names.collect::<Vec<_>>(), made.compared, made.locks[0].compared)
    };
    let none: Vec<String> = vec![];
    assert_eq!(judged(&held, &held), (none.clone(), 6, 1));
    assert_eq!(judged(&held, &held[..1]), (none, 4, 1), "what is trusted has no digest");
    let evil = [held[0], ("a-1.pom", "evil"), held[2]];
    assert_eq!(judged(&evil, &held).0, ["a-1.pom"]);
    let swapped = [("a-1.jar", "sources"), held[1], held[2]];
    assert_eq!(judged(&swapped, &held).0, ["a-1.jar"]);
    let beside = [held[0], ("a-1.jar", "evil")];
    assert_eq!(judged(&beside, &held).0, ["a-1.jar"]);
}

#[test]
fn a_directory_that_is_named_after_no_digest_is_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    store(directory.path(), "g/a/1", "a-1.jar", "jar");
    let path = "caches/modules-2/files-2.1/g/a/1/nothex/a-1.jar";
    put(directory.path(), path, "evil");
    let faults = audit(Program::Gradle, &list(&directory), &[]).faults;
    assert_eq!((faults.len(), faults[0].path.as_str()), (1, path));
}

#[test]
fn what_was_not_written_to_the_end_goes() {
    let directory = tempfile::tempdir().unwrap();
    let jar = store(directory.path(), "org.example/a/1.0", "a-1.0.jar", "jar");
    put(directory.path(), &format!("{jar}.fslck"), "");
    let reading = read(&list(&directory));
    let gone: Vec<&str> = reading.orphans.iter().map(|orphan| orphan.path.as_str()).collect();
    assert_eq!((gone, reading.packages.len()), (vec![jar.as_str(), &format!("{jar}.fslck")], 0));
}

const DIST: &str = "wrapper/dists/gradle-8.5-bin/abc123";

#[test]
fn the_wrappers_gradle_is_a_package_with_and_without_its_archive() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    put(base, &format!("{DIST}/gradle-8.5-bin.zip"), "zip");
    put(base, &format!("{DIST}/gradle-8.5-bin.zip.ok"), "");
    put(base, &format!("{DIST}/gradle-8.5/bin/gradle"), "");
    put(base, "wrapper/dists/gradle-9.1-all/abc/gradle-9.1-all.zip.ok", "");
    put(base, "wrapper/dists/gradle-9.1-all/abc/gradle-9.1/bin/gradle", "");
    put(base, "wrapper/dists/CACHEDIR.TAG", "");
    let reading = read(&list(&directory));
    assert_eq!((reading.layouts, reading.orphans), (vec!["gradle wrapper/dists".to_owned()], vec![]));
    let told: Vec<_> = reading.packages.iter().map(|p| (p.purl.to_string(), p.artifact.is_some())).collect();
    assert_eq!(
        told,
        [("pkg:generic/gradle@8.5".to_owned(), true), ("pkg:generic/gradle@9.1".to_owned(), false)]
    );
    fs::remove_file(base.join(format!("{DIST}/gradle-8.5-bin.zip.ok"))).unwrap();
    put(base, &format!("{DIST}/gradle-8.5-bin.zip.part"), "");
    let orphans = read(&list(&directory)).orphans;
    let gone = |number: usize| match &orphans[number].mend {
        Mend::Remove(gone) => gone.clone(),
        Mend::DropLines { .. } => panic!("lines"),
    };
    assert_eq!(gone(0), [format!("{DIST}/gradle-8.5-bin.zip.part")]);
    assert_eq!((gone(1), orphans.len()), (vec![format!("{DIST}/gradle-8.5/bin/gradle")], 2));
}

#[test]
fn an_unpacked_gradle_is_what_its_archive_has() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    let unpacked = [("gradle-8.5/bin/gradle", "#!"), ("gradle-8.5/lib/a.jar", "jar")];
    put(base, &format!("{DIST}/gradle-8.5-bin.zip"), zipped(&unpacked));
    put(base, &format!("{DIST}/gradle-8.5-bin.zip.ok"), "");
    unpacked.iter().for_each(|(name, text)| put(base, &format!("{DIST}/{name}"), text));
    let made = audit(Program::Gradle, &list(&directory), &[]);
    assert_eq!((made.faults, made.notes), (vec![], vec![]));
    for (name, text) in [("gradle-8.5/lib/a.jar", "evil"), ("gradle-8.5/init.d/evil.gradle", "")] {
        put(base, &format!("{DIST}/{name}"), text);
        let faults = audit(Program::Gradle, &list(&directory), &[]).faults;
        assert!(faults.iter().any(|fault| fault.path == format!("{DIST}/{name}")), "{name}");
    }
    let zip = format!("{DIST}/gradle-8.5-bin.zip");
    for odd in [b"garbage".to_vec(), [zipped(&unpacked), b"\n".to_vec()].concat()] {
        put(base, &zip, odd);
        let faults = audit(Program::Gradle, &list(&directory), &[]).faults;
        assert_eq!((faults.len(), &faults[0].path), (1, &zip));
    }
    fs::remove_file(base.join(zip)).unwrap();
    assert!(read(&list(&directory)).notes[0].what.contains("nobody vouches"));
}

#[test]
fn older_and_newer_stores_are_noted() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    put(base, "caches/modules-3/files-3.0/g/a/1/00/a-1.jar", "jar");
    put(base, "caches/modules-3/files-3.0/g/a/1/nothex/a-1.jar", "jar");
    put(base, "caches/modules-2/files-2.1/g/a/1/00/a-1.jar", "jar");
    put(base, "caches/modules-2/files-2.1/g/a-1.jar", "jar");
    put(base, "caches/modules-2/next-1/x", "");
    put(base, "caches/artifacts-14/filestore/g/a/1/jar/00/a-1.jar", "");
    put(base, "jdks/x/bin/java", "");
    let reading = read(&list(&directory));
    assert_eq!(reading.layouts, ["gradle modules-2/files-2.1", "gradle modules-3/files-3.0"]);
    assert_eq!((reading.notes.len(), reading.packages.len()), (6, 3), "{:?}", reading.notes);
}

#[test]
fn another_directory_is_no_home_of_gradle() {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), "caches/x/y", "");
    put(directory.path(), "jdks/x", "");
    let reading = read(&list(&directory));
    assert!(reading.layouts.is_empty() && reading.packages.is_empty() && reading.notes.is_empty());
}

proptest! {
    // Each makes a directory.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_path_is_too_odd(
        modules in "(modules|files|artifacts)-?[0-9]?", below in "(files-)?[a-z0-9.]{1,4}",
        rest in "([a-zé0-9.-]{1,4}/){0,6}[a-zé0-9.-]{1,5}x([.]fslck|[.]part)?",
    ) {
        let directory = tempfile::tempdir().unwrap();
        let dotted = rest.split('/').any(|part| matches!(part, "." | "..")) || matches!(below.as_str(), "." | "..");
        if !dotted {
            put(directory.path(), &format!("caches/{modules}/{below}/{rest}"), "x");
            put(directory.path(), &format!("wrapper/dists/{rest}"), "x");
            drop(audit(Program::Gradle, &list(&directory), &[]));
        }
    }
}
