//! The runbook, followed to the letter on machines with systemd: from the package alone, in fresh systems.

mod faults;
mod page;
mod site;

use site::Site;

/// What the page cannot say: what goes wrong on a site between its parts.
fn before(site: &Site, block: &page::Block) {
    if block.part == "Seed full" && block.script.contains("usage") {
        faults::a_seed_fills_up(site);
    }
    if block.part == "Seed lost" && block.places[0] == "seed-2" && block.script.contains("restart") {
        faults::a_snapshot_is_put_back(site);
        site.follow(block);
        faults::the_snapshot_was_noticed(site);
        site.run("seed-2", "systemctl stop pollux-seed; rm -rf /var/lib/pollux/*");
    }
    if block.script.contains("recover --accept-loss") {
        faults::a_lone_seed_without_its_disk_says_so(site);
    }
}

/// What an operator would look at once a part is done.
fn after(site: &Site, part: &str) {
    match part {
        "First day" => {
            values_are_plausible(site);
            faults::little_is_exposed(site);
            faults::daemons_come_back(site);
            faults::what_does_not_mend_is_said_once(site);
            faults::what_may_mend_is_tried_again(site);
        }
        "Bad publish" => {
            assert_eq!(site.metric("seed", "pollux_yanks").to_bits(), 1_f64.to_bits());
        }
        "Seed full" => faults::a_seed_has_room_again(site),
        "Second region, or a second seed" => {
            assert!(site.metric("office", "pollux_policy_seeds") > 1.5);
            faults::a_snapshot_is_taken(site);
        }
        // A network, two seeds, one again, a publisher more, one less, a root, a year more.
        "Key rotation" => assert!(site.metric("instance", "pollux_policy_version") > 7.5),
        _ => {}
    }
}

/// What the dashboard shows after one miss, one save and one hit.
fn values_are_plausible(site: &Site) {
    for (place, name) in [
        ("instance", "pollux_hits_total"),
        ("instance", "pollux_misses_total"),
        ("instance", "pollux_delivered_bytes_total"),
        ("instance", "pollux_joined"),
        ("office", "pollux_publishes_total"),
        ("seed", "pollux_receipts_total"),
        ("seed", "pollux_seed_signing"),
        ("seed", "pollux_store_bytes"),
        ("seed", "pollux_lineage_newest_save_timestamp_seconds"),
    ] {
        assert!(site.metric(place, name) >= 1.0, "{place}: {name}");
    }
    assert!(site.metric("seed", "pollux_connected_members") > 1.5, "office and instance");
}

#[test]
fn the_runbook_is_followed_on_machines_with_systemd() {
    let Some(site) = Site::open("the runbook") else { return };
    let mut part = String::new();
    for block in page::blocks() {
        if part != block.part {
            after(&site, &part);
            part.clone_from(&block.part);
        }
        before(&site, &block);
        site.follow(&block);
    }
}
