//! Chunk after chunk over plain streams, several at once: whichever has room takes the next.

use super::chunks::{CHUNK_BYTES, Chunks};
use super::line::{Gave, Took};
use super::meter::Meter;
use crate::BenchError;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// As many as Pollux dials to a peer that gives much.
const CONNECTIONS: usize = 2;
/// Bytes read at once, as Pollux does.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

/// Takes a free port of loopback.
pub(super) async fn listen() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}

/// Waits for the taker's connections.
pub(super) async fn accept(listener: TcpListener) -> io::Result<Vec<TcpStream>> {
    let mut streams = Vec::new();
    while streams.len() < CONNECTIONS {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    Ok(streams)
}

/// Makes the taker's connections.
pub(super) async fn connect(address: &str) -> io::Result<Vec<TcpStream>> {
    let mut streams = Vec::new();
    while streams.len() < CONNECTIONS {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    Ok(streams)
}

/// Gives so many chunks in all.
pub(super) async fn give<S>(streams: Vec<S>, chunks: &Arc<Chunks>, count: u64) -> Result<Gave, BenchError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (meter, next) = (Meter::start(), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for stream in streams {
        tasks.spawn(give_on(stream, Arc::clone(chunks), Arc::clone(&next), count));
    }
    for end in tasks.join_all().await {
        end?;
    }
    Ok(meter.gave())
}

async fn give_on<S>(mut stream: S, chunks: Arc<Chunks>, next: Arc<AtomicU64>, count: u64) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            break;
        }
        stream.write_all(chunks.framed(number)).await?;
    }
    stream.shutdown().await?;
    // The taker hangs up when it has everything.
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

/// Takes and verifies what comes until every stream ends.
pub(super) async fn take<S>(streams: Vec<S>, chunks: &Arc<Chunks>, count: u64) -> Result<Took, BenchError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let meter = Meter::start();
    let mut tasks = JoinSet::new();
    for stream in streams {
        tasks.spawn(take_on(stream, Arc::clone(chunks)));
    }
    let mut bytes: u64 = 0;
    for end in tasks.join_all().await {
        bytes = bytes.saturating_add(end?);
    }
    meter.took(bytes, count)
}

async fn take_on<S>(mut stream: S, chunks: Arc<Chunks>) -> Result<u64, BenchError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = vec![0; usize::try_from(CHUNK_BYTES).unwrap_or_default()];
    let mut bytes: u64 = 0;
    while let Some(number) = number_of_next(&mut stream).await? {
        stream.read_exact(&mut buffer).await?;
        chunks.check(number, &buffer)?;
        bytes = bytes.saturating_add(CHUNK_BYTES.into());
    }
    stream.shutdown().await?;
    Ok(bytes)
}

/// Reads a head; none at the end. One that is cut short is an end, too: then bytes are missing, which is noticed.
async fn number_of_next(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<u64>, BenchError> {
    let number = match stream.read_u32_le().await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        number => number?,
    };
    let bytes = stream.read_u32_le().await?;
    if bytes != CHUNK_BYTES {
        return Err(BenchError::step("taking", format!("a chunk of {bytes} bytes")));
    }
    Ok(Some(number.into()))
}
