//! Archives of Yarn 2 and later.

use super::*;

#[test]
fn archives_of_a_machine_are_read() {
    let cache = Cache::new();
    for (name, key) in [
        (archive("", "left-pad", "1.3.0"), "8"),
        (archive("types", "react-dom", "18.0.0-rc.1"), "10c0"),
        (archive("a-b", "c-d", "1.0.0"), "10c0"),
        (archive("", "x-npm-2", "1.0.0-npm-3"), "10"),
        ("cache/@s-typescript-patch-0123456789".to_owned(), "10c0"),
    ] {
        cache.write(&format!("{name}-{key}.zip"), b"zip");
    }
    cache.write("cache/.gitignore", b"");
    let reading = cache.read();
    assert_eq!(reading.layouts, ["yarn berry cache 8", "yarn berry cache 10"]);
    let mut found = names(&reading);
    found.sort();
    assert_eq!(
        found,
        [
            "pkg:npm/%40a-b/c-d@1.0.0",
            "pkg:npm/%40s/typescript",
            "pkg:npm/%40types/react-dom@18.0.0-rc.1",
            "pkg:npm/left-pad@1.3.0",
            "pkg:npm/x-npm-2@1.0.0-npm-3",
        ]
    );
    assert_eq!((reading.orphans, reading.notes), (vec![], vec![]));
}

#[test]
fn an_archive_of_a_project_must_have_the_digest_that_its_name_tells() {
    let cache = Cache::new();
    let digest = Digest::of(Algorithm::Sha512, b"zip").hex();
    let path = format!("{}-{}.zip", archive("", "left-pad", "1.3.0"), &digest[..10]);
    cache.write(&path, b"zip");
    let whole = audit(Program::Yarn, &cache.files(), &[]);
    assert_eq!((whole.layouts, whole.faults), (vec!["yarn berry cache of a project".to_owned()], vec![]));
    cache.write(&path, b"evil");
    let faults = audit(Program::Yarn, &cache.files(), &[]).faults;
    assert_eq!((faults.len(), faults[0].by.as_str()), (1, "its own name"));
}

#[test]
fn archives_are_compared_with_checksums_of_the_same_key_only() {
    let cache = Cache::new();
    cache.write(&format!("{}-10c0.zip", archive("", "left-pad", "1.3.0")), b"zip");
    let faults = |key: &str, bytes: &[u8]| {
        let digest = Digest::of(Algorithm::Sha512, bytes);
        let locator = crate::javascript::locator("left-pad", "npm:1.3.0");
        let digests = vec![LockedDigest::YarnArchive { locator, key: key.to_owned(), digest }];
        let purl = "pkg:npm/left-pad@1.3.0".parse().unwrap();
        let lock = Lock { name: "yarn.lock".to_owned(), packages: vec![Locked { purl, digests }] };
        audit(Program::Yarn, &cache.files(), &[lock]).faults.len()
    };
    assert_eq!((faults("10c0", b"zip"), faults("10c0", b"other"), faults("8", b"other")), (0, 1, 0));
}

#[test]
fn archives_are_compared_that_are_of_more_than_a_version() {
    let digest = |bytes: &[u8]| Digest::of(Algorithm::Sha512, bytes).hex();
    let patch =
        |version: &str| format!("patch:typescript@npm%3A{version}#optional!builtin<compat/typescript>");
    let far = "npm:1.0.0::__archiveUrl=https%3A%2F%2Fregistry.example.org";
    for changed in 0..4 {
        let cache = Cache::new();
        let mut lock = "__metadata:\n  version: 8\n  cacheKey: 10c0\n".to_owned();
        let all = [
            ("typescript", "typescript-patch", patch("5.0.0")),
            ("typescript", "typescript-patch", patch("4.0.0")),
            ("@a-b/c", "@a-b-c-npm-1.0.0", far.to_owned()),
        ];
        for (number, (name, slug, reference)) in all.iter().enumerate() {
            let locator = crate::javascript::locator(name, reference);
            let bytes = if number == changed { "evil" } else { "zip" };
            cache.write(&format!("cache/{slug}-{locator}-10c0.zip"), bytes.as_bytes());
            let (resolution, hex) = (format!("{name}@{reference}"), digest(b"zip"));
            lock += &format!(
                "\n\"{resolution}\":\n  version: 1\n  resolution: \"{resolution}\"\n  checksum: 10c0/{hex}\n"
            );
        }
        let packages = crate::lock::read("yarn.lock".as_ref(), &lock).unwrap().unwrap();
        let made = audit(Program::Yarn, &cache.files(), &[Lock { name: "yarn.lock".to_owned(), packages }]);
        assert_eq!((made.compared, made.faults.len()), (3, usize::from(changed < 3)));
    }
}
