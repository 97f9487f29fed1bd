//! Configurations to start from.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A seed's.
pub(super) fn of_seed(directory: &Path, name: &str, address: &str) -> String {
    let directory = absolute(directory);
    let listen = address.parse::<SocketAddr>().map_or_else(
        |_| format!("0.0.0.0:{}", address.rsplit(':').next().unwrap_or_default()),
        |address| address.to_string(),
    );
    format!(
        "role = \"seed\"\npool = {}\nidentity = {}\nlisten = [\"{listen}\"]\nruntime = {}\n\n[store]\ndirectory = {}\n",
        quoted(&directory.join("pool.json")),
        quoted(&directory.join(format!("{name}.pem"))),
        quoted(&directory.join(name).join("run")),
        quoted(&directory.join(name).join("store")),
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

fn absolute(directory: &Path) -> PathBuf {
    fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned())
}

fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}
