//! Two jobs on one instance, and two savers of one key.

use crate::scene::{KEY, Scene, same};
use pollux_tests::Listing;
use std::thread;

#[test]
fn two_jobs_restore_the_same_cache_at_once() {
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    scene.save(&a, &tree);
    thread::scope(|scope| {
        for name in ["one", "two"] {
            let (scene, b, tree) = (&scene, &b, &tree);
            scope.spawn(move || scene.restore(b, name, tree));
        }
    });
}

#[test]
fn two_savers_of_one_key_end_with_one_of_them_whole() {
    let scene = Scene::open();
    let (a, b, c) = (scene.node("a"), scene.node("b"), scene.node("c"));
    let (one, two) = (scene.tree("one"), scene.tree("two"));
    let publisher = scene.pool.publisher();
    let results = thread::scope(|scope| {
        let savers = [(&a, &one), (&b, &two)].map(|(node, tree)| {
            let publisher = &publisher;
            scope.spawn(move || node.pollux.save(KEY, tree, publisher, &[]).unwrap())
        });
        savers.map(|saver| saver.join().unwrap())
    });
    assert!(results.iter().all(|saved| saved.status == Some(0)), "{results:?}");
    assert!(results.iter().any(|saved| saved.result() == "saved"), "{results:?}");
    assert!(
        results.iter().all(|saved| ["saved", "lost-race"].contains(&saved.result().as_str())),
        "{results:?}"
    );
    let target = scene.path("target");
    assert_eq!(c.pollux.restore(KEY, &target, &[]).unwrap().result(), "hit");
    let restored = Listing::of(&target).unwrap();
    let whole = |tree| restored.same_as(&Listing::of(tree).unwrap()).is_ok();
    assert!(whole(&one) || whole(&two), "neither of the two trees");
    let again = scene.path("again");
    assert_eq!(c.pollux.restore(KEY, &again, &[]).unwrap().result(), "hit");
    same(&target, &again);
}
