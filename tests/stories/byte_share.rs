//! A publisher has a share of each seed's disk, and what would take more is refused in words.

use crate::fleet::Fleet;
use crate::scene::KEY;
use pollux_client::key_file;
use pollux_core::{ChunkId, KeyPair};
use pollux_tests::NodeOptions;
use std::path::Path;

/// Bytes that do not shrink when they are compressed.
pub(crate) fn noise(path: &Path, label: &str, bytes: usize) {
    let blocks = (0..bytes.div_ceil(32)).map(|number| ChunkId::of(format!("{label} {number}").as_bytes()));
    let noise: Vec<u8> = blocks.flat_map(|block| *block.as_bytes()).collect();
    std::fs::create_dir_all(path).unwrap();
    std::fs::write(path.join(label), noise).unwrap();
}

#[test]
fn a_save_over_the_publishers_share_is_refused_in_words_also_after_a_restart() {
    let mut fleet = Fleet::open(1);
    let a = fleet.node("a");
    let (key, path) = (KeyPair::from_seed([77; 32]), fleet.path("other.pem"));
    key_file::write_new(&path, &key).unwrap();
    let public = key.public().to_string();
    let pattern = ["--pattern", "story/main/**", "--byte-share", "1000000"];
    fleet.change(&a, &[&["add-publisher", "other", "--key", &public][..], &pattern].concat());
    let save = |tree: &Path| a.pollux.save(KEY, tree, &path, &[]).unwrap();

    let (small, large) = (fleet.path("small"), fleet.path("large"));
    noise(&small, "one", 850_000);
    let saved = save(&small);
    assert_eq!((saved.status, saved.result().as_str()), (Some(0), "saved"), "{saved:?}");
    assert!(fleet.seeds[0].log_text().contains("nearly used its share"), "a warning");
    noise(&large, "two", 300_000);
    let refused = save(&large);
    assert_eq!(refused.status, Some(5), "{refused:?}");
    assert!(refused.stderr.contains("share of the seed is used up"), "{refused:?}");
    assert!(refused.stderr.contains("byte_share in the policy"), "it says what to do: {refused:?}");

    fleet.seeds[0].kill().unwrap();
    fleet.start(0, &NodeOptions::default());
    let refused = save(&large);
    assert_eq!(refused.status, Some(5), "it is not forgotten: {refused:?}");
    std::fs::write(small.join("more"), "a little").unwrap();
    let saved = save(&small);
    assert_eq!((saved.status, saved.result().as_str()), (Some(0), "saved"), "little is new: {saved:?}");
    let log = a.pollux.run(&["log", "--refused"]).unwrap();
    assert!(format!("{log:?}").contains("share of the seed is used up"), "{log:?}");
}
