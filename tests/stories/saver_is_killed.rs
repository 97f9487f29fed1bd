//! A save is durable when it returns: the saver may die a moment later.

use crate::scene::Scene;

#[test]
fn a_cache_outlives_the_instance_that_saved_it() {
    let scene = Scene::open();
    let (mut a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    scene.save(&a, &tree);
    a.daemon.kill().unwrap();
    let restored = scene.restore(&b, "restored", &tree);
    assert_eq!(restored.number("/sources/peers/chunks"), 0);
    assert!(restored.number("/sources/seeds/chunks") > 0, "{restored:?}");
}
