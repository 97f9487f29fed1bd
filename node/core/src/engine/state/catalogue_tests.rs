//! Tests of what is known of manifests, with certificates of a small pool.
use super::*;
use crate::belief::fixture::{Pool, WALL, earlier, later, query};

fn catalogue(known: &[(&str, u64, u64)]) -> Catalogue {
    let (mut pool, mut catalogue) = (Pool::new(1), Catalogue::new(1_000));
    pool.policy.publishers[0].patterns.push("alone".parse().unwrap());
    for (key, sequence, age) in known {
        catalogue.insert(pool.witness(key, *sequence, earlier(*age)));
    }
    catalogue
}

fn answers(candidates: &Candidates) -> Vec<(String, u64)> {
    candidates.refs.iter().map(|named| (named.key.to_string(), named.sequence)).collect()
}

fn rows(rows: &Rows) -> Vec<(String, u64)> {
    let place = |row: &CertifiedManifest| (row.manifest().key.to_string(), row.manifest().sequence);
    rows.rows.iter().map(place).collect()
}

#[test]
fn the_exact_key_comes_before_fallbacks_and_each_by_its_own_order() {
    let catalogue = catalogue(&[
        ("core/main/npm/1", 1, 50),
        ("core/main/npm/1", 9, 100),
        ("core/main/npm/2", 1, 10),
        ("core/main/npm/3", 1, 20),
        ("core/main/pip/1", 1, 5),
        ("core/other/npm/1", 1, 1),
    ]);
    let candidates =
        catalogue.candidates(&query("core/main/npm/1", &["core/main/pip", "core/main/npm"]), WALL);
    let expected = [("npm/1", 9), ("npm/1", 1), ("pip/1", 1), ("npm/2", 1), ("npm/3", 1)];
    let expected: Vec<_> = expected.iter().map(|(key, n)| (format!("core/main/{key}"), *n)).collect();
    assert_eq!(answers(&candidates), expected);
    assert_eq!(candidates.beside.len(), candidates.refs.len());
}

#[test]
fn candidates_are_few_and_none_has_expired() {
    let known: Vec<(String, u64, u64)> = (1..=30).map(|n| (format!("core/main/npm/{n}"), 1, n)).collect();
    let known: Vec<(&str, u64, u64)> = known.iter().map(|(key, n, age)| (key.as_str(), *n, *age)).collect();
    let catalogue = catalogue(&known);
    let lineage: Lineage = "core/main/npm".parse().unwrap();
    assert_eq!(catalogue.newest(&lineage, WALL).refs.len(), CANDIDATES_MAX);
    assert_eq!(catalogue.newest(&lineage, later(3_600)).refs.len(), 0);
    let asked = query("core/main/npm/99", &["core/main/npm", "core/main/npm/2*", "core/main/npm/1*"]);
    let candidates = catalogue.candidates(&asked, WALL);
    assert_eq!(candidates.refs.len(), 3 + 2 + 2, "three each, and one is named once");
}

#[test]
fn the_highest_sequence_of_a_key_stands() {
    let catalogue = catalogue(&[("core/a/b", 7, 90), ("core/a/b", 3, 10)]);
    let key: Key = "core/a/b".parse().unwrap();
    assert_eq!(catalogue.highest(&key), Some(7));
    assert_eq!(catalogue.standing(&key).unwrap().certified.manifest().sequence, 7);
    assert_eq!(catalogue.highest(&"core/a/c".parse().unwrap()), None);
}

#[test]
fn insert_says_what_is_newest_in_its_lineage() {
    let (pool, mut catalogue) = (Pool::new(1), Catalogue::new(10));
    assert!(catalogue.insert(pool.witness("core/a/1", 1, earlier(50))));
    assert!(!catalogue.insert(pool.witness("core/a/2", 1, earlier(90))), "older");
    assert!(catalogue.insert(pool.witness("core/a/3", 1, earlier(10))));
    assert!(!catalogue.insert(pool.witness("core/a/3", 1, earlier(10))), "known");
    assert_eq!(catalogue.len(), 3);
}

#[test]
fn the_oldest_makes_room_unless_it_is_spared() {
    let (pool, mut catalogue) = (Pool::new(1), Catalogue::new(2));
    let ids: Vec<ManifestId> = (1..=3)
        .map(|n| {
            let certified = pool.witness(&format!("core/a/{n}"), 1, earlier(100 - n));
            let id = certified.id();
            catalogue.insert(certified);
            id
        })
        .collect();
    assert_eq!(catalogue.overflow(|_| false), Some(ids[0]));
    assert_eq!(catalogue.overflow(|id| *id == ids[0]), Some(ids[1]));
    assert_eq!(catalogue.overflow(|_| true), None);
    assert!(catalogue.remove(&ids[0]).is_some());
    assert!(catalogue.remove(&ids[0]).is_none());
    assert_eq!(catalogue.overflow(|_| false), None);
}

#[test]
fn nothing_is_left_of_what_was_removed() {
    let mut catalogue = catalogue(&[("core/a/b", 1, 5)]);
    let id = catalogue.standing(&"core/a/b".parse().unwrap()).unwrap().certified.id();
    catalogue.remove(&id);
    assert!(catalogue.by_id.is_empty() && catalogue.by_key.is_empty());
    assert!(catalogue.by_lineage.is_empty() && catalogue.by_age.is_empty());
}

