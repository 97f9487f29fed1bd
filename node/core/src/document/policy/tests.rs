use super::*;
use crate::document::testing::{assert_golden, assert_refused, expires, pair, peer};
use crate::{DocumentError, Envelope};

fn root() -> Root {
    Root {
        pool: "ci".to_owned(),
        version: 1,
        expires: expires(),
        keys: vec![pair(1).public(), pair(2).public()],
        threshold: 2,
    }
}

fn seed(number: u8) -> Seed {
    Seed {
        peer: peer(number),
        addresses: vec![
            format!("10.0.0.{number}:4711"),
            format!("seed.example.org:{}", 4710 + u16::from(number)),
        ],
    }
}

fn publisher(number: u8) -> Publisher {
    Publisher {
        name: "gate".to_owned(),
        key: pair(number).public(),
        patterns: vec!["mediawiki%2Fcore/**".parse().unwrap()],
        byte_share: Some(1_000_000),
        pipelines: vec!["gate-and-submit".to_owned()],
        expires: expires(),
    }
}

fn issuer(number: u8) -> Issuer {
    Issuer { key: pair(number).public(), patterns: vec!["*/master/**".parse().unwrap()], grant_life_max: 900 }
}

fn network(cidr: &str, memberships: u32) -> Network {
    Network { cidr: cidr.parse().unwrap(), zone: "eqiad".to_owned(), memberships }
}

fn policy() -> Policy {
    Policy {
        pool: "ci".to_owned(),
        version: 3,
        expires: expires(),
        seeds: vec![seed(1)],
        write: 1,
        read: 1,
        faulty: 0,
        publishers: vec![publisher(3)],
        issuers: vec![issuer(4)],
        admission: vec![pair(5).public()],
        yank: vec![pair(6).public()],
        networks: vec![network("10.0.0.0/8", 1), network("10.64.0.0/16", 20)],
        manifest_life_max: 14 * 86_400,
        generations_max: 64,
        relayed_age_max: 300,
        strict_admission: true,
    }
}

#[test]
fn root_is_written_so() {
    let keys = [pair(1).public(), pair(2).public()];
    let json =
        r#"{"pool":"ci","version":1,"expires":"2026-11-10T09:05:00.000Z","keys":["K1","K2"],"threshold":2}"#;
    let json = json.replace("K1", &keys[0].to_string()).replace("K2", &keys[1].to_string());
    assert_golden(&root(), &json);
}

#[test]
fn policy_is_written_so() {
    let json = concat!(
        r#"{"pool":"ci","version":3,"expires":"2026-11-10T09:05:00.000Z","#,
        r#""seeds":[{"peer":"PEER1","addresses":["10.0.0.1:4711","seed.example.org:4711"]}],"#,
        r#""write":1,"read":1,"faulty":0,"#,
        r#""publishers":[{"name":"gate","key":"KEY3","patterns":["mediawiki%2Fcore/**"],"byte_share":1000000,"#,
        r#""pipelines":["gate-and-submit"],"expires":"2026-11-10T09:05:00.000Z"}],"#,
        r#""issuers":[{"key":"KEY4","patterns":["*/master/**"],"grant_life_max":900}],"#,
        r#""admission":["KEY5"],"yank":["KEY6"],"#,
        r#""networks":[{"cidr":"10.0.0.0/8","zone":"eqiad","memberships":1},"#,
        r#"{"cidr":"10.64.0.0/16","zone":"eqiad","memberships":20}],"#,
        r#""manifest_life_max":1209600,"generations_max":64,"relayed_age_max":300,"strict_admission":true}"#,
    );
    let json = (3..=6).fold(json.replace("PEER1", &peer(1).to_string()), |json, number| {
        json.replace(&format!("KEY{number}"), &pair(number).public().to_string())
    });
    assert_golden(&policy(), &json);
    let lax = Policy { strict_admission: false, ..policy() };
    let json = serde_json::to_string(&lax).unwrap();
    assert!(json.ends_with(r#""relayed_age_max":300}"#), "a policy from before that field reads so");
    assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), lax);
    let unbounded = Publisher { byte_share: None, ..publisher(3) };
    assert!(!serde_json::to_string(&unbounded).unwrap().contains("byte_share"));
    assert_eq!(
        serde_json::from_str::<Publisher>(&serde_json::to_string(&unbounded).unwrap()).unwrap(),
        unbounded
    );
}

