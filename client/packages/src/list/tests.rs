use super::*;
use crate::digest::Algorithm;
use proptest::prelude::*;

fn listed(name: &str, content: &[u8]) -> Listed {
    Listed {
        program: Program::Npm,
        purl: Purl::new("npm", name).version("1"),
        digest: Some(Digest::of(Algorithm::Sha256, content)),
        source: None,
        files: vec![format!("{name}.tgz")],
        bytes: 3,
        unused: 0,
    }
}

#[test]
fn added_changed_and_removed_are_told_apart() {
    let before = PackageList::new([listed("gone", b"1"), listed("same", b"1"), listed("other", b"1")]);
    let after = PackageList::new([listed("new", b"1"), listed("same", b"1"), listed("other", b"2")]);
    let difference = before.compare(&after);
    assert_eq!(difference.added, [listed("new", b"1")]);
    assert_eq!(difference.removed, [listed("gone", b"1")]);
    let changed = Changed { before: listed("other", b"1"), after: listed("other", b"2") };
    assert_eq!(difference.changed, [changed]);
    assert!(before.compare(&before).is_empty());
}

#[test]
fn one_version_for_one_is_an_update() {
    let of = |name: &str, version: &str| Listed {
        purl: Purl::new("npm", name).version(version),
        ..listed(name, version.as_bytes())
    };
    let before = PackageList::new([of("a", "1"), of("b", "1"), of("b", "2"), of("c", "1"), of("d", "1")]);
    let after = PackageList::new([of("a", "2"), of("b", "3"), of("c", "1"), of("c", "2"), of("d", "")]);
    let difference = before.compare(&after);
    assert_eq!(difference.updated, [Changed { before: of("a", "1"), after: of("a", "2") }]);
    assert_eq!(difference.added, [of("b", "3"), of("c", "2"), of("d", "")]);
    assert_eq!(difference.removed, [of("b", "1"), of("b", "2"), of("d", "1")]);
    assert!(!difference.is_empty() && difference.changed.is_empty());
    let other = |arch: &str, version: &str| {
        let listed = of("x", version);
        Listed { purl: listed.purl.clone().qualifier("arch", arch), ..listed }
    };
    let both = |version| PackageList::new(["amd64", "i386"].map(|arch| other(arch, version)));
    assert_eq!(both("1").compare(&both("2")).updated.len(), 2, "of each machine it is another package");
}

#[test]
fn the_format_is_a_line_for_each_package() {
    let list = PackageList::new([Listed { digest: None, unused: 2, ..listed("a", b"") }]);
    let text = String::from_utf8(list.to_json()).unwrap();
    let line = r#"{"program":"npm","purl":"pkg:npm/a@1","files":["a.tgz"],"bytes":3,"unused":2}"#;
    assert_eq!(text, format!("{{\"version\":1,\"packages\":[\n{line}\n]}}\n"));
    let counted = list.with_unused([("a".to_owned(), 2), ("b".to_owned(), 0)]);
    let text = String::from_utf8(counted.to_json()).unwrap();
    assert_eq!(text, format!("{{\"version\":1,\"packages\":[\n{line}\n],\"unused\":{{\"a\":2}}}}\n"));
    assert_eq!(PackageList::from_json(text.as_bytes()).unwrap(), counted);
    assert_eq!(PackageList::new([]).to_json(), b"{\"version\":1,\"packages\":[\n]}\n");
}

#[test]
fn later_versions_and_garbage_are_refused() {
    assert!(matches!(PackageList::from_json(b"{\"version\":2,\"news\":1}"), Err(ListError::Newer(2))));
    for wrong in [&b""[..], b"[]", b"{}", b"{\"version\":1,\"packages\":[{}]}"] {
        assert!(matches!(PackageList::from_json(wrong), Err(ListError::Malformed(_))));
    }
    let odd = r#"{"version":1,"packages":[{"program":"\u001b[2J","purl":"pkg:npm/a","files":[]}]}"#;
    let said = PackageList::from_json(odd.as_bytes()).unwrap_err().to_string();
    assert!(!said.contains(char::is_control) && said.contains("[2J"), "{said:?}");
    let known =
        br#"{"version":1,"news":1,"packages":[{"program":"npm","purl":"pkg:npm/a","files":[],"more":2}]}"#;
    assert_eq!(PackageList::from_json(known).unwrap().packages().len(), 1);
}

#[test]
fn a_list_is_read_no_further_than_files_may_be() {
    let head = r#"{"program":"npm","purl":"pkg:npm/a","files":["#;
    // What would be refused, if it were read: a number is no name.
    let one = format!(r#"{{"version":1,"packages":[{head}{}7]}}]}}"#, r#""","#.repeat(FILES_MAX + 1));
    let half = format!(r#"{head}{}""]}},"#, r#""","#.repeat(FILES_MAX / 2));
    let two = format!(r#"{{"version":1,"packages":[{half}{half}7]}}"#);
    let answers: String = (0..=FILES_MAX).map(|n| format!("\"{n}\":1,")).collect();
    let answers = format!(r#"{{"version":1,"packages":[],"unused":{{{answers}"a":""}}}}"#);
    for list in [one, two, answers] {
        let error = PackageList::from_json(list.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("more than 2000000 files"), "{error}");
    }
}

proptest! {
    #[test]
    fn a_list_that_is_written_is_read_again(names in prop::collection::vec(("[a-z]{1,4}", any::<u8>()), 0..20)) {
        let list = PackageList::new(names.iter().map(|(name, content)| listed(name, &[*content])));
        prop_assert_eq!(&PackageList::from_json(&list.to_json()).unwrap(), &list);
        let nothing = PackageList::default().compare(&list);
        prop_assert_eq!(nothing.added.len(), list.packages().len());
    }
}
