use super::*;
use crate::audit::audit;
use crate::layout::testing::{links_are_faults, list, put};
use crate::program::Program;
use flate2::{Compression, write::GzEncoder};
use lz4_flex::frame::FrameEncoder;
use proptest::prelude::*;
use std::io::Write;
use std::path::Path;
use tempfile::TempDir;

fn paragraph(name: &str, version: &str, arch: &str, body: &str) -> String {
    let hex = |algorithm| Digest::of(algorithm, body.as_bytes()).hex();
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {arch}\nDescription: a\n Package: none\nMD5sum: {}\nSHA256: {}\n\n",
        hex(Algorithm::Md5),
        hex(Algorithm::Sha256),
    )
}

const LIST: &str = "lists/deb.example.org_debian_dists_stable_main_binary-amd64_Packages";
const CURL: &str = "archives/curl_1%3a8.1-2_amd64.deb";

fn lists_of(bodies: [&str; 2]) -> String {
    paragraph("curl", "1:8.1-2", "amd64", bodies[0])
        + &paragraph("other", "1", "all", "x")
        + paragraph("libstdc++6", "12.2~rc1", "all", bodies[1]).trim_end()
}

fn cache() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    put(base, CURL, "curl");
    put(base, "archives/libstdc++6_12.2~rc1_all.deb", "libstdc");
    put(base, "archives/lock", "");
    put(base, "lists/lock", "");
    directory
}

const RELEASE: &str = "lists/deb.example.org_debian_dists_stable_InRelease";
const NAME: &str = "main/binary-amd64/Packages";

/// Names lists, as `InRelease` does.
fn release(named: &[(&str, &[u8])]) -> String {
    let line = |(name, bytes): &(&str, &[u8])| {
        format!(" {} {} {name}\n", Digest::of(Algorithm::Sha256, bytes).hex(), bytes.len())
    };
    let lines: String = named.iter().map(line).collect();
    format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nMD5Sum:\n 00 1 {NAME}\nSHA256:\n{lines}-----BEGIN PGP SIGNATURE-----\n"
    )
}

/// A list, and a release that names it.
fn put_list(base: &Path, text: &str) {
    put(base, LIST, text);
    put(base, RELEASE, release(&[(NAME, text.as_bytes())]));
}

