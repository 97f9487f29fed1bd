use super::*;
use crate::belief::fixture::{Pool, WALL, grant, issuer, key_pair, later, node, under, yank, yank_envelope};
use crate::limits::{LOG_LINE_BYTES_MAX, PROVENANCE_BYTES_MAX, YANK_MANIFESTS_MAX};
use crate::message::{LogKinds, LogQuery, OfferRefusal};
use crate::{CertifiedManifest, Digest, Envelope, Manifest, ManifestId, Provenance, Timestamp, Yank, Yanked};

fn id(number: u8) -> ManifestId {
    ManifestId::from_bytes([number; 32])
}

fn provenance() -> Provenance {
    Provenance { ci: "zuul".to_owned(), build: "b1".to_owned(), ..Provenance::default() }
}

fn manifest(pool: &Pool, key: &str) -> Manifest {
    Manifest { provenance: provenance(), ancestors: vec![id(0xcd)], generation: 2, ..pool.manifest(key, 7) }
}

fn certified(pool: &Pool, manifest: &Manifest) -> CertifiedManifest {
    pool.trust().certify(&pool.certified(manifest), WALL).unwrap()
}

fn publish_of(entry: &LogEntry) -> &LoggedPublish {
    let Logged::Published(publish) = &entry.what else { panic!("{entry:?}") };
    publish
}

fn logged_yank(yank: Yank) -> LoggedYank {
    LoggedYank { id: Digest::from_bytes([0xee; 32]), yank }
}

fn entry(what: Logged) -> LogEntry {
    LogEntry { time: WALL, what }
}

