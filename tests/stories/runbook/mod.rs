//! The runbook, followed to the letter on machines with systemd: from the package alone, in fresh systems.

mod faults;
mod page;
mod site;

use site::Site;

/// What the page cannot say: what goes wrong on a site between its parts.
fn before(site: &Site, block: &page::Block) {
    if block.part == "Seed lost" && block.places[0] == "seed-2" && block.script.contains("restart") {
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
            faults::little_is_exposed(site);
            faults::daemons_come_back(site);
            faults::what_does_not_mend_is_said_once(site);
            faults::what_may_mend_is_tried_again(site);
        }
        "Bad publish" => {
            assert!(!site.metric("seed", "pollux_yanks").contains(" 0"), "the seed has the yank");
        }
        _ => {}
    }
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
