use super::*;
use crate::protocol::{Ending, PoolEnd, SeedStatus};
use pollux_core::engine::{EngineStatus, Silence};
use pollux_core::message::Refusal;
use pollux_core::{KeyPair, PeerId};

const SOFTWARE: &str = "pollux 0.1.0";
const NOW: Timestamp = Timestamp::from_millis(1_793_696_700_000);

fn seed(number: u8) -> SeedStatus {
    SeedStatus {
        peer: PeerId::new(KeyPair::from_seed([number; 32]).public()),
        addresses: vec![format!("192.0.2.{number}:4480")],
        is_self: false,
        connected: true,
        admits: true,
        software: "pollux-node 0.1.0".to_owned(),
        policy_version: Some(6),
        agrees: Some(true),
        clock_ahead_ms: Some(20),
        clock_heard_ms: Some(1),
    }
}

/// A node of which all is well.
pub(super) struct Node {
    pub(super) status: NodeStatus,
    pub(super) more: Further,
}

impl Node {
    pub(super) fn new() -> Self {
        let engine =
            EngineStatus { joined: true, seeds_connected: 3, seeds_total: 3, ..EngineStatus::default() };
        let status = NodeStatus {
            software: "pollux-node 0.1.0".to_owned(),
            pool: "ci".to_owned(),
            peer: "12D3".to_owned(),
            role: "node".to_owned(),
            uptime_seconds: 61,
            engine,
            store_chunks: 5,
            store_bytes: 10,
            store_bytes_max: 100,
            disk_free_bytes: 1 << 40,
            policy_version: 6,
            policy_expires_ms: NOW.as_millis() + 1,
        };
        let more = Further {
            membership_left_ms: Some(600_000),
            seeds: vec![seed(1), seed(2), seed(3)],
            store_free_bytes_min: 1 << 31,
            ..Further::default()
        };
        Self { status, more }
    }

    fn checks(&self) -> Vec<Check> {
        checks(&self.status, Some(&self.more), SOFTWARE, NOW)
    }

    /// The one thing that is not well.
    fn trouble(&self) -> Check {
        let mut found: Vec<Check> =
            self.checks().into_iter().filter(|check| check.level != Level::Ok).collect();
        assert_eq!(found.len(), 1, "{found:#?}");
        let found = found.remove(0);
        assert!(found.todo.is_some(), "it says what to do: {found:?}");
        found
    }
}

/// The node with one thing changed, and what is said of it.
fn changed(change: impl FnOnce(&mut Node)) -> Check {
    let mut node = Node::new();
    change(&mut node);
    node.trouble()
}

pub(super) fn words(check: &Check) -> String {
    format!(
        "{} {} {}",
        check.what,
        check.why.as_deref().unwrap_or_default(),
        check.todo.as_deref().unwrap_or_default()
    )
}

#[test]
fn where_all_is_well_nothing_has_to_be_done() {
    let all = Node::new().checks();
    assert!(all.iter().all(|check| check.level == Level::Ok && check.todo.is_none()), "{all:#?}");
    let names: Vec<&str> = all.iter().map(|check| check.check).collect();
    assert_eq!(names, ["version", "clock", "membership", "seeds", "agreement", "store", "ends"]);
}

#[test]
fn another_release_is_named() {
    let check = changed(|node| node.status.software = "pollux-node 0.2.0".to_owned());
    assert_eq!((check.check, check.level), ("version", Level::Warning));
    let node = Node::new();
    let old = checks(&node.status, None, SOFTWARE, NOW);
    assert!(words(&old[0]).contains("older version of the socket protocol"), "{old:?}");
    assert!(old.iter().skip(1).all(|check| check.level == Level::Ok), "{old:?}");
}

#[test]
fn clock_an_hour_off() {
    let all_ahead =
        |ms: i64| changed(|node| node.more.seeds.iter_mut().for_each(|seed| seed.clock_ahead_ms = Some(ms)));
    let behind = all_ahead(3_600_000);
    assert_eq!((behind.check, behind.level), ("clock", Level::Wrong));
    assert!(behind.what.contains("60 min behind that of the seeds"), "{behind:?}");
    assert!(all_ahead(-7_200_000).what.contains("2 h ahead of"));
    assert_eq!(all_ahead(60_000).level, Level::Warning);
    assert!(seeds::clock(&[]).what.contains("no seed has told"));
}

#[test]
fn a_seed_whose_clock_is_not_as_that_of_the_others_is_named() {
    let one = |ms: i64| changed(|node| node.more.seeds[0].clock_ahead_ms = Some(ms));
    for (ms, words) in [(9_000_000, "at 192.0.2.1:4480 is 2 h ahead"), (-3_600_000, "is 60 min behind")] {
        let check = one(ms);
        assert_eq!((check.check, check.level), ("clock", Level::Warning), "it alone is wrong");
        assert!(check.what.contains(words) && !check.what.contains("192.0.2.2"), "{check:?}");
    }
    let of_two = changed(|node| {
        node.more.seeds[0].clock_ahead_ms = Some(3_600_000);
        node.more.seeds.truncate(2);
    });
    assert!(of_two.what.contains("192.0.2.1:4480 is 60 min ahead"), "{of_two:?}");
    let mut node = Node::new();
    node.more.seeds[0].clock_ahead_ms = Some(29_000);
    assert!(node.checks().iter().all(|check| check.level == Level::Ok), "nothing is refused for so little");
}