/// A line is written so, and read from that, also by a reader that finds more in it than it knows.
fn assert_golden(entry: &LogEntry, json: &str) {
    let line = entry.to_line().unwrap();
    assert_eq!(line.as_str(), json);
    assert_eq!(LogEntry::from_line(json).as_ref(), Some(entry));
    let newer = json.replacen('{', r#"{"from_the_future":{"a":[1]},"#, 1);
    assert_eq!(LogEntry::from_line(&newer).as_ref(), Some(entry));
}

const TIME: &str = "2026-11-03T09:05:00.000Z";

#[test]
fn a_publish_is_written_so() {
    let pool = Pool::new(1);
    let entry = LogEntry::published(WALL, &certified(&pool, &manifest(&pool, "core/main/npm/1")));
    let json = r#"{"time":"TIME","what":"published","manifest":"ID","key":"core/main/npm/1","sequence":7,"published":"TIME","created":"2026-11-03T08:55:00.000Z","expires":"2026-11-03T10:05:00.000Z","publisher":"gate","signer":"KEY","bytes":0,"files":0,"generation":2,"ancestors":["CD"],"provenance":{"ci":"zuul","build":"b1"}}"#;
    let json = json.replace("ID", &publish_of(&entry).manifest.to_string()).replace("CD", &"cd".repeat(32));
    let json = json.replace("KEY", &pool.publisher.public().to_string()).replace("TIME", TIME);
    assert_golden(&entry, &json);
}

#[test]
fn a_publish_under_a_grant_names_it() {
    let pool = Pool::new(1);
    let (grant, key) = (grant(), "core/main/npm/1");
    let manifest = Manifest { provenance: grant.provenance.clone(), ..pool.manifest(key, 1) };
    let envelope = under(&grant, &manifest);
    let certified = pool.trust().certify(&pool.with_receipts(envelope, &[WALL]), WALL).unwrap();
    let entry = LogEntry::published(WALL, &certified);
    let publish = publish_of(&entry);
    let expected = LoggedGrant { serial: grant.serial.clone(), issuer: issuer().public() };
    assert_eq!((publish.grant.as_ref(), publish.signer), (Some(&expected), grant.key));
    let json = entry.to_line().unwrap();
    let part = format!(r#""grant":{{"serial":"{}","issuer":"{}"}}"#, grant.serial, issuer().public());
    assert!(json.as_str().contains(&part), "{}", json.as_str());
    assert_eq!(LogEntry::from_line(json.as_str()), Some(entry));
}

#[test]
fn a_refusal_is_written_so() {
    let pool = Pool::new(1);
    let offered = Envelope::sign(&manifest(&pool, "core/main/npm/1"), &key_pair(50));
    let refusal = LoggedRefusal::of(node(1), &offered, OfferRefusal::NotBelieved, Some("a\u{7} stranger"));
    let what = entry(Logged::Refused(Box::new(LoggedRefusal { unlogged: 3, ..refusal })));
    let json = r#"{"time":"TIME","what":"refused","manifest":"ID","from":"PEER","why":"not-believed","words":"a stranger","key":"core/main/npm/1","sequence":7,"provenance":{"ci":"zuul","build":"b1"},"unlogged":3}"#;
    let json = json.replace("ID", &offered.id().to_string()).replace("PEER", &node(1).to_string());
    assert_golden(&what, &json.replace("TIME", TIME));

    let junk = Envelope { payload: b"{}".to_vec(), ..offered };
    let what = entry(Logged::Refused(Box::new(LoggedRefusal::of(node(1), &junk, OfferRefusal::Full, None))));
    let json = r#"{"time":"TIME","what":"refused","manifest":"ID","from":"PEER","why":"full","words":"the seed's disk is full"}"#;
    let json = json.replace("ID", &junk.id().to_string()).replace("PEER", &node(1).to_string());
    assert_golden(&what, &json.replace("TIME", TIME));

    let over = LoggedRefusal::of(node(1), &junk, OfferRefusal::ShareFull, None);
    let json = entry(Logged::Refused(Box::new(over))).to_line().unwrap();
    assert!(
        json.as_str().contains(r#""why":"share-full","words":"the publisher's share"#),
        "{}",
        json.as_str()
    );
}

#[test]
fn a_yank_and_a_policy_are_written_so() {
    let pool = Pool::new(1);
    let yank = Yank { reason: "stale".to_owned(), ..yank("y-1", Yanked::Manifest(id(0xab))) };
    let verified = pool.trust().verify_yank(&yank_envelope(&yank), WALL).unwrap();
    let json = r#"{"time":"TIME","what":"yanked","id":"ID","yank":{"pool":"fixture","serial":"y-1","what":{"manifest":"AB"},"reason":"stale","cascade":CASCADE,"time":"MADE"}}"#;
    let json = json.replace("ID", &verified.id().to_string()).replace("AB", &"ab".repeat(32));
    let json = json.replace("CASCADE", &yank.cascade.to_string()).replace("MADE", &yank.time.to_string());
    assert_golden(&LogEntry::yanked(WALL, &verified), &json.replace("TIME", TIME));

    let policy = LoggedPolicy { root: 1, policy: 3, digest: Digest::from_bytes([0xef; 32]) };
    let json =
        format!(r#"{{"time":"{TIME}","what":"policy","root":1,"policy":3,"digest":"{}"}}"#, "ef".repeat(32));
    assert_golden(&entry(Logged::Policy(policy)), &json);
}

#[test]
fn what_was_not_logged_one_by_one_is_written_so() {
    let more = LoggedMore { address: Some([192, 0, 2, 7].into()), count: 12, since: WALL };
    let json = r#"{"time":"TIME","what":"more-refused","address":"192.0.2.7","count":12,"since":"TIME"}"#;
    assert_golden(&entry(Logged::MoreRefused(more)), &json.replace("TIME", TIME));
    let json = r#"{"time":"TIME","what":"more-refused","count":12,"since":"TIME"}"#;
    let what = Logged::MoreRefused(LoggedMore { address: None, ..more });
    assert_golden(&entry(what), &json.replace("TIME", TIME));
}

#[test]
fn damaged_lines_and_those_of_a_newer_kind_are_none() {
    for line in ["", "{}", "null", "{\"time\":", r#"{"time":"2026-11-03T09:05:00Z","what":"weather"}"#] {
        assert_eq!(LogEntry::from_line(line), None, "{line}");
    }
}

#[test]
fn the_largest_entries_fit_a_line() {
    let pool = Pool::new(1);
    let text = |bytes: usize| "\"".repeat(bytes);
    let long = text(PROVENANCE_BYTES_MAX);
    let provenance = Provenance {
        ci: long.clone(),
        tenant: long.clone(),
        pipeline: long.clone(),
        project: long.clone(),
        r#ref: long.clone(),
        change: long.clone(),
        commit: long.clone(),
        job: long.clone(),
        build: long.clone(),
        builder_image: long.clone(),
    };
    let key = format!("core/{}", "k".repeat(251));
    let ancestors = (0..64).map(id).collect();
    let manifest = Manifest { provenance, ancestors, ..pool.manifest(&key, u64::MAX) };
    let certified = certified(&pool, &manifest);
    let mut publish = publish_of(&LogEntry::published(Timestamp::MAX, &certified)).clone();
    publish.publisher = text(128);
    publish.grant = Some(LoggedGrant { serial: text(128), issuer: publish.signer });
    assert!(entry(Logged::Published(Box::new(publish))).to_line().is_some());
    let words = text(4 * PROVENANCE_BYTES_MAX);
    let refusal =
        LoggedRefusal::of(node(1), &pool.sign(&manifest), OfferRefusal::NotBelieved, Some(words.as_str()));
    assert!(entry(Logged::Refused(Box::new(refusal))).to_line().is_some());
    let what = Yanked::Build { ci: long.clone(), build: long.clone() };
    let manifests = (0..YANK_MANIFESTS_MAX).map(|n| id(u8::try_from(n).unwrap())).collect();
    let yank = Yank { reason: long, manifests, ..yank(&text(128), what) };
    let line = entry(Logged::Yanked(Box::new(logged_yank(yank)))).to_line().unwrap();
    assert!(line.as_str().len() < LOG_LINE_BYTES_MAX / 2);
}

/// What core's trust says of the manifest itself, and what the log says of its line, is the same.
#[test]
fn a_yank_takes_of_the_log_what_it_takes_of_the_pool() {
    let pool = Pool::new(1);
    let manifest = manifest(&pool, "core/main/npm/1");
    let certified = certified(&pool, &manifest);
    let entry = LogEntry::published(WALL, &certified);
    let pattern = |text: &str, before| Yanked::Pattern { pattern: text.parse().unwrap(), before };
    let build = |ci: &str, build: &str| Yanked::Build { ci: ci.to_owned(), build: build.to_owned() };
    let whats = [
        Yanked::Manifest(certified.id()),
        Yanked::Manifest(id(0xcd)),
        Yanked::Manifest(id(0xab)),
        Yanked::Grant("g-1".to_owned()),
        Yanked::Publisher(pool.publisher.public()),
        Yanked::Publisher(issuer().public()),
        build("zuul", "b1"),
        build("zuul", "b2"),
        pattern("core/**", later(1)),
        pattern("core/**", WALL),
        pattern("other/**", later(1)),
    ];
    let (mut taken, mut left) = (0, 0);
    for what in whats {
        for (cascade, manifests) in [(false, vec![]), (true, vec![]), (true, vec![id(0xcd)])] {
            let yank = Yank { cascade, manifests, ..yank("y-1", what.clone()) };
            let trust = pool.trust().hear(&[yank_envelope(&yank)], WALL);
            let ours = logged_yank(yank).takes(publish_of(&entry));
            assert_eq!(ours.is_some(), trust.yanked(&certified, WALL).is_some(), "{what:?} {cascade}");
            (taken, left) = if ours.is_some() { (taken + 1, left) } else { (taken, left + 1) };
        }
    }
    assert!(taken >= 15 && left >= 10, "{taken} {left}");
}

#[test]
fn a_yank_takes_what_was_made_from_what_it_names() {
    let pool = Pool::new(1);
    let entry = LogEntry::published(WALL, &certified(&pool, &manifest(&pool, "core/main/npm/1")));
    let takes = |cascade| {
        let yank = Yank { cascade, ..yank("y-1", Yanked::Manifest(id(0xcd))) };
        logged_yank(yank).takes(publish_of(&entry))
    };
    assert_eq!(takes(true), Some(Taking::Ancestor(id(0xcd))));
    assert_eq!(takes(false), None);
}

/// Published, refused, yanked, policy, more refused.
fn one_of_each(pool: &Pool) -> [LogEntry; 5] {
    let manifest = manifest(pool, "core/main/npm/1");
    let refusal = LoggedRefusal::of(node(1), &pool.sign(&manifest), OfferRefusal::Conflict, None);
    let policy = LoggedPolicy { root: 1, policy: 3, digest: Digest::from_bytes([0xef; 32]) };
    [
        LogEntry::published(WALL, &certified(pool, &manifest)),
        entry(Logged::Refused(Box::new(refusal))),
        entry(Logged::Yanked(Box::new(logged_yank(yank("y-1", Yanked::Grant("g".to_owned())))))),
        entry(Logged::Policy(policy)),
        entry(Logged::MoreRefused(LoggedMore { address: None, count: 2, since: WALL })),
    ]
}

#[test]
fn a_question_is_answered_by_these_lines() {
    let pool = Pool::new(1);
    let entries = one_of_each(&pool);
    let answers = |query: &LogQuery| entries.each_ref().map(|entry| entry.answers(query));
    let all = LogQuery::default();
    assert_eq!(answers(&all), [true; 5]);
    let refused = LogQuery { kinds: LogKinds::Refused, ..all.clone() };
    assert_eq!(answers(&refused), [false, true, false, false, true]);
    let pattern = |text: &str| LogQuery { pattern: Some(text.parse().unwrap()), ..all.clone() };
    assert_eq!(answers(&pattern("core/**")), [true, true, true, false, false]);
    assert_eq!(answers(&pattern("core/other/**")), [false, false, true, false, false]);
    let derived = |digits: &str| LogQuery { derived_from: Some(digits.to_owned()), ..all.clone() };
    assert_eq!(answers(&derived("cdcd")), [true, false, true, false, false]);
    assert_eq!(
        answers(&derived(&publish_of(&entries[0]).manifest.to_string())),
        [true, false, true, false, false]
    );
    assert_eq!(answers(&derived("cdce")), [false, false, true, false, false]);
    let since = |time| LogQuery { since: Some(time), ..all.clone() };
    assert_eq!(answers(&since(WALL)), [true; 5]);
    assert_eq!(answers(&since(later(1))), [false; 5]);
}
