//! Two gigabytes are saved and restored: neither the job's command nor the node grows with them.

use crate::scene::{KEY, Scene};
use pollux_tests::{Daemon, NodeOptions, fill, memory_of};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

const FILES: u32 = 250;
const FILE_BYTES: usize = 8 << 20;
/// An eighth of what is saved: far more than the bounds of all pipelines together, and far less than a part of the input.
const RESIDENT_BYTES_MAX: u64 = 256 << 20;

#[test]
fn a_save_and_a_restore_of_two_gigabytes_take_no_more_memory_than_small_ones() {
    let flags = ["--store-bytes-max", "4000000000", "--store-free-bytes-min", "0"].map(str::to_owned);
    let roomy = NodeOptions { flags: flags.to_vec(), ..NodeOptions::default() };
    let scene = Scene::with_seed(&roomy);
    let saver = scene.node_with("saver", &roomy);
    let tree = scene.path("tree");
    write_tree(&tree);

    let resident = watched(scene.begin_save(&saver, &tree, &[]));
    is_small("the save", resident);
    is_small("the saver's node", highest(&saver.daemon));
    is_small("the seed", highest(&scene.seed));
    fs::remove_dir_all(&tree).unwrap();

    let target = scene.path("target");
    let restore =
        ["restore", KEY].map(OsStr::new).into_iter().chain([target.as_os_str()]).collect::<Vec<_>>();
    let restore = saver.pollux.command(&restore).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    is_small("the restore", watched(restore));
    is_small("the node that gave it", highest(&saver.daemon));
    assert_eq!(fs::read_dir(&target).unwrap().count(), usize::try_from(FILES).unwrap());
}

/// Files of bytes that do not compress; none has a chunk of another.
fn write_tree(tree: &Path) {
    fs::create_dir(tree).unwrap();
    let mut bytes = fill("memory", FILE_BYTES);
    for number in 0..FILES {
        for page in bytes.chunks_mut(4096) {
            page[..4].copy_from_slice(&number.to_le_bytes());
        }
        fs::write(tree.join(number.to_string()), &bytes).unwrap();
    }
}

/// Waits until it has ended well; the most that it had resident, as far as it was seen.
fn watched(mut command: Child) -> u64 {
    let mut most = 0;
    loop {
        most = most.max(memory_of(command.id()).map_or(0, |(_, highest)| highest));
        if let Some(status) = command.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return most;
        }
        // Between two looks at a figure that only grows.
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn highest(daemon: &Daemon) -> u64 {
    daemon.memory().unwrap().1
}

fn is_small(what: &str, bytes: u64) {
    assert!(bytes > 0, "{what} was not seen");
    assert!(bytes < RESIDENT_BYTES_MAX, "{what} had {} MB resident", bytes / 1_000_000);
}
