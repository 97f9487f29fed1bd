//! A job in a container: another user, another root directory, nothing but the socket's directory and a static binary.

use crate::scene::{KEY, Scene, is_root, same};
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A user that is nobody here.
const USER: u32 = 54_321;
/// Builds the job's command without a dynamic linker.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The static build of the command, beside the usual one.
fn static_pollux(scene: &Scene) -> Option<PathBuf> {
    if !cfg!(target_arch = "x86_64") {
        return None;
    }
    let target = scene.pool.programs.pollux.parent()?.join("static");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--locked", "--package", "pollux-client", "--target", TARGET])
        // It has to be static, not fast: this halves the build, which is most of the story.
        .args(["--config", "profile.dev.debug=false", "--config", "profile.dev.package.\"*\".opt-level=0"])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .status()
        .ok()?;
    built.success().then(|| target.join(TARGET).join("debug/pollux"))
}

/// Runs a command in a mount namespace of its own, in another root, as another user.
fn in_container(root: &Path, socket_directory: &Path, arguments: &[&str]) -> std::process::Output {
    let script = "mount --bind \"$1\" \"$2/socket\" && shift && root=\"$1\" && shift && \
                  exec chroot --userspec=54321:54321 \"$root\" \"$@\"";
    Command::new("unshare")
        .args(["--mount", "sh", "-ec", script, "sh"])
        .arg(socket_directory)
        .arg(root)
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn job_in_container() {
    let story = "job_in_container";
    if !is_root(story) {
        return;
    }
    let scene = Scene::open();
    let Some(program) = static_pollux(&scene) else {
        println!("{story}: skipped, since no static binary can be built here");
        return;
    };
    let (a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    scene.save(&a, &tree);
    let root = scene.path("container");
    fs::create_dir_all(root.join("socket")).unwrap();
    fs::create_dir_all(root.join("job")).unwrap();
    fs::copy(program, root.join("pollux")).unwrap();
    chown(root.join("job"), Some(USER), Some(USER)).unwrap();
    open_to_all(&scene.path(""));
    let run = b.daemon.socket.parent().unwrap();
    open_to_all(run);
    let socket = "/socket/pollux.sock";
    let arguments = ["/pollux", "restore", "--json", "--socket", socket, KEY, "/job/target"];
    let restored = in_container(&root, run, &arguments);
    let words = String::from_utf8_lossy(&restored.stdout).into_owned();
    let errors = String::from_utf8_lossy(&restored.stderr);
    assert!(restored.status.success() && words.contains("\"hit\""), "{words}{errors}");
    same(&tree, &root.join("job/target"));
}

/// Story directories are for their owner only; a container's user must be able to pass.
fn open_to_all(directory: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
}