#[test]
fn roots_that_nobody_could_sign_are_refused() {
    let twice = vec![pair(1).public(), pair(1).public()];
    let many = (0..17).map(|number| pair(number).public()).collect();
    assert_refused("pool", &Root { pool: "a b".to_owned(), ..root() });
    assert_refused("version", &Root { version: 0, ..root() });
    assert_refused("keys", &Root { keys: twice, ..root() });
    assert_refused("keys", &Root { keys: many, ..root() });
    assert_refused("threshold", &Root { keys: Vec::new(), ..root() });
    assert_refused("threshold", &Root { threshold: 0, ..root() });
    assert_refused("threshold", &Root { threshold: 3, ..root() });
}

fn with_quorums(seeds: u8, write: u32, read: u32, faulty: u32) -> Policy {
    Policy { seeds: (1..=seeds).map(seed).collect(), write, read, faulty, ..policy() }
}

#[test]
fn quorums_that_work_are_taken() {
    for (seeds, write, read, faulty) in [(1, 1, 1, 0), (2, 2, 1, 0), (3, 2, 2, 0), (4, 3, 3, 1), (7, 5, 5, 2)]
    {
        assert_eq!(
            with_quorums(seeds, write, read, faulty).check(),
            Ok(()),
            "{seeds} {write} {read} {faulty}"
        );
    }
}

#[test]
fn quorums_that_would_miss_a_publish_are_refused() {
    for (at, seeds, write, read, faulty) in [
        ("seeds", 0, 1, 1, 0),
        ("seeds", 17, 16, 16, 0),
        ("write", 1, 0, 1, 0),
        ("read", 1, 1, 0, 0),
        ("write", 1, 2, 1, 0),
        ("read", 3, 3, 4, 0),
        ("read", 3, 2, 1, 0),
        ("write", 4, 2, 4, 0),
        ("read", 4, 3, 2, 1),
        ("write", 4, 4, 3, 1),
        ("faulty", 1, 1, 1, 1),
        ("faulty", 3, 3, 3, u32::MAX),
        ("write", 3, u32::MAX, 1, 0),
        ("write", 3, 2, 2, 1),
    ] {
        let Err(DocumentError::Invalid { field, why }) = with_quorums(seeds, write, read, faulty).check()
        else {
            panic!("{seeds} seeds, write {write}, read {read}, faulty {faulty} is taken")
        };
        let read_or_write = at == "write" && field == "read";
        assert!(field == at || read_or_write, "{field} instead of {at}: {why}");
    }
    assert_eq!(
        with_quorums(3, 2, 1, 0).check().unwrap_err().to_string(),
        "read: read 1 + write 2 must be more than seeds 3 + faulty 0"
    );
}

/// What the inequalities are for: any `read` seeds have, besides liars, one in common with any `write` seeds, and so
/// have two sets of `write` seeds.
#[test]
fn quorums_overlap_in_an_honest_seed() {
    let of_five = |number: u32, place: u32| number / 5_u32.pow(place) % 5;
    let mut taken = 0;
    for number in 0..5_u32.pow(4) {
        let (seeds, faulty) = (of_five(number, 0) + 1, of_five(number, 1));
        let (write, read) = (of_five(number, 2) + 1, of_five(number, 3) + 1);
        if with_quorums(u8::try_from(seeds).unwrap(), write, read, faulty).check().is_ok() {
            taken += 1;
            assert!(write + faulty <= seeds && read + faulty <= seeds, "{seeds} {write} {read} {faulty}");
            assert!(write + read - seeds > faulty, "{seeds} {write} {read} {faulty}");
            assert!(2 * write - seeds > faulty, "{seeds} {write} {read} {faulty}");
        }
    }
    assert_eq!(taken, 30);
}

