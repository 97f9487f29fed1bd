//! Repositories of git in caches: mirrors that programs fetch to, and run git in.
//!
//! Git obeys what lies in them: hooks are run, and keys of the configuration name programs that are. So there may be only what
//! git itself (`init --bare`, `clone --mirror`), libgit2, cargo, Composer and Bundler write there: samples of hooks, and a
//! configuration of a few keys (see [`CORE`], [`REMOTE`], [`EXTENSIONS`]), written as plainly as they write it. Objects and
//! references are not read: a commit's digest is git's to check. Source: git's `gitrepository-layout`, `git-config`,
//! `gitremote-helpers`, and its `setup.c`, `config.c`, `transport.c`.

use crate::files::Files;
use crate::reading::{Check, Expected, LAYOUT};
use crate::words::plain;

const CORE: [&str; 7] = [
    "bare",
    "filemode",
    "ignorecase",
    "logallrefupdates",
    "precomposeunicode",
    "repositoryformatversion",
    "symlinks",
];
const REMOTE: [&str; 4] = ["fetch", "mirror", "tagopt", "url"];
const EXTENSIONS: [&str; 2] = ["objectformat", "refstorage"];
/// How an address may be spoken to: git runs a program for any other.
const SCHEMES: [&str; 8] = ["file", "ftp", "ftps", "git", "git+ssh", "http", "https", "ssh"];
/// What leads git elsewhere, or changes what it makes of objects.
const MISLEADING: [&str; 8] = [
    ".git",
    "commondir",
    "config.worktree",
    "gitdir",
    "info/attributes",
    "info/grafts",
    "objects/info/alternates",
    "objects/info/http-alternates",
];
/// The same, with all that is in it.
const MISLEADING_TREES: [&str; 5] = [".git/", "branches/", "modules/", "remotes/", "worktrees/"];

/// What of a repository nobody writes who only fetches to it.
pub(super) fn checks(files: &Files, repository: &str) -> Vec<Check> {
    let wrong = |path: &str, why: String| Check {
        path: path.to_owned(),
        expected: Expected::Wrong(why),
        by: LAYOUT.to_owned(),
    };
    let told = files.under(repository).filter_map(|(path, _)| {
        let below = path.get(repository.len() + 1..)?;
        let why = if below == "config" {
            files.read_text(path).map_err(|error| error.to_string()).and_then(|text| judge(&text)).err()
        } else {
            misleads(below).map(str::to_owned)
        };
        why.map(|why| wrong(path, why))
    });
    told.collect()
}

fn misleads(below: &str) -> Option<&'static str> {
    let is_sample = |hook: &str| hook.ends_with(".sample") && !hook.contains('/');
    if below.strip_prefix("hooks/").is_some_and(|hook| !is_sample(hook)) {
        return Some("a hook, which git runs");
    }
    let is_misleading =
        MISLEADING.contains(&below) || MISLEADING_TREES.iter().any(|tree| below.starts_with(tree));
    is_misleading.then_some("git obeys it, and no mirror has it")
}

/// A line is a section, a key with its value, a comment or empty: git reads more than that, and nobody writes it.
fn judge(config: &str) -> Result<(), String> {
    let mut section = (String::new(), false);
    for (number, line) in (1..).zip(config.lines()) {
        let line = line.trim();
        let at = |what: &str| format!("line {number}: {}", plain(what));
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with('[') {
            section = header(line).ok_or_else(|| at("not understood"))?;
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        let key = key.trim().to_ascii_lowercase();
        if !is_known(&section, &key) {
            return Err(at(&format!("a mirror's configuration has no `{}.{key}`", section.0)));
        }
        if value.contains('\\') {
            return Err(at("not understood"));
        }
        if key == "url" && !is_address(value) {
            return Err(at("an address for which git runs a program"));
        }
    }
    Ok(())
}

/// `[NAME]` or `[NAME "WHICH"]`: the name, and whether it tells which.
fn header(line: &str) -> Option<(String, bool)> {
    let inner = line.strip_prefix('[')?.strip_suffix(']')?;
    let (name, which) = inner.split_once(' ').map_or((inner, None), |(name, which)| (name, Some(which)));
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_quoted = |which: &str| {
        let inner = which.strip_prefix('"').and_then(|which| which.strip_suffix('"'));
        inner.is_some_and(|inner| !inner.contains(['"', '\\']))
    };
    (is_name && which.is_none_or(is_quoted)).then(|| (name.to_ascii_lowercase(), which.is_some()))
}

fn is_known((section, tells_which): &(String, bool), key: &str) -> bool {
    match (section.as_str(), tells_which) {
        ("core", false) => CORE.contains(&key),
        ("extensions", false) => EXTENSIONS.contains(&key),
        ("remote", true) => REMOTE.contains(&key),
        _ => false,
    }
}

/// A path, `HOST:PATH`, or an address of a scheme that git speaks itself: no option, no `HELPER::ADDRESS`.
fn is_address(value: &str) -> bool {
    // Git leaves out quotes wherever they are.
    let address = value.replace('"', "");
    let address = address.trim();
    let is_helper =
        |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let speaks = |scheme: &str| SCHEMES.contains(&scheme.to_ascii_lowercase().as_str());
    !address.starts_with('-')
        && address.split_once("::").is_none_or(|(name, _)| !is_helper(name))
        && address.split_once("://").is_none_or(|(scheme, _)| speaks(scheme) || !is_helper(scheme))
}

#[cfg(test)]
mod tests;
