//! A pool with nobody in it, and nodes of it.

use pollux_client::pool::{self, InitRequest};
use pollux_node::clock::Clock;
use pollux_node::config::{ConfigFile, Overrides, Settings};
use pollux_node::run::{DriverFailed, Node, StartError};
use std::path::{Path, PathBuf};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) struct Ground {
    directory: tempfile::TempDir,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let request = InitRequest::new(
            directory.path().join("pool"),
            vec!["127.0.0.1:1".to_owned()],
            Clock::new(0).wall(),
        );
        pool::init(&request).unwrap();
        Self { directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn pool_file(&self) -> PathBuf {
        self.path("pool/pool.json")
    }

    /// Settings of a node with a directory of its own.
    pub(crate) fn settings(&self, name: &str) -> Settings {
        let over = Overrides {
            pool: Some(self.pool_file()),
            listen: Some(vec!["127.0.0.1:0".parse().unwrap()]),
            runtime: Some(self.path(name).join("run")),
            store: Some(self.path(name).join("store")),
            store_bytes_max: Some(64 << 20),
            store_free_bytes_min: Some(0),
            log: Some("off".to_owned()),
            ..Overrides::default()
        };
        Settings::new(ConfigFile::default(), over).unwrap()
    }
}

/// A node that runs in this process.
pub(crate) struct Running {
    pub(crate) socket: PathBuf,
    stop: watch::Sender<bool>,
    node: JoinHandle<Result<(), DriverFailed>>,
}

impl Running {
    pub(crate) async fn start(settings: &Settings) -> Result<Self, StartError> {
        let node = Node::start(settings, Clock::new(0)).await?;
        let (stop, stopped) = watch::channel(false);
        let node = tokio::spawn(node.run(stopped));
        Ok(Self { socket: settings.socket.clone(), stop, node })
    }

    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        assert_eq!(self.node.await.unwrap(), Ok(()));
    }
}

/// Names in a directory, in order.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