#[test]
fn every_refusal_has_a_remedy_of_its_own() {
    let table = [
        (Refusal::BadToken, "present pool.json"),
        (Refusal::TokenExpired, "pollux pool token"),
        (Refusal::OtherPool, "pool.json of the pool"),
        (Refusal::AddressFull, "NAT"),
        (Refusal::NotASeed, "add-seed"),
        (Refusal::Full, "another seed"),
        (Refusal::NotByToken, "pollux pool admit"),
    ];
    for (why, remedy) in table {
        let check = changed(|node| {
            (node.status.engine.joined, node.status.engine.refused) = (false, Some(why));
        });
        assert_eq!((check.check, check.level), ("membership", Level::Wrong));
        assert!(words(&check).contains(&why.to_string()) && words(&check).contains(remedy), "{check:?}");
    }
}

#[test]
fn a_membership_that_is_not_believed_or_not_there_is_told_apart() {
    let check = changed(|node| {
        node.status.engine.joined = false;
        node.more.unwelcome = Some("it expired\u{202e} 45 min ago".to_owned());
    });
    assert!(
        words(&check).contains("it expired\\u{202e} 45 min ago") && words(&check).contains("clock"),
        "{check:?}"
    );
    let check = changed(|node| node.status.engine.joined = false);
    assert!(words(&check).contains("none has answered yet"), "{check:?}");
}

#[test]
fn what_a_seed_refused_is_counted_and_nat_is_named() {
    let check = changed(|node| {
        node.status.engine.refusals = [("bad-token".to_owned(), 2), ("address-full".to_owned(), 9)].into();
    });
    assert!(
        check.what.ends_with("9 address-full, 2 bad-token") && words(&check).contains("NAT"),
        "{check:?}"
    );
    let check = changed(|node| node.status.engine.refusals = [("bad-token".to_owned(), 2)].into());
    assert!(!words(&check).contains("NAT"));
}

#[test]
fn a_seed_that_does_not_answer_is_named_with_its_address() {
    let check = changed(|node| {
        node.status.engine.seeds_connected = 2;
        node.more.seeds[1].connected = false;
    });
    assert_eq!((check.check, check.level), ("seeds", Level::Wrong));
    assert!(check.what.contains("at 192.0.2.2:4480") && !check.what.contains("192.0.2.1"), "{check:?}");
}

#[test]
fn a_seed_that_goes_by_other_papers_is_named() {
    let check = changed(|node| {
        (node.more.seeds[2].agrees, node.more.seeds[2].policy_version) = (Some(false), Some(5));
    });
    assert_eq!((check.check, check.level), ("agreement", Level::Warning));
    assert!(check.what.contains("(policy 6, 0 yanks)") && check.what.ends_with("(policy 5)"), "{check:?}");
}

#[test]
fn a_seed_that_knows_other_yanks_only_is_told_apart() {
    let check = changed(|node| node.more.seeds[2].agrees = Some(false));
    assert_eq!((check.check, check.level), ("agreement", Level::Warning));
    assert!(check.what.ends_with("(policy 6): other yanks"), "{check:?}");
    assert!(words(&check).contains("hand seeds the yanks that these lack"), "{check:?}");
}

#[test]
fn a_silent_seed_says_why() {
    for why in [Silence::NoMarker, Silence::Unsure, Silence::RolledBack] {
        let check = changed(|node| {
            node.status.role = "seed".to_owned();
            node.status.engine.silent = Some(why);
        });
        assert_eq!((check.check, check.level), ("signing", Level::Wrong));
        assert_eq!(check.why, Some(why.to_string()));
    }
}

#[test]
fn full_disk() {
    let check = changed(|node| node.status.disk_free_bytes = 1 << 31);
    assert_eq!((check.check, check.level), ("store", Level::Wrong));
    assert!(
        words(&check).contains("the disk is full") && words(&check).contains("2.00 GiB free"),
        "{check:?}"
    );
    let check = changed(|node| node.more.store_broken = true);
    assert!(check.what.contains("its disk has failed"), "{check:?}");
}

#[test]
fn a_seed_warns_at_eighty_percent_and_refuses_at_ninety_five() {
    let filled = |bytes: u64| {
        changed(|node| (node.status.role, node.status.store_bytes) = ("seed".to_owned(), bytes)).level
    };
    assert_eq!((filled(80), filled(94), filled(95)), (Level::Warning, Level::Warning, Level::Wrong));
    let mut node = Node::new();
    node.status.store_bytes = 99;
    assert!(node.checks().iter().all(|check| check.level == Level::Ok), "a node's store is swept");
}

#[test]
fn what_ends_soon_is_a_warning_and_what_has_ended_is_wrong() {
    let ends_in = |ms: i64| {
        let expires_ms = NOW.as_millis().saturating_add_signed(ms);
        changed(|node| node.more.ends = vec![PoolEnd { what: Ending::Token, name: None, expires_ms }])
    };
    let soon = ends_in(86_400_000);
    assert_eq!((soon.check, soon.level), ("ends", Level::Warning));
    assert!(soon.todo.unwrap().contains("pollux pool token"));
    assert_eq!(ends_in(-1).level, Level::Wrong);
}

#[test]
fn banned_peers_are_a_warning() {
    let check = changed(|node| (node.status.engine.banned, node.status.engine.junk_chunks) = (2, 7));
    assert!(check.what.contains("2 peers") && check.what.contains("7 wrong chunks"), "{check:?}");
}
