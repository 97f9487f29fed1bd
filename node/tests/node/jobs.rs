//! Jobs on a node's socket.

use crate::ground::{Ground, Running};
use pollux_client::connection::{Connection, ConnectionError};
use pollux_client::protocol::{FrameHead, Reply, Request, VERSION, decode, encode};
use pollux_core::engine::MissReason;
use pollux_core::limits::JOBS_MAX;
use pollux_core::{ChunkRef, FrameEncoder, ManifestId, VerifiedChunk};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(socket: &Path) -> Result<Connection, ConnectionError> {
    let socket = socket.to_owned();
    let open = move || Connection::open(&socket, PATIENCE, std::sync::Arc::default());
    tokio::task::spawn_blocking(open).await.unwrap()
}

/// Says what it is told, and hears one reply; the connection stays open.
async fn exchange(connection: Connection, request: Request) -> (Connection, Reply) {
    let exchange = move || {
        connection.send(&request).unwrap();
        let reply = connection.reply(Instant::now() + PATIENCE).unwrap();
        (connection, reply)
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

async fn put(connection: Connection, chunk: VerifiedChunk) -> Connection {
    let put = move || {
        connection.send_chunk(&chunk).unwrap();
        connection
    };
    tokio::task::spawn_blocking(put).await.unwrap()
}

fn chunk(number: u8) -> VerifiedChunk {
    VerifiedChunk::from_plain(&[number; 5000], &mut FrameEncoder::new(1))
}

/// A job that only greets.
async fn greet(socket: &Path) -> (UnixStream, Reply) {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let hello = Request::Hello { oldest: VERSION, newest: VERSION, software: "a test".to_owned() };
    // One that is refused may be gone before it is greeted.
    stream.write_all(&encode(&hello).unwrap()).await.unwrap_or_default();
    let mut head = [0; FrameHead::BYTES];
    stream.read_exact(&mut head).await.unwrap();
    let mut body = vec![0; usize::try_from(FrameHead::from_bytes(head).unwrap().body_bytes).unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    (stream, decode(&body).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_user() {
    let ground = Ground::new();
    let mut settings = ground.settings("node");
    let me = rustix::process::getuid().as_raw();
    settings.socket_users = vec![me + 1];
    let node = Running::start(&settings).await.unwrap();
    let Err(ConnectionError::Refused(why)) = connect(&node.socket).await else { panic!("refused") };
    assert!(why.contains("socket.users"), "{why}");
    node.stop().await;
    settings.socket_users = vec![me + 1, me];
    let node = Running::start(&settings).await.unwrap();
    assert_eq!(connect(&node.socket).await.unwrap().pool(), "ci");
    node.stop().await;
}

/// All of one process, which keeps them open and says nothing more: the next job is served all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousand_connections() {
    let ground = Ground::new();
    let node = Running::start(&ground.settings("node")).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..1000 {
        let (stream, reply) = greet(&node.socket).await;
        assert!(matches!(reply, Reply::Welcome { .. }), "{reply:?}");
        held.push(stream);
    }
    // Those that were silent for longest made room, and no others.
    let mut kept = held.split_off(held.len() - JOBS_MAX);
    for stream in &mut held {
        assert_eq!(stream.read(&mut [0; 100]).await.unwrap(), 0);
    }
    for stream in &mut kept {
        let more = tokio::time::timeout(Duration::ZERO, stream.read_u8()).await;
        assert!(more.is_err(), "{more:?}");
    }
    let (_, reply) = exchange(connect(&node.socket).await.unwrap(), Request::Status).await;
    assert!(matches!(reply, Reply::Status(_)), "{reply:?}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_many_jobs_that_ask_nothing_of_the_pool_the_next_is_served() {
    let ground = Ground::new();
    let node = Running::start(&ground.settings("node")).await.unwrap();
    for _ in 0..1500 {
        greet(&node.socket).await;
    }
    let (_, reply) = exchange(connect(&node.socket).await.unwrap(), Request::Status).await;
    let Reply::Status(status) = reply else { panic!("a status") };
    assert_eq!((status.engine.jobs, status.pool.as_str()), (0, "ci"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_of_an_unknown_manifest_cannot_be_had() {
    let ground = Ground::new();
    let node = Running::start(&ground.settings("node")).await.unwrap();
    let wanted: ChunkRef = chunk(1).chunk();
    let fetch = Request::Fetch { manifest: ManifestId::from_bytes([1; 32]), chunks: vec![wanted; 100] };
    let (connection, reply) = exchange(connect(&node.socket).await.unwrap(), fetch).await;
    assert_eq!(reply, Reply::ChunkFailed { chunk: wanted, why: MissReason::NotBelieved });
    let (_, reply) = exchange(connection, Request::Lacks { chunks: vec![wanted.id] }).await;
    assert_eq!(reply, Reply::Lacking { indices: vec![0] }, "the chunk was answered once");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_flushed_is_there_after_a_restart() {
    let ground = Ground::new();
    let settings = ground.settings("node");
    let node = Running::start(&settings).await.unwrap();
    let connection = put(connect(&node.socket).await.unwrap(), chunk(1)).await;
    let (connection, reply) = exchange(connection, Request::Flush).await;
    assert_eq!(reply, Reply::Flushed);
    drop(connection);
    node.stop().await;
    let node = Running::start(&settings).await.unwrap();
    let ids = [1, 2].map(|number| chunk(number).chunk().id);
    let (_, reply) =
        exchange(connect(&node.socket).await.unwrap(), Request::Lacks { chunks: ids.to_vec() }).await;
    assert_eq!(reply, Reply::Lacking { indices: vec![1] });
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_hangs_up_on_its_jobs() {
    let ground = Ground::new();
    let node = Running::start(&ground.settings("node")).await.unwrap();
    let (mut stream, _) = greet(&node.socket).await;
    let socket = node.socket.clone();
    node.stop().await;
    assert_eq!(stream.read(&mut [0; 100]).await.unwrap(), 0);
    assert!(!socket.exists());
}