fn gz(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn lz4(text: &str) -> Vec<u8> {
    let mut encoder = FrameEncoder::new(Vec::new());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zst(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 1).unwrap()
}

#[test]
fn symlinks_are_faults() {
    links_are_faults(
        Program::Apt,
        || {
            let directory = cache();
            put_list(directory.path(), &lists_of(["curl", "libstdc"]));
            directory
        },
        &[CURL, LIST, "lists"],
    );
}

#[test]
fn archives_are_what_lists_of_any_age_say() {
    let text = lists_of(["curl", "libstdc"]);
    for (end, bytes) in
        [("", text.clone().into_bytes()), (".gz", gz(&text)), (".lz4", lz4(&text)), (".zst", zst(&text))]
    {
        let directory = cache();
        put(directory.path(), &format!("{LIST}{end}"), bytes);
        put(directory.path(), RELEASE, release(&[(NAME, text.as_bytes()), ("main/source/Sources", b"")]));
        let made = audit(Program::Apt, &list(&directory), &[]);
        assert_eq!(made.layouts, ["apt archives".to_owned(), format!("apt lists{end}")]);
        assert_eq!((made.faults, made.orphans, made.notes, made.compared), (vec![], vec![], vec![], 2));
        let told: Vec<_> = made.packages.iter().map(|p| (p.purl.to_string(), p.source.as_deref())).collect();
        let expected = [
            ("pkg:deb/debian/curl@1:8.1-2?arch=amd64".to_owned(), Some("deb.example.org/debian")),
            ("pkg:deb/debian/libstdc%2B%2B6@12.2~rc1?arch=all".to_owned(), Some("deb.example.org/debian")),
        ];
        assert_eq!(told, expected);
    }
}

#[test]
fn lists_share_what_may_be_read() {
    let directory = cache();
    let text = lists_of(["curl", "libstdc"]);
    put(directory.path(), "lists/a_Packages.gz", gz(&text));
    put(directory.path(), "lists/b_Packages", &text);
    let (files, curl) = (list(&directory), Archive::of(&CURL["archives/".len()..]).unwrap());
    let bytes = u64::try_from(text.len()).unwrap();
    for (bytes_max, are_read) in
        [(2 * bytes, [true, true]), (2 * bytes - 1, [true, false]), (9, [false, false])]
    {
        let mut offers = Offers::of([&curl].into_iter(), bytes_max);
        let first = offers.read(&files, "lists/a_Packages.gz", ".gz");
        let second = offers.read(&files, "lists/b_Packages", "");
        assert_eq!([first.is_ok(), second.is_ok()], are_read, "{bytes_max} bytes");
    }
}

#[test]
fn a_changed_archive_is_found() {
    let directory = cache();
    put_list(directory.path(), &lists_of(["curl", "libstdc"]));
    put(directory.path(), CURL, "evil");
    let faults = audit(Program::Apt, &list(&directory), &[]).faults;
    assert_eq!((faults.len(), faults[0].path.as_str(), faults[0].by.as_str()), (1, CURL, LIST));
    assert!(faults[0].why.contains("must be sha256:"), "the strongest counts: {}", faults[0].why);
}

#[test]
fn every_spelling_of_a_name_is_compared() {
    for spelling in ["archives/curl_1:8.1-2_amd64.deb", "archives/curl_1%3A8.1-2_amd64.deb"] {
        for (first, second) in [("evil", "curl"), ("curl", "evil")] {
            let directory = cache();
            put_list(directory.path(), &lists_of(["curl", "libstdc"]));
            put(directory.path(), CURL, first);
            put(directory.path(), spelling, second);
            let made = audit(Program::Apt, &list(&directory), &[]);
            let wrong = if first == "evil" { CURL } else { spelling };
            assert_eq!((made.packages.len(), made.faults[0].path.as_str()), (3, wrong));
        }
    }
}

/// Else a list beside the right one would be enough for any archive.
#[test]
fn lists_that_offer_different_archives_by_one_name_are_a_fault() {
    let evil = lists_of(["evil", "libstdc"]);
    for is_vouched_for in [true, false] {
        let directory = cache();
        let base = directory.path();
        put(base, LIST, lists_of(["curl", "libstdc"]));
        put(base, "lists/zzz_Packages", &evil);
        if is_vouched_for {
            put_list(base, &lists_of(["curl", "libstdc"]));
            put(base, "lists/zzz_Release", release(&[("./Packages", evil.as_bytes())]));
        }
        for body in ["curl", "evil"] {
            put(base, CURL, body);
            let faults = audit(Program::Apt, &list(&directory), &[]).faults;
            assert_eq!((faults.len(), faults[0].path.as_str()), (1, CURL));
            assert!(faults[0].why.contains("2 files"), "{}", faults[0].why);
        }
    }
}

#[test]
fn a_list_that_no_release_names_goes_and_does_not_count() {
    let directory = cache();
    let base = directory.path();
    put_list(base, &lists_of(["curl", "libstdc"]));
    let planted = ["lists/zzz_Packages", &LIST.replace("main", "extra")];
    planted.iter().for_each(|path| put(base, path, lists_of(["evil", "libstdc"])));
    put(base, CURL, "evil");
    let made = audit(Program::Apt, &list(&directory), &[]);
    let gone: Vec<&str> =
        made.orphans.iter().flat_map(|orphan| orphan.mend.removed()).map(String::as_str).collect();
    assert_eq!(gone, [planted[1], planted[0]]);
    assert_eq!(
        (made.faults.len(), made.faults[0].path.as_str(), made.faults[0].by.as_str()),
        (1, CURL, LIST)
    );
}

#[test]
fn a_list_that_is_not_the_one_that_is_named_is_a_fault() {
    let (good, evil) = (lists_of(["curl", "libstdc"]), lists_of(["evil", "libstdc"]));
    for (end, bytes) in
        [("", evil.clone().into_bytes()), (".gz", gz(&evil)), (".lz4", lz4(&evil)), (".zst", zst(&evil))]
    {
        let directory = cache();
        put(directory.path(), &format!("{LIST}{end}"), bytes);
        put(directory.path(), RELEASE, release(&[(NAME, good.as_bytes())]));
        put(directory.path(), CURL, "evil");
        let faults = audit(Program::Apt, &list(&directory), &[]).faults;
        let told: Vec<_> = faults.iter().map(|fault| (fault.path.clone(), fault.by.as_str())).collect();
        assert_eq!(told, [(format!("{LIST}{end}"), RELEASE)]);
    }
}

/// Such a list is kept as it came.
#[test]
fn a_list_that_is_named_only_as_it_is_stored_counts() {
    let directory = cache();
    let bytes = gz(&lists_of(["curl", "libstdc"]));
    put(directory.path(), &format!("{LIST}.gz"), &bytes);
    put(directory.path(), RELEASE, release(&[(&format!("{NAME}.gz"), &bytes)]));
    let made = audit(Program::Apt, &list(&directory), &[]);
    assert_eq!((made.faults, made.orphans, made.compared), (vec![], vec![], 2));
    put(directory.path(), RELEASE, release(&[(&format!("{NAME}.gz"), b"another")]));
    assert_eq!(audit(Program::Apt, &list(&directory), &[]).faults[0].by, RELEASE);
}

/// `[trusted=yes]`: apt takes the lists of a repository that has no release, or one that names nothing.
#[test]
fn lists_count_as_claims_where_no_release_names_any() {
    for text in [None, Some("Suite: x\n")] {
        let directory = cache();
        let base = directory.path();
        put(base, "lists/127.0.0.1:8080_._Packages.lz4", lz4(&lists_of(["curl", "libstdc"])));
        text.iter().for_each(|text| put(base, "lists/127.0.0.1:8080_._Release", text));
        let made = audit(Program::Apt, &list(&directory), &[]);
        assert_eq!((made.faults, made.orphans, made.compared), (vec![], vec![], 2));
        let notes: Vec<&str> = made.notes.iter().map(|note| note.what.as_str()).collect();
        assert!(matches!(notes[..], [note] if note.contains("nobody vouches")), "{notes:?}");
        put(base, CURL, "evil");
        assert_eq!(audit(Program::Apt, &list(&directory), &[]).faults[0].path, CURL);
    }
}

#[test]
fn nothing_follows_a_list() {
    let text = lists_of(["curl", "libstdc"]);
    let evil = lists_of(["evil", "x"]);
    for (end, packed) in [
        (".lz4", [lz4(&text), lz4(&evil)]),
        (".gz", [gz(&text), gz(&evil)]),
        (".zst", [zst(&text), zst(&evil)]),
    ] {
        let directory = cache();
        let path = format!("{LIST}{end}");
        put(directory.path(), &path, packed.concat());
        put(directory.path(), RELEASE, release(&[(NAME, text.as_bytes())]));
        let made = audit(Program::Apt, &list(&directory), &[]);
        let told = made.faults.into_iter().map(|fault| fault.path);
        let told: Vec<String> = told.chain(made.orphans.into_iter().map(|orphan| orphan.path)).collect();
        assert_eq!((&told[0], made.compared), (&path, 0));
    }
}

/// Whoever takes the lists away takes away what tells what archives must be, and apt fetches lists again.
#[test]
fn archives_that_no_list_offers_go() {
    let directory = cache();
    let base = directory.path();
    let gone = || {
        let orphans = read(&list(&directory)).orphans;
        orphans.into_iter().map(|orphan| orphan.mend.removed().join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(gone(), [CURL, "archives/libstdc++6_12.2~rc1_all.deb"]);
    put_list(base, &lists_of(["curl", "libstdc"]));
    assert_eq!(gone(), Vec::<String>::new());
    put(base, "archives/old_1_amd64.deb", "of an earlier day");
    assert_eq!(gone(), ["archives/old_1_amd64.deb"]);
}

#[test]
fn what_was_not_fetched_to_the_end_goes() {
    let directory = cache();
    put_list(directory.path(), &lists_of(["curl", "libstdc"]));
    put(directory.path(), "archives/partial/vim_1_amd64.deb", "ha");
    put(directory.path(), "lists/partial/x_Packages.xz", "ha");
    let orphans = read(&list(&directory)).orphans;
    assert_eq!(orphans.len(), 2);
    for orphan in orphans {
        assert_eq!(orphan.mend, Mend::Remove(vec![orphan.path]));
    }
}

#[test]
fn a_list_that_is_not_read_goes_and_other_files_are_noted() {
    let directory = cache();
    put(directory.path(), &format!("{LIST}.xz"), "x");
    put(directory.path(), &format!("{LIST}.gz"), "no gz");
    put(directory.path(), &format!("{LIST}.next"), "x");
    put(directory.path(), &format!("{LIST}.diff_Index"), "x");
    put(directory.path(), "archives/strange.deb", "");
    let reading = read(&list(&directory));
    let gone: Vec<&str> =
        reading.orphans.iter().flat_map(|orphan| orphan.mend.removed()).map(String::as_str).collect();
    assert_eq!(&gone[..3], &[".gz", ".next", ".xz"].map(|end| format!("{LIST}{end}")));
    let noted: Vec<&str> = reading.notes.iter().map(|note| note.path.as_str()).collect();
    assert_eq!(noted, ["lists", "archives/strange.deb"]);
}

#[test]
fn another_directory_is_no_cache() {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), "archives/x.txt", "");
    put(directory.path(), "lists/x.txt", "");
    let reading = read(&list(&directory));
    assert!(reading.layouts.is_empty() && reading.packages.is_empty() && reading.notes.is_empty());
}

proptest! {
    // Each makes a directory.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_list_and_no_name_is_too_odd(bytes in any::<Vec<u8>>(), name in "[a-z%0-9_é.]{0,12}", cut in 0..200_usize) {
        let directory = cache();
        let base = directory.path();
        put(base, LIST, &bytes);
        put(base, RELEASE, [release(&[(NAME, &bytes)]).as_bytes(), &bytes].concat());
        let cut_off = |packed: Vec<u8>| packed[..cut.min(packed.len())].to_vec();
        put(base, &format!("{LIST}.gz"), cut_off(gz(&lists_of(["curl", "x"]))));
        put(base, &format!("{LIST}.lz4"), [cut_off(lz4(&lists_of(["curl", "x"]))), bytes].concat());
        put(base, &format!("{LIST}.zst"), cut_off(zst(&lists_of(["curl", "x"]))));
        put(base, &format!("archives/{name}.deb"), "");
        drop(audit(Program::Apt, &list(&directory), &[]));
    }
}
