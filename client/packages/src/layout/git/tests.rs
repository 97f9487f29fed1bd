use super::*;
use crate::layout::testing::{list, put};
use proptest::prelude::*;
use tempfile::TempDir;

/// What `git clone --mirror` writes.
const MIRROR: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n[remote \"origin\"]\n\turl = https://code.example.org/a\n\tfetch = +refs/*:refs/*\n\tmirror = true\n";
/// What libgit2 writes.
const OF_CARGO: &str = "[core]\n\tbare = true\n\trepositoryformatversion = 0\n\tfilemode = true\n";
/// What cargo's index of a registry has, and what git writes for other formats.
const OF_OTHERS: &str = "\u{20}\r\n# x\n; x\n[Core]\r\n\tbare = false\n\tlogAllRefUpdates = true\n\tsymlinks\n[extensions]\n\tobjectformat = sha256\n\trefstorage = reftable\n[remote \"a b\"]\n\turl = \"/srv/a\"\n\ttagOpt = --no-tags\n";

fn repository(config: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let more =
        ["HEAD", "description", "info/exclude", "hooks/README.sample", "objects/info/packs", "FETCH_HEAD"];
    more.iter().for_each(|path| put(directory.path(), &format!("db/x/{path}"), ""));
    put(directory.path(), "db/x/config", config);
    directory
}

fn wrong(directory: &TempDir) -> Vec<(String, String)> {
    let told = checks(&list(directory), "db/x").into_iter().map(|check| {
        let Expected::Wrong(why) = check.expected else { panic!("a digest") };
        (check.path, why)
    });
    told.collect()
}

#[test]
fn what_git_and_libgit2_write_is_right() {
    for config in [MIRROR, OF_CARGO, OF_OTHERS, ""] {
        assert_eq!(wrong(&repository(config)), []);
    }
}

/// The installed git's own.
#[test]
fn what_the_git_of_this_system_makes_is_right() {
    let directory = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.args(arguments).current_dir(directory.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.output().is_ok_and(|output| output.status.success())
    };
    if !git(&["init", "--quiet", "--bare", "up"]) {
        return; // there is none
    }
    std::fs::create_dir(directory.path().join("db")).unwrap();
    assert!(git(&["clone", "--quiet", "--mirror", "up", "db/x"]));
    assert_eq!(wrong(&directory), []);
    assert!(list(&directory).has("db/x/config"));
}

#[test]
fn what_git_obeys_is_wrong() {
    for path in [
        "hooks/reference-transaction",
        "hooks/deep/x.sample",
        ".git",
        ".git/config",
        "commondir",
        "config.worktree",
        "gitdir",
        "info/attributes",
        "info/grafts",
        "objects/info/alternates",
        "objects/info/http-alternates",
        "branches/origin",
        "modules/a/config",
        "remotes/origin",
        "worktrees/a/gitdir",
    ] {
        let directory = repository(OF_CARGO);
        put(directory.path(), &format!("db/x/{path}"), "");
        let told: Vec<String> = wrong(&directory).into_iter().map(|(path, _)| path).collect();
        assert_eq!(told, [format!("db/x/{path}")]);
    }
}

#[test]
fn keys_that_run_programs_are_wrong() {
    for config in [
        "[core]\n\thooksPath = /tmp/x\n",
        "[core]\nfsmonitor=x\n",
        "[core] sshCommand = x\n",
        "[core] pager = x ]\n",
        "[core \"x\"]\n\tbare = true\n",
        "[core.x]\n\tbare = true\n",
        "[include]\n\tpath = x\n",
        "[includeIf \"gitdir:/\"]\n\tpath = x\n",
        "[filter \"x\"]\n\tsmudge = x\n",
        "[alias]\n\tx = !x\n",
        "[url \"ext::x\"]\n\tinsteadOf = https://\n",
        "[credential]\n\thelper = !x\n",
        "[protocol \"ext\"]\n\tallow = always\n",
        "[extensions]\n\tworktreeConfig = true\n",
        "[submodule \"x\"]\n\tupdate = !x\n",
        "[remote \"x\"]\n\tvcs = x\n",
        "[remote \"x\"]\n\tuploadpack = x\n",
        "[remote.x]\n\turl = x\n",
        "[remote \"x\\\"]\n\turl = x\n",
        "[core]\n\tbare = true \\\n[include]\n",
        "bare = true\n",
        "\u{feff}[core]\n",
    ] {
        let told = wrong(&repository(config));
        assert!(
            matches!(&told[..], [(path, why)] if path == "db/x/config" && why.starts_with("line ")),
            "{config}: {told:?}"
        );
    }
}

#[test]
fn addresses_for_which_git_runs_a_program_are_wrong() {
    for (address, is_right) in [
        ("https://code.example.org/a::b", true),
        ("git@code.example.org:a", true),
        ("HTTPS://code.example.org/a", true),
        ("git://[::1]/a", true),
        ("/srv/a", true),
        ("ext::sh -c x", false),
        ("\"ext::sh -c x\"", false),
        ("e\"xt:\":sh", false),
        ("helper://x", false),
        ("--upload-pack=x", false),
        ("a\\nb", false),
    ] {
        let config = format!("[remote \"origin\"]\n\turl = {address}\n");
        assert_eq!(wrong(&repository(&config)).is_empty(), is_right, "{address}");
    }
}

proptest! {
    #[test]
    fn no_configuration_is_too_odd(text in any::<String>(), line in "[\\[\\]\"=:a-z \\\\]{0,30}") {
        drop(judge(&text));
        drop(judge(&format!("[remote \"x\"]\nurl = {line}\n{line}")));
    }
}
