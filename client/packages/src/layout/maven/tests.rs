use super::*;
use crate::audit::audit;
use crate::digest::{Algorithm, Digest};
use crate::layout::testing::{hide, links_are_faults, list, put};
use crate::program::Program;
use crate::reading::Mend;
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn with_checksum(base: &Path, path: &str, text: &str) {
    put(base, path, text);
    put(base, &format!("{path}.sha1"), Digest::of(Algorithm::Sha1, text.as_bytes()).hex());
}

const JAR: &str = "org/example/a-b/1.0/a-b-1.0.jar";

/// A repository as Maven 3.8 leaves it.
fn repository() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    with_checksum(base, JAR, "jar");
    with_checksum(base, "org/example/a-b/1.0/a-b-1.0.pom", "<project/>");
    with_checksum(base, "org/example/a-b/1.0/a-b-1.0-sources.jar", "sources");
    let origins =
        "#NOTE: internal\n#Tue\na-b-1.0.jar>central=\na-b-1.0.pom>central=\na-b-1.0-sources.jar>=\n";
    put(base, "org/example/a-b/1.0/_remote.repositories", origins);
    with_checksum(base, "org/example/parent/1/parent-1.pom", "<project/>");
    put(base, "org/example/a-b/maven-metadata-central.xml", "<metadata/>");
    put(base, "org/example/a-b/maven-metadata-central.xml.sha1", "x");
    put(base, "org/example/a-b/resolver-status.properties", "");
    directory
}

#[test]
fn symlinks_are_faults() {
    links_are_faults(
        Program::Maven,
        repository,
        &[JAR, "org/example", "org/example/a-b/1.0/a-b-1.0.jar.sha1"],
    );
    let directory = repository();
    hide(directory.path(), JAR);
    assert_eq!(read(&list(&directory)).orphans, [], "its checksum is evidence");
}

