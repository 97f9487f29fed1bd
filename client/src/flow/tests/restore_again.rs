//! Restores that end half way, and the ones after them.

use super::cache::{Cache, noise};
use super::node::{Act, Node};
use super::restore::{content, hit, reason, request, run};
use crate::disk::TargetMode;
use crate::disk::tests::snapshot;
use crate::flow::RestoreRequest;
use crate::protocol::ChunkSource;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};

/// Large enough that most of it is on the disk when its last chunk is in the socket.
fn large(base: &Path) {
    let bytes = noise(8 << 20);
    for (number, content) in bytes.chunks(1 << 20).enumerate() {
        fs::create_dir(base.join(number.to_string())).unwrap();
        fs::write(base.join(format!("{number}/large")), content).unwrap();
        fs::write(base.join(format!("{number}/small")), &content[..40_000]).unwrap();
    }
}

fn request_of(mode: TargetMode, socket: &Path, target: PathBuf) -> RestoreRequest {
    let mut request = request(socket, target);
    request.options.mode = mode;
    request.threads = 1;
    request
}

/// A target for each mode: for the one that replaces, with something in it.
fn prepare(mode: TargetMode, target: &Path) {
    if mode == TargetMode::Replace {
        fs::create_dir_all(target.join("0")).unwrap();
        fs::write(target.join("0/large"), "another").unwrap();
        fs::write(target.join("own"), "own").unwrap();
    }
}

/// Restores from an honest node, with nothing left beside the directory.
fn assert_restored(cache: &Arc<Cache>, mode: TargetMode, target: &Path) {
    let serving = Arc::clone(cache);
    let node = Node::start(move |heard| serving.serve(heard));
    hit(run(&request_of(mode, &node.socket, target.to_owned())));
    assert_eq!(snapshot(target), snapshot(&cache.base()));
    let litter = |name: &String| name.contains(".pollux-");
    assert!(!cache.names().iter().any(litter), "{:?}", cache.names());
}

#[test]
fn a_connection_that_is_lost_anywhere_leaves_nothing_and_the_next_restore_is_whole() {
    let cache = Arc::new(Cache::of(large));
    for mode in [TargetMode::Fresh, TargetMode::Replace] {
        let chunks = cache.chunks.len() - cache.tree.chunks.len();
        for given in [0, 1, chunks / 2, chunks - 1] {
            let target = cache.beside(&format!("target-{mode:?}-{given}"));
            prepare(mode, &target);
            let before = target.exists().then(|| snapshot(&target));
            let (serving, names) = (Arc::clone(&cache), cache.names());
            let node = Node::start(move |heard| match content(&serving, heard) {
                Some(wanted) => {
                    let chunks = serving.asked(&wanted[..given]);
                    let acts = chunks.iter().map(|chunk| Act::give(chunk, ChunkSource::Local));
                    acts.chain([Act::HangUp]).collect()
                }
                None => serving.serve(heard),
            });
            assert_eq!(reason(&run(&request_of(mode, &node.socket, target.clone()))), "broken");
            assert_eq!(target.exists().then(|| snapshot(&target)), before);
            assert_eq!(cache.names(), names);
            assert_restored(&cache, mode, &target);
        }
    }
}

/// Starts a restore in a process of its own.
fn start(mode: TargetMode, socket: &Path, target: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "flow::tests::restore_again::restores_until_it_is_killed", "--ignored"])
        .env("POLLUX_TEST_SOCKET", socket)
        .env("POLLUX_TEST_TARGET", target)
        .env("POLLUX_TEST_REPLACE", (mode == TargetMode::Replace).to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "run by another test, which kills it"]
fn restores_until_it_is_killed() {
    let [socket, target] =
        ["SOCKET", "TARGET"].map(|name| std::env::var_os(format!("POLLUX_TEST_{name}")).unwrap());
    let replace = std::env::var("POLLUX_TEST_REPLACE").is_ok_and(|replace| replace == "true");
    let mode = if replace { TargetMode::Replace } else { TargetMode::Fresh };
    let outcome = run(&request_of(mode, Path::new(&socket), target.into()));
    panic!("not killed: {outcome:?}");
}

/// Bytes of the files in what a killed restore left beside its target.
fn left_bytes(cache: &Cache) -> usize {
    let left = cache.names().into_iter().filter(|name| name.contains(".pollux-"));
    let files = left.flat_map(|name| walk(&cache.beside(&name)));
    files.map(|path| usize::try_from(fs::metadata(path).unwrap().len()).unwrap()).sum()
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn what_a_killed_restore_left_is_gone_after_the_next_which_is_whole() {
    let cache = Arc::new(Cache::of(large));
    for mode in [TargetMode::Fresh, TargetMode::Replace] {
        let target = cache.beside(&format!("target-{mode:?}"));
        prepare(mode, &target);
        let before = target.exists().then(|| snapshot(&target));
        let (test, handed_out) = mpsc::channel();
        let serving = Arc::clone(&cache);
        let node = Node::start(move |heard| match content(&serving, heard) {
            // The last one never comes.
            Some(wanted) => {
                let chunks = serving.asked(&wanted[..wanted.len() - 1]);
                let acts = chunks.iter().map(|chunk| Act::give(chunk, ChunkSource::Local));
                acts.chain([Act::Tell(test.clone())]).collect()
            }
            None => serving.serve(heard),
        });
        let mut restoring = start(mode, &node.socket, &target);
        handed_out.recv().unwrap();
        restoring.kill().unwrap();
        restoring.wait().unwrap();
        assert!(left_bytes(&cache) > 0, "killed in the middle of writing");
        assert_eq!(target.exists().then(|| snapshot(&target)), before);
        assert_restored(&cache, mode, &target);
    }
}