#[test]
fn listings_go_on_after_a_key() {
    let catalogue =
        catalogue(&[("core/a/1", 1, 5), ("core/a/1", 2, 4), ("core/a/2", 1, 3), ("core/b/1", 1, 2)]);
    let list = |pattern: Option<&str>, after: Option<&str>| {
        let pattern = pattern.map(|pattern| pattern.parse().unwrap());
        let after = after.map(|after| after.parse().unwrap());
        rows(&catalogue.list(&ListQuery::Pattern { pattern, after }))
    };
    let row = |key: &str, n: u64| (key.to_owned(), n);
    assert_eq!(list(None, None), [row("core/a/1", 2), row("core/a/2", 1), row("core/b/1", 1)]);
    assert_eq!(list(Some("core/a/*"), None), [row("core/a/1", 2), row("core/a/2", 1)]);
    assert_eq!(list(None, Some("core/a/1")), [row("core/a/2", 1), row("core/b/1", 1)]);
    assert_eq!(list(Some("core/a/*"), Some("core/a/2")), []);
}

#[test]
fn one_message_takes_so_many_rows() {
    let (pool, mut catalogue) = (Pool::new(1), Catalogue::new(10_000));
    for n in 0..LISTING_ROWS_MAX + 5 {
        catalogue.insert(pool.witness(&format!("core/a/{n:05}"), 1, WALL));
    }
    let all = catalogue.list(&ListQuery::Pattern { pattern: None, after: None });
    assert!(all.more);
    assert!(all.rows.len() <= LISTING_ROWS_MAX);
    let bytes: usize = all.rows.iter().map(|row| certified_bytes(&row.to_envelope())).sum();
    assert!(bytes <= BESIDE_BYTES_MAX, "{bytes}");
    let after = Some(all.rows.last().unwrap().manifest().key.clone());
    let rest = catalogue.list(&ListQuery::Pattern { pattern: None, after });
    assert!(!rest.rows.is_empty());
}

#[test]
fn a_manifest_is_found_by_the_beginning_of_its_id() {
    let catalogue = catalogue(&[("core/a/1", 1, 5), ("core/a/2", 1, 5)]);
    let id = catalogue.standing(&"core/a/1".parse().unwrap()).unwrap().certified.id();
    let found = |query: ListQuery| rows(&catalogue.list(&query)).len();
    assert_eq!(found(ListQuery::Manifest(id)), 1);
    assert_eq!(found(ListQuery::Prefix(id.short())), 1);
    assert_eq!(found(ListQuery::Prefix(id.short().to_uppercase())), 1);
    assert_eq!(found(ListQuery::Prefix("zz".to_owned())), 0);
}

#[test]
fn what_a_message_takes_is_not_underestimated() {
    let certified = Pool::new(4).witness("core/a/1", 1, WALL).to_envelope();
    let message = crate::message::Control::Certify { certified: certified.clone() };
    assert!(message.encode().len() <= certified_bytes(&certified) + 16);
}

#[test]
fn a_seed_may_let_go_what_expired_or_was_superseded_three_times_and_not_used() {
    let lineage = [5, 4, 3, 2, 1].map(|n| (format!("core/main/npm/{n}"), n * 10));
    let mut known: Vec<(&str, u64, u64)> = lineage.iter().map(|(key, age)| (key.as_str(), 1, *age)).collect();
    // A key of one segment is in no lineage; another lineage is none of this one's business.
    known.extend([
        ("alone", 1, 9),
        ("alone", 2, 8),
        ("alone", 3, 7),
        ("alone", 4, 6),
        ("core/main/pip/1", 1, 99),
    ]);
    let mut catalogue = catalogue(&known);
    let surplus = |catalogue: &Catalogue, wall, thrift, used: &str| {
        let is_used = |id: &ManifestId| catalogue.get(id).unwrap().certified.manifest().key.as_str() == used;
        let surplus = catalogue.surplus(wall, thrift, is_used).into_iter();
        let mut named: Vec<(String, u64, bool)> = surplus
            .map(|(id, newest)| (catalogue.get(&id).unwrap().certified.manifest(), newest))
            .map(|(manifest, newest)| (manifest.key.to_string(), manifest.sequence, newest))
            .collect();
        named.sort();
        named
    };
    let named = |names: &[(&str, u64)]| -> Vec<(String, u64, bool)> {
        names.iter().map(|(key, sequence)| ((*key).to_owned(), *sequence, false)).collect()
    };
    assert_eq!(surplus(&catalogue, WALL, Thrift::Expired, ""), []);
    let both = named(&[("alone", 1), ("core/main/npm/4", 1), ("core/main/npm/5", 1)]);
    assert_eq!(surplus(&catalogue, WALL, Thrift::Unused, ""), both);
    assert_eq!(surplus(&catalogue, WALL, Thrift::Unused, "core/main/npm/5"), both[..2]);
    let expired = surplus(&catalogue, later(3_600), Thrift::Expired, "alone");
    assert_eq!(expired.len(), 10, "what has expired goes, used or not");
    assert_eq!(
        expired.iter().filter(|(.., newest)| *newest).count(),
        3,
        "and it is told which were the newest"
    );

    // What was taken back is not one of the three; what was let go is not let go again.
    let id = catalogue.at(&"core/main/npm/2".parse().unwrap(), 1).unwrap();
    catalogue.get_mut(&id).unwrap().withdrawn = true;
    assert_eq!(surplus(&catalogue, WALL, Thrift::Unused, "alone"), named(&[("core/main/npm/5", 1)]));
    let id = catalogue.at(&"core/main/npm/5".parse().unwrap(), 1).unwrap();
    catalogue.get_mut(&id).unwrap().let_go = true;
    assert_eq!(surplus(&catalogue, WALL, Thrift::Unused, "alone"), []);
    let asked = query("core/main/npm/5", &["core/main/npm"]);
    let answered = answers(&catalogue.candidates(&asked, WALL));
    assert_eq!(
        answered.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(),
        ["core/main/npm/1", "core/main/npm/3", "core/main/npm/4"]
    );
    assert_eq!(catalogue.highest(&"core/main/npm/5".parse().unwrap()), Some(1), "its place is kept");
}