#[test]
fn lists_are_bounded_and_distinct() {
    let many = |count: u32| (0..count).map(|_| network("10.0.0.0/8", 1)).collect::<Vec<_>>();
    assert_refused("pool", &Policy { pool: String::new(), ..policy() });
    assert_refused("version", &Policy { version: 0, ..policy() });
    assert_refused("seeds", &Policy { seeds: vec![seed(1), seed(1)], ..policy() });
    assert_refused("publishers", &Policy { publishers: vec![publisher(1), publisher(1)], ..policy() });
    assert_refused("issuers", &Policy { issuers: vec![issuer(1), issuer(1)], ..policy() });
    assert_refused("admission", &Policy { admission: vec![pair(1).public(); 2], ..policy() });
    assert_refused("yank", &Policy { yank: vec![pair(1).public(); 2], ..policy() });
    assert_refused("networks", &Policy { networks: many(257), ..policy() });
    assert_refused("networks", &Policy { networks: vec![network("10.0.0.0/8", 0)], ..policy() });
    assert_refused("manifest_life_max", &Policy { manifest_life_max: 0, ..policy() });
    assert_refused("manifest_life_max", &Policy { manifest_life_max: 401 * 86_400, ..policy() });
    assert_refused("generations_max", &Policy { generations_max: 0, ..policy() });
    assert_refused("generations_max", &Policy { generations_max: 65, ..policy() });
    assert_refused("relayed_age_max", &Policy { relayed_age_max: 86_401, ..policy() });
}

#[test]
fn publishers_and_issuers_are_bounded() {
    let publishers = |publisher| Policy { publishers: vec![publisher], ..policy() };
    let issuers = |issuer| Policy { issuers: vec![issuer], ..policy() };
    let patterns = vec!["a".parse().unwrap(); 65];
    assert_refused("publishers", &publishers(Publisher { name: "a\n".to_owned(), ..publisher(1) }));
    assert_refused("publishers", &publishers(Publisher { name: "a".repeat(129), ..publisher(1) }));
    assert_refused("publishers", &publishers(Publisher { patterns: Vec::new(), ..publisher(1) }));
    assert_refused("publishers", &publishers(Publisher { patterns: patterns.clone(), ..publisher(1) }));
    assert_refused(
        "publishers",
        &publishers(Publisher { pipelines: vec!["\u{7}".to_owned()], ..publisher(1) }),
    );
    assert_refused(
        "publishers",
        &publishers(Publisher { pipelines: vec![String::new(); 65], ..publisher(1) }),
    );
    assert_refused("issuers", &issuers(Issuer { patterns, ..issuer(1) }));
    assert_refused("issuers", &issuers(Issuer { grant_life_max: 901, ..issuer(1) }));
    assert_refused("issuers", &issuers(Issuer { grant_life_max: 0, ..issuer(1) }));
}

#[test]
fn seeds_have_addresses() {
    let at = |addresses: &[&str]| {
        let addresses = addresses.iter().map(|&address| address.to_owned()).collect();
        Policy { seeds: vec![Seed { peer: peer(1), addresses }], ..policy() }
    };
    for address in [
        "10.0.0.1:4711",
        "[2001:db8::1]:1",
        "localhost:65535",
        "seed-1.ci.example.org:4711",
        "a_b:4711",
        "1.pool.4.example:1",
    ] {
        assert_eq!(at(&[address]).check(), Ok(()), "{address}");
    }
    for address in [
        "",
        "seed",
        "seed:",
        ":4711",
        "seed:0",
        "seed:65536",
        "seed:+1",
        "seed:4711 ",
        "se ed:4711",
        "2001:db8::1:4711",
        "[10.0.0.1]:4711",
        "[2001:db8::1:4711",
        "10.0.0:4711",
        "10.0.0.256:4711",
        "a..b:4711",
        "http://seed:4711",
        "\u{1b}:1",
    ] {
        assert_refused("seeds", &at(&[address]));
    }
    assert_refused("seeds", &at(&[&format!("{}:1", "a".repeat(64))]));
    assert_refused("seeds", &at(&[&format!("{}:1", "a.".repeat(150))]));
    assert_refused("seeds", &at(&[]));
    assert_refused("seeds", &at(&["a:1"; 9]));
}

