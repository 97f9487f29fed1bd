//! What a grant's budget is worth: each seed counts it, and remembers.
use super::world::{Saved, World};
use crate::belief::fixture::{grant, under};
use crate::engine::{JobReply, PublishFailure};
use crate::message::OfferRefusal;
use crate::{Envelope, Grant};

fn publish(world: &mut World, node: usize, manifest: Envelope) -> JobReply {
    let before = world.replies_of(node, 5).len();
    world.publish(node, 5, manifest);
    let ended = |world: &World| {
        let replies = world.replies_of(node, 5);
        let ends =
            |reply: &JobReply| matches!(reply, JobReply::Published { .. } | JobReply::PublishFailed(_));
        replies.iter().skip(before).any(ends)
    };
    assert!(world.until(ended));
    world.last(node, 5).unwrap()
}

fn over_budget(reply: &JobReply) -> bool {
    matches!(reply, JobReply::PublishFailed(PublishFailure::Refused(OfferRefusal::GrantOverBudget)))
}

#[test]
fn a_seed_counts_what_a_grant_has_published_also_after_a_restart() {
    for seeds in [1, 3] {
        let (mut world, nodes) = World::with_nodes(seeds, 1);
        let small = Grant { manifests_max: 2, bytes_max: 10_000_000, ..grant() };
        let keys = ["core/main/npm/1", "core/main/pip/1", "core/main/go/1"];
        let saved: Vec<Saved> = keys.iter().map(|key| world.save(nodes[0], key, 1, 3)).collect();
        let signed: Vec<Envelope> = saved.iter().map(|saved| under(&small, &saved.manifest)).collect();
        for manifest in &signed[..2] {
            let reply = publish(&mut world, nodes[0], manifest.clone());
            assert!(matches!(reply, JobReply::Published { .. }), "{reply:?}");
        }
        let reply = publish(&mut world, nodes[0], signed[1].clone());
        assert!(matches!(reply, JobReply::Published { .. }), "the same once more is nothing more: {reply:?}");
        assert!(over_budget(&publish(&mut world, nodes[0], signed[2].clone())));
        for seed in 0..usize::from(seeds) {
            world.kill(seed);
            world.boot(seed);
        }
        let ready = |world: &World| {
            let status = world.engine(nodes[0]).status();
            status.joined && status.seeds_connected == u32::from(seeds)
        };
        assert!(world.until(ready));
        world.run(core::time::Duration::from_secs(6));
        assert!(over_budget(&publish(&mut world, nodes[0], signed[2].clone())), "it is not forgotten");
    }
}

#[test]
fn a_grant_pays_for_the_bytes_of_what_it_publishes() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let saved = world.save(nodes[0], "core/main/npm/1", 1, 3);
    let bytes = saved.manifest.bytes();
    let short = under(&Grant { bytes_max: bytes - 1, ..grant() }, &saved.manifest);
    let reply = publish(&mut world, nodes[0], short);
    assert!(matches!(reply, JobReply::PublishFailed(_)), "{reply:?}");
    let enough = under(&Grant { bytes_max: bytes, serial: "g-2".to_owned(), ..grant() }, &saved.manifest);
    let reply = publish(&mut world, nodes[0], enough);
    assert!(matches!(reply, JobReply::Published { .. }), "{reply:?}");
}
