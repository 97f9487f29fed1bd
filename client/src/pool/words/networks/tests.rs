use super::*;
use crate::pool::network;
use crate::pool::testing::Scene;

/// The policy of a pool with a seed at 192.0.2.1, and these networks.
fn policy(networks: &[&str]) -> Policy {
    let networks = networks.iter().map(|text| network(text).unwrap()).collect();
    Policy { networks, ..Scene::new(1).pool().policy().clone() }
}

fn said(before: &[&str], after: &[&str]) -> String {
    of_networks(&policy(before), &policy(after)).join("\n")
}

#[test]
fn what_stays_is_not_said() {
    assert_eq!(said(&["10.0.0.0/8=a"], &["10.0.0.0/8=a"]), "");
    assert_eq!(said(&[], &[]), "");
    assert_eq!(said(&[], &["10.0.0.0/8=a"]), "adds the network 10.0.0.0/8, zone a, 1 members per address");
}

#[test]
fn of_networks_that_overlap_the_narrower_one_counts() {
    let inner = said(&["10.0.0.0/8=a"], &["10.0.0.0/8=a", "10.2.0.0/16=b"]);
    assert_eq!(
        inner,
        "adds the network 10.2.0.0/16, zone b, 1 members per address; it lies in 10.0.0.0/8, zone a, 1 members per \
         address, and counts there in its place"
    );
    let outer = said(&["10.2.0.0/16"], &["10.2.0.0/16", "10.0.0.0/8=a"]);
    assert!(outer.ends_with("; in it lies 10.2.0.0/16, 1 members per address, which goes on counting there"));
    for beside in ["11.0.0.0/8=b", "10.2.0.0/16=a", "fd00::/8=b"] {
        let text = said(&["10.0.0.0/8=a"], &["10.0.0.0/8=a", beside]);
        assert!(!text.contains("lies"), "{text}");
    }
}

#[test]
fn as_many_members_as_the_narrower_one_says_are_let_in() {
    let before = policy(&["10.0.0.0/8"]);
    let mut after = policy(&["10.0.0.0/8", "10.2.0.0/16"]);
    after.networks[1].memberships = 9;
    let text = of_networks(&before, &after).join("\n");
    assert!(text.contains("10.2.0.0/16, 9 members per address; it lies in 10.0.0.0/8, 1 members"), "{text}");
}

#[test]
fn where_a_network_goes_the_narrowest_around_it_counts() {
    let wide = ["0.0.0.0/0", "10.2.0.0/16=b", "10.0.0.0/8=a", "fd00::/8"];
    let text = said(&[&wide[..], &["10.2.3.0/24=c"]].concat(), &wide);
    assert_eq!(
        text,
        "removes the network 10.2.3.0/24, zone c, 1 members per address; for its addresses 10.2.0.0/16, zone b, 1 \
         members per address counts now"
    );
}

#[test]
fn members_that_nobody_dials_any_more_are_told_of() {
    let text = said(&["10.0.0.0/8", "10.2.0.0/16"], &["10.2.0.0/16"]);
    assert!(text.contains("members there that no other network has are dialled NO MORE"), "{text}");
    assert!(!text.contains("seed"), "{text}");
}

#[test]
fn a_seed_in_a_network_that_goes_is_told_of() {
    let lies = "at 192.0.2.1:4480 LIES IN IT: that one is dialled as before";
    let text = said(&["192.0.2.0/24", "10.0.0.0/8"], &["10.0.0.0/8"]);
    assert!(text.contains(lies), "{text}");
    let text = said(&["192.0.2.0/24", "192.0.0.0/16"], &["192.0.0.0/16"]);
    assert!(
        !text.contains("seed") && text.contains("192.0.0.0/16, 1 members per address counts now"),
        "{text}"
    );
}

#[test]
fn a_seed_lies_where_its_literal_addresses_are() {
    let mut seed = policy(&[]).seeds[0].clone();
    let found = |seed: &Seed, cidr: &str| lies_in(seed, &network(cidr).unwrap());
    seed.addresses = vec!["seed.example:1".to_owned(), "[2001:db8::1]:1".to_owned()];
    assert!(found(&seed, "2001:db8::/32") && !found(&seed, "0.0.0.0/0"));
    // One machine, whichever way it is written.
    seed.addresses = vec!["[::ffff:192.0.2.1]:1".to_owned()];
    assert!(found(&seed, "192.0.2.0/24"));
}

#[test]
fn without_any_network_seeds_only_are_dialled() {
    let text = said(&["10.0.0.0/8"], &[]);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("\nNO network is left: members dial nobody but the seeds"), "{text}");
}

#[test]
fn one_that_changes_goes_and_comes() {
    assert_eq!(
        said(&["10.0.0.0/8=a"], &["10.0.0.0/8=b"]),
        "removes the network 10.0.0.0/8, zone a, 1 members per address\n\
         adds the network 10.0.0.0/8, zone b, 1 members per address"
    );
}
