//! Configurations to start from.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A seed's, by its pool file, its key and the address that nodes reach it at. What it keeps is beside the key, in a
/// directory of the key's name.
pub(super) fn of_seed(pool: &Path, key: &Path, address: &str) -> String {
    let (pool, key) = (absolute(pool), absolute(key));
    let home = key.with_extension(if key.extension().is_some() { "" } else { "seed" });
    let listen = address.parse::<SocketAddr>().map_or_else(
        |_| format!("0.0.0.0:{}", address.rsplit(':').next().unwrap_or_default()),
        |address| address.to_string(),
    );
    format!(
        "role = \"seed\"\npool = {}\nidentity = {}\nlisten = [\"{listen}\"]\nruntime = {}\n\n[store]\ndirectory = {}\n",
        quoted(&pool),
        quoted(&key),
        quoted(&home.join("run")),
        quoted(&home.join("store")),
    )
}

/// A node's. Where the seeds are on loopback, it is, too. Where no token lets it in, it waits for its membership.
pub(super) fn of_node(directory: &Path, seeds: &[String], strict: bool) -> String {
    let directory = absolute(directory);
    let is_loopback =
        |address: &String| address.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
    let listen = if seeds.iter().any(is_loopback) { "listen = [\"127.0.0.1:0\"]\n" } else { "" };
    let membership = if strict {
        format!("membership = {}\n", quoted(&directory.join("membership.json")))
    } else {
        String::new()
    };
    format!(
        "pool = {}\n{listen}{membership}runtime = {}\n\n[store]\ndirectory = {}\n",
        quoted(&directory.join("pool.json")),
        quoted(&directory.join("node/run")),
        quoted(&directory.join("node/store")),
    )
}

/// Also of what is not there yet, in a directory that is.
fn absolute(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = || Some(fs::canonicalize(parent).ok()?.join(path.file_name()?));
    fs::canonicalize(path).ok().or_else(beside).unwrap_or_else(|| path.to_owned())
}

fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}
