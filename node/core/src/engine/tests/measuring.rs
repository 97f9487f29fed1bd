//! What operators measure.
use super::bench::Bench;
use crate::belief::fixture::WALL;
use crate::engine::{Credit, EngineMeasures, Input, Share, ShareUse};
use crate::message::Control;

const KEY: &str = "core/main/npm/1";

#[test]
fn an_engine_that_does_nothing_measures_nothing() {
    let seed = Bench::seed(1);
    let publishers = seed.pool.policy.publishers.iter();
    let shares =
        publishers.map(|publisher| ShareUse { publisher: publisher.name.clone(), bytes: 0 }).collect();
    assert_eq!(seed.engine.measures(WALL), EngineMeasures { shares, ..EngineMeasures::default() });
    assert_eq!(Bench::node(1).engine.measures(WALL), EngineMeasures::default());
}

#[test]
fn offers_are_measured_while_a_seed_works_on_them_and_saves_once_they_count() {
    let mut bench = Bench::seed(1);
    let member = bench.member(1);
    let manifest = bench.saved(KEY, 1, 3).0;
    bench.say(member, Control::Offer { offer: 1, manifest: bench.pool.sign(&manifest) });
    assert_eq!(bench.engine.measures(WALL).offers, 1);
    assert!(bench.engine.measures(WALL).newest_saves.is_empty());
    bench.give(Input::Disconnected { peer: member });
    assert_eq!(bench.engine.measures(WALL).offers, 0);

    let certified = bench.certified(&manifest);
    let other = bench.member(2);
    bench.say(other, Control::Certify { certified });
    bench.record(Ok(()));
    let measures = bench.engine.measures(WALL);
    let [(lineage, _)] = &measures.newest_saves[..] else { panic!("{measures:?}") };
    assert_eq!((lineage.as_str(), measures.lineages_left_out), ("core/main/npm", 0));
}

#[test]
fn a_node_knows_of_no_newest_save() {
    let mut bench = Bench::node(1);
    bench.admitted_by(0);
    let (manifest, content) = bench.saved(KEY, 1, 1);
    bench.remembers(&manifest, &content);
    assert!(bench.engine.measures(WALL).newest_saves.is_empty());
}

#[test]
fn messages_wait_until_there_is_credit() {
    let mut bench = Bench::seed(1);
    let peer = crate::belief::fixture::node(1);
    let address = Bench::address(1).parse().unwrap();
    bench.give(Input::Connected { peer, address, dialled: false });
    let waiting = bench.engine.measures(WALL).messages_waiting;
    assert!(waiting > 0, "a hello at least");
    bench.give(Input::Credit(Credit::Send { peer, messages: 100 }));
    assert_eq!(bench.engine.measures(WALL).messages_waiting, 0);
}

#[test]
fn what_a_publishers_caches_take_is_measured_by_its_name() {
    let mut bench = Bench::seed(1);
    let publisher = bench.pool.policy.publishers[0].clone();
    let until = WALL.after(core::time::Duration::from_secs(3600));
    bench.give(Input::RecoveredShare(Share { publisher: publisher.key, until, bytes: 77 }));
    let expected = ShareUse { publisher: publisher.name, bytes: 77 };
    assert!(bench.engine.measures(WALL).shares.contains(&expected));
    let later = until.after(core::time::Duration::from_secs(1));
    assert!(bench.engine.measures(later).shares.iter().all(|share| share.bytes == 0), "it has expired");
}
