//! A pool with a certificate, and a driver that says what a test wants.

mod counting;
mod dashboard;
mod deploy;
mod hostile;
mod http;
mod pages;

use super::counters::Counters;
use super::snapshot::{Queues, Snapshot};
use super::{MetricsParts, MetricsServer};
use crate::clock::Clock;
use crate::driver::{DriverEvent, DriverHandle, MetricsQuestion};
use crate::store::{Store, StoreOptions};
use pollux_client::pool::{self, InitRequest};
use pollux_client::{clock, key_file};
use pollux_core::engine::{EngineMeasures, EngineStatus};
use pollux_core::{
    CertifiedEnvelope, CertifiedManifest, ChunkId, ChunkRef, Envelope, KeyPair, Manifest, PeerId, PeerRole,
    PoolFile, Provenance, Receipt, TreeRef, TreeTotals, Trust,
};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// A pool of one seed and one publisher.
struct Pool {
    directory: tempfile::TempDir,
    file: PoolFile,
    trust: Arc<Trust>,
}

impl Pool {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let request =
            InitRequest::new(directory.path().join("pool"), vec!["127.0.0.1:1".to_owned()], clock::now());
        pool::init(&request).unwrap();
        let text = std::fs::read_to_string(directory.path().join("pool/pool.json")).unwrap();
        let file = PoolFile::from_json(&text).unwrap();
        let trust = Arc::new(Trust::open(&file, clock::now()).unwrap());
        Self { directory, file, trust }
    }

    fn key(&self, name: &str) -> KeyPair {
        key_file::read(&self.directory.path().join("pool").join(name)).unwrap()
    }

    /// What counts as saved now.
    fn certified(&self) -> CertifiedManifest {
        let (now, pool) = (clock::now(), self.trust.policy().pool.clone());
        let manifest = Manifest {
            pool: pool.clone(),
            key: "core/main/npm/1".parse().unwrap(),
            sequence: 1,
            created: now,
            expires: now.after(std::time::Duration::from_secs(3600)),
            tree: TreeRef {
                chunks: vec![ChunkRef { id: ChunkId::of(b"a tree"), bytes: 6 }],
                totals: TreeTotals::default(),
                roots: vec![String::new()],
            },
            ancestors: Vec::new(),
            generation: 1,
            provenance: Provenance::default(),
            packages: None,
            grant: None,
        };
        let signed = Envelope::sign(&manifest, &self.key("publisher.pem"));
        let seed = self.key("seed.pem");
        let receipt = Receipt {
            pool,
            seed: PeerId::new(seed.public()),
            manifest: signed.id(),
            key: manifest.key,
            sequence: 1,
            time: now,
        };
        let receipts = vec![Envelope::sign(&receipt, &seed)];
        self.trust.certify(&CertifiedEnvelope { manifest: signed, receipts }, now).unwrap()
    }

    fn snapshot(&self, counters: &Counters, status: EngineStatus) -> Snapshot {
        snapshot(counters, status, Arc::clone(&self.trust))
    }

    /// An endpoint beside a driver whose questions come out here.
    async fn serve(&self, role: PeerRole) -> (SocketAddr, mpsc::Receiver<DriverEvent>) {
        let (server, events) = self.server(role).await;
        let address = server.address().unwrap();
        tokio::spawn(server.run());
        (address, events)
    }

    async fn server(&self, role: PeerRole) -> (MetricsServer, mpsc::Receiver<DriverEvent>) {
        let (driver, events) = DriverHandle::new();
        let options = StoreOptions { bytes_max: Some(64 << 20), free_bytes_min: 0 };
        let (store, _) = Store::open(&self.directory.path().join("store"), options).unwrap();
        let parts = MetricsParts { driver, store, role, token_expires: None, clock: Clock::new(0) };
        let server = MetricsServer::bind("127.0.0.1:0".parse().unwrap(), parts).await.unwrap();
        (server, events)
    }

    /// The same with a driver that answers at once: nothing was counted, and this is how the engine is.
    async fn serve_with(&self, role: PeerRole, status: EngineStatus) -> SocketAddr {
        let (address, events) = self.serve(role).await;
        let trust = Arc::clone(&self.trust);
        tokio::spawn(drive(events, status, trust));
        address
    }
}

fn snapshot(counters: &Counters, status: EngineStatus, trust: Arc<Trust>) -> Snapshot {
    let (totals, measures) = (counters.totals(), EngineMeasures::default());
    Snapshot { totals, status, measures, trust, unwelcome: None, queues: Queues::default() }
}

/// Answers all questions alike.
async fn drive(mut events: mpsc::Receiver<DriverEvent>, status: EngineStatus, trust: Arc<Trust>) {
    while let Some(event) = events.recv().await {
        let DriverEvent::Metrics(MetricsQuestion(answer)) = event else { panic!("{event:?}") };
        let snapshot = snapshot(&Counters::default(), status.clone(), Arc::clone(&trust));
        // Who asked may have given up.
        drop(answer.send(Box::new(snapshot)));
    }
}

fn joined() -> EngineStatus {
    EngineStatus { joined: true, ..EngineStatus::default() }
}

/// Sends these bytes, and reads to the end of the connection, or to where it breaks.
async fn say(address: SocketAddr, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // It may be closed before all was written.
    drop(socket.write_all(bytes).await);
    read(&mut socket).await
}

async fn read(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    drop(socket.read_to_end(&mut answer).await);
    String::from_utf8(answer).unwrap()
}

async fn get(address: SocketAddr, path: &str) -> String {
    say(address, format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await
}

/// The status of an answer.
fn status(answer: &str) -> u16 {
    let word = answer.split_whitespace().nth(1).unwrap_or_default();
    word.parse().unwrap_or_else(|_| panic!("no answer: {answer:?}"))
}

/// What follows the head of an answer.
fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