#[test]
fn artifacts_are_read_with_what_the_remote_declared() {
    let made = audit(Program::Maven, &list(&repository()), &[]);
    assert_eq!(made.layouts, ["maven local repository, 3.1 and later"]);
    assert_eq!((made.faults, made.orphans, made.notes, made.compared), (vec![], vec![], vec![], 4));
    let told: Vec<_> =
        made.packages.iter().map(|p| (p.purl.to_string(), p.source.as_deref(), p.files.len())).collect();
    let expected = [
        ("pkg:maven/org.example/a-b@1.0".to_owned(), Some("central"), 5),
        ("pkg:maven/org.example/a-b@1.0?classifier=sources".to_owned(), None, 2),
        ("pkg:maven/org.example/parent@1?type=pom".to_owned(), None, 2),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_name_that_no_package_has_is_noted_and_not_listed() {
    let directory = tempfile::tempdir().unwrap();
    let odd = "org/ex\u{1b}[2J/a/1/a-1.jar";
    put(directory.path(), odd, "jar");
    let made = audit(Program::Maven, &list(&directory), &[]);
    assert_eq!(made.packages, []);
    assert!(made.notes.iter().any(|note| note.path == odd && note.what.contains("no package has")));
    put(directory.path(), &format!("{odd}.sha1"), Digest::of(Algorithm::Sha1, b"another").hex());
    assert_eq!(audit(Program::Maven, &list(&directory), &[]).faults[0].path, odd, "it is compared, though");
}

#[test]
fn older_repositories_and_snapshots_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    put(base, "junit/junit/3/junit-3.jar", "jar");
    assert_eq!(read(&list(&directory)).layouts, ["maven local repository, without origins"]);
    put(base, "junit/junit/3/_maven.repositories", "junit-3.jar>old\\:one=\n");
    with_checksum(base, "a/b/1-SNAPSHOT/b-1-20240102.030405-6.jar", "x");
    put(base, "a/b/1-SNAPSHOT/b-1-SNAPSHOT.jar", "x");
    put(base, "a/b/1-SNAPSHOT/_maven.repositories", "b-1-20240102.000000-5.jar>x=\n");
    let made = audit(Program::Maven, &list(&directory), &[]);
    assert_eq!((made.layouts, made.orphans), (vec!["maven local repository, 3.0".to_owned()], vec![]));
    let told: Vec<_> = made.packages.iter().map(|p| (p.purl.to_string(), p.source.as_deref())).collect();
    let expected = [
        ("pkg:maven/a/b@1-20240102.030405-6".to_owned(), None),
        ("pkg:maven/a/b@1-SNAPSHOT".to_owned(), None),
        ("pkg:maven/junit/junit@3".to_owned(), Some("old:one")),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_changed_artifact_is_found_in_whatever_way_its_checksum_is_written() {
    let directory = repository();
    let hex = Digest::of(Algorithm::Sha1, b"jar").hex();
    for text in [hex.clone(), format!("\n{hex}  a-b-1.0.jar\n"), format!("SHA1(a-b-1.0.jar)= {hex}\n")] {
        put(directory.path(), &format!("{JAR}.sha1"), &text);
        put(directory.path(), JAR, "jar");
        assert_eq!(audit(Program::Maven, &list(&directory), &[]).faults, []);
        put(directory.path(), JAR, "evil");
        let faults = audit(Program::Maven, &list(&directory), &[]).faults;
        assert_eq!((faults.len(), faults[0].path.as_str()), (1, JAR));
    }
    put(directory.path(), "org/example/a-b/1.0/a-b-1.0.pom", "<evil/>");
    assert_eq!(audit(Program::Maven, &list(&directory), &[]).faults.len(), 2, "the description, too");
}

#[test]
fn failures_and_halves_are_orphans_and_go() {
    let directory = repository();
    let base = directory.path();
    put(base, "org/example/a-b/1.0/a-b-1.0-javadoc.jar.lastUpdated", "");
    put(base, "org/example/a-b/1.0/a-b-1.0.jar.lastUpdated", "");
    put(base, "org/example/gone/2/gone-2.pom.lastUpdated", "");
    put(base, "org/example/a-b/1.0/a-b-1.0.war.sha1", "00");
    put(base, "org/example/a-b/1.0/a-b-1.0.jar.123.tmp", "");
    put(base, "org/example/a-b/1.0/_remote.repositories", "a-b-1.0.jar>central=\na-b-1.0.ear>central=\n");
    let orphans = read(&list(&directory)).orphans;
    assert_eq!(orphans.len(), 5, "{orphans:?}");
    for orphan in orphans {
        match orphan.mend {
            Mend::Remove(gone) => gone.iter().for_each(|path| fs::remove_file(base.join(path)).unwrap()),
            Mend::DropLines { path, lines } => {
                assert_eq!(lines, ["a-b-1.0.ear>central="]);
                put(base, &path, "a-b-1.0.jar>central=\n");
            }
        }
    }
    assert_eq!(read(&list(&directory)).orphans, []);
}

#[test]
fn what_is_newer_or_strange_is_noted() {
    let directory = repository();
    put(directory.path(), "cached/org/example/c/1/c-1.jar", "");
    put(directory.path(), "org/example/a-b/1.0/readme", "");
    put(directory.path(), "next.bin", "");
    put(directory.path(), &format!("{JAR}.sha512"), "none");
    let reading = read(&list(&directory));
    assert_eq!(reading.notes.len(), 4, "{:?}", reading.notes);
    assert!(reading.packages.iter().any(|held| held.purl.full_name() == "org.example/c"));
}

#[test]
fn our_own_list_is_not_strange() {
    let directory = repository();
    put(directory.path(), crate::list::LIST_NAME, "{}");
    assert_eq!(audit(Program::Maven, &list(&directory), &[]).notes, []);
    put(directory.path(), &format!("org/{}", crate::list::LIST_NAME), "{}");
    assert_eq!(audit(Program::Maven, &list(&directory), &[]).notes.len(), 1, "only at the base it is ours");
}

#[test]
fn another_directory_is_no_repository() {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), "content-v2/sha512/ab/cd/ef", "");
    let reading = read(&list(&directory));
    assert!(reading.layouts.is_empty() && reading.packages.is_empty() && reading.notes.is_empty());
}

proptest! {
    // Each makes a directory.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_is_too_odd(text in any::<Vec<u8>>(), name in "[a-z0-9.-]{1,12}") {
        let directory = repository();
        for path in [&format!("{JAR}.sha1"), "org/example/a-b/1.0/_remote.repositories"] {
            fs::write(directory.path().join(path), &text).unwrap();
        }
        put(directory.path(), &format!("org/example/a-b/1.0/a-b-1.0{name}"), "");
        drop(audit(Program::Maven, &list(&directory), &[]));
    }
}