#[test]
fn two_seeds_are_not_at_one_address() {
    let seeds = |first: &[&str], second: &[&str]| {
        let seed = |number, addresses: &[&str]| {
            let addresses = addresses.iter().map(|&address| address.to_owned()).collect();
            Seed { peer: peer(number), addresses }
        };
        Policy { seeds: vec![seed(1, first), seed(2, second)], write: 2, read: 2, ..policy() }
    };
    assert_eq!(seeds(&["a.example:1", "10.0.0.1:1"], &["a.example:2", "10.0.0.1:2"]).check(), Ok(()));
    assert_eq!(seeds(&["a.example:1", "A.example:1"], &["b.example:1"]).check(), Ok(()), "one seed's own");
    for (first, second) in [
        (&["a.example:1"][..], &["a.example:1"][..]),
        (&["b.example:1", "a.example:1"], &["c.example:1", "A.Example:1"]),
        (&["10.0.0.1:4480"], &["10.0.0.1:04480"]),
        (&["[2001:db8::1]:1"], &["[2001:db8:0::1]:1"]),
        (&["10.0.0.1:1"], &["[::ffff:10.0.0.1]:1"]),
    ] {
        assert_refused("seeds", &seeds(first, second));
    }
    let why = seeds(&["a.example:1"], &["a.example:1"]).check().unwrap_err().to_string();
    assert!(why.contains("two seeds are at a.example:1"), "{why}");
}

#[test]
fn a_network_that_does_not_parse_is_named() {
    let json = serde_json::to_string(&policy()).unwrap().replace("10.64.0.0/16", "10.64.0.1/16");
    let envelope = Envelope { payload: json.into_bytes(), ..Envelope::unsigned(&policy()) };
    let why = envelope.body::<Policy>().unwrap_err().to_string();
    assert!(why.contains("10.64.0.1/16 has bits set behind its prefix: did you mean 10.64.0.0/16?"), "{why}");
}

#[test]
fn what_may_be_dialled() {
    let policy = Policy {
        seeds: vec![Seed {
            peer: peer(1),
            addresses: vec![
                "127.0.0.1:4711".to_owned(),
                "[::1]:4711".to_owned(),
                "seed.example.org:1".to_owned(),
            ],
        }],
        networks: vec![network("0.0.0.0/0", 1), network("127.1.0.0/16", 1)],
        ..policy()
    };
    for address in ["8.8.8.8", "::ffff:8.8.8.8", "127.0.0.1", "::ffff:127.0.0.1", "::1", "127.1.2.3"] {
        assert!(policy.may_dial(&address.parse().unwrap()), "{address}");
    }
    for address in ["127.0.0.2", "169.254.169.254", "::ffff:169.254.169.254", "::2", "2001:db8::1", "0.0.0.0"]
    {
        assert!(!policy.may_dial(&address.parse().unwrap()), "{address}");
    }
}

#[test]
fn the_narrowest_network_says_how_many_share_an_address() {
    let at = |address: &str| policy().memberships_at(&address.parse().unwrap());
    assert_eq!(at("10.1.2.3"), 1);
    assert_eq!(at("10.64.2.3"), 20);
    assert_eq!(at("::ffff:10.64.2.3"), 20);
    assert_eq!(at("192.0.2.1"), 1);
    let reversed = Policy { networks: policy().networks.into_iter().rev().collect(), ..policy() };
    assert_eq!(reversed.memberships_at(&"10.64.2.3".parse().unwrap()), 20);
    assert_eq!(policy().network_of(&"192.0.2.1".parse().unwrap()), None);
    assert_eq!(policy().network_of(&"10.1.2.3".parse().unwrap()).unwrap().zone, "eqiad");
}
