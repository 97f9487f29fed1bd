//! A connection to the node of this instance.
//!
//! A thread reads frames and hands them over one by one, so that waiting for one can have a deadline, and an
//! interruption is noticed while waiting, without ever cutting a frame in two. A node that sends half a frame and stops
//! keeps only that thread waiting: it ends when the connection is dropped. Writing is done in the caller's thread, and
//! looks at the clock and at the interruption as often.

use crate::protocol::{
    ChunkHead, ChunkSource, FrameError, FrameHead, FrameType, Reply, Request, VERSION, VERSION_OLDEST,
    decode, encode,
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use pollux_core::{ChunkRef, Frame, VerifiedChunk};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use std::io::{self, BufReader, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Program and version, for people.
pub const SOFTWARE: &str = concat!("pollux ", env!("CARGO_PKG_VERSION"));
/// Frames read ahead of who takes them; the socket holds back the rest.
const FRAMES_AHEAD: usize = 8;
/// How often an interruption is looked for.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// Frames that are looked through for the reason when a node takes nothing more; one that refuses has little else to say.
const LAST_FRAMES_MAX: usize = 4 * FRAMES_AHEAD;

/// What the node sent.
#[derive(Debug)]
pub enum Incoming {
    /// An answer.
    Reply(Reply),
    /// A chunk; nothing about its bytes is believed.
    Chunk {
        /// What it claims to be.
        chunk: ChunkRef,
        /// Where the node had it from.
        source: ChunkSource,
        /// Its bytes.
        frame: Frame,
    },
}

/// Why a connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// Nobody answers on the socket.
    #[error("no node answers on {path}: {source}")]
    NoNode {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The node refuses, in its own words.
    #[error("the node refuses: {0}")]
    Refused(String),
    /// The node hung up.
    #[error("the node has closed the connection")]
    Closed,
    /// Nothing came in time.
    #[error("the node did not answer in time")]
    TimedOut,
    /// The caller's interruption flag was set.
    #[error("interrupted")]
    Interrupted,
    /// The node said what makes no sense here.
    #[error("the node answers out of turn")]
    OutOfTurn,
    /// Bytes that are no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The socket fails.
    #[error("the node's socket: {0}")]
    Io(#[from] io::Error),
}

/// An open connection, past the greeting.
#[derive(Debug)]
pub struct Connection {
    socket: UnixStream,
    /// Held while a frame is written, so that those of several threads stay whole. Set once one was cut short.
    cut_short: Mutex<Option<CutShort>>,
    frames: Receiver<Result<Incoming, ConnectionError>>,
    interrupted: Arc<AtomicBool>,
    /// How long the node may take to accept one message or chunk.
    write_patience: Duration,
    /// The end of all writing.
    end: Option<Instant>,
    version: u16,
    pool: String,
    node_software: String,
}

impl Connection {
    /// Connects and greets. `interrupted`, once true, ends every wait. The node may take as long as `patience` to
    /// answer, and later for each thing that is written to it, unless [`Self::bound_writes`] says otherwise.
    ///
    /// # Errors
    /// No node, a node of another protocol version, a node that refuses or is silent past `patience`.
    pub fn open(
        path: &Path,
        patience: Duration,
        interrupted: Arc<AtomicBool>,
    ) -> Result<Self, ConnectionError> {
        let until = Instant::now() + patience;
        let socket = connect_within(path, patience).map_err(|source| {
            if interrupted.load(Ordering::Relaxed) {
                return ConnectionError::Interrupted;
            }
            ConnectionError::NoNode { path: path.to_owned(), source }
        })?;
        socket.set_write_timeout(Some(TICK))?;
        let frames = start_reader(socket.try_clone()?)?;
        let (pool, node_software) = (String::new(), String::new());
        let (write_patience, end) = (patience, None);
        let cut_short = Mutex::new(None);
        let version = VERSION_OLDEST;
        let mut connection = Self {
            socket,
            cut_short,
            frames,
            interrupted,
            write_patience,
            end,
            version,
            pool,
            node_software,
        };
        connection.greet(until)?;
        Ok(connection)
    }

    /// From now on the node may take `patience` to accept one message or chunk, and nothing is written after `end`.
    pub const fn bound_writes(&mut self, patience: Duration, end: Instant) {
        (self.write_patience, self.end) = (patience, Some(end));
    }

    fn greet(&mut self, until: Instant) -> Result<(), ConnectionError> {
        let (oldest, newest) = (VERSION_OLDEST, VERSION);
        self.send(&Request::Hello { oldest, newest, software: SOFTWARE.to_owned() })?;
        let Reply::Welcome { version, software, pool } = self.reply(until)? else {
            return Err(ConnectionError::OutOfTurn);
        };
        if !(oldest..=newest).contains(&version) {
            return Err(ConnectionError::OutOfTurn);
        }
        (self.version, self.pool, self.node_software) = (version, pool, software);
        Ok(())
    }

    /// The version of the protocol that both speak.
    #[must_use]
    pub const fn version(&self) -> u16 {
        self.version
    }

    /// The pool that the node belongs to.
    #[must_use]
    pub fn pool(&self) -> &str {
        &self.pool
    }

    /// The node's program and version.
    #[must_use]
    pub fn node_software(&self) -> &str {
        &self.node_software
    }

    /// Says something.
    ///
    /// # Errors
    /// A message over the bound, or a node that takes nothing.
    pub fn send(&self, request: &Request) -> Result<(), ConnectionError> {
        let bytes = encode(request)?;
        self.write(&mut [IoSlice::new(&bytes)])
    }

    /// Hands in a chunk.
    ///
    /// # Errors
    /// A node that takes nothing.
    pub fn send_chunk(&self, chunk: &VerifiedChunk) -> Result<(), ConnectionError> {
        let head = ChunkHead::before(chunk.chunk(), ChunkSource::Local, chunk.frame());
        // In one call: each wakes the node.
        self.write(&mut [IoSlice::new(&head), IoSlice::new(&chunk.frame().bytes)])
    }

    fn write(&self, bytes: &mut [IoSlice<'_>]) -> Result<(), ConnectionError> {
        let mut cut_short = self.cut_short.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = &*cut_short {
            return Err(why.to_error());
        }
        let until = Instant::now() + self.write_patience;
        let until = self.end.map_or(until, |end| end.min(until));
        let written = match self.write_until(bytes, until) {
            Err(ConnectionError::Closed) => Err(self.last_words()),
            written => written,
        };
        *cut_short = written.as_ref().err().map(CutShort::by);
        written
    }

    fn write_until(&self, mut bytes: &mut [IoSlice<'_>], until: Instant) -> Result<(), ConnectionError> {
        // Whatever is empty goes.
        IoSlice::advance_slices(&mut bytes, 0);
        while !bytes.is_empty() {
            self.check_interrupted()?;
            match (&self.socket).write_vectored(bytes) {
                Ok(0) => return Err(ConnectionError::Closed),
                Ok(written) => IoSlice::advance_slices(&mut bytes, written),
                Err(error) if !is_wait(&error) => return Err(hung_up(error)),
                Err(_) => {}
            }
            if !bytes.is_empty() && Instant::now() >= until {
                return Err(ConnectionError::TimedOut);
            }
        }
        Ok(())
    }

    /// A node that refuses says why before it hangs up.
    fn last_words(&self) -> ConnectionError {
        let until = Instant::now() + TICK;
        for _ in 0..LAST_FRAMES_MAX {
            match self.next(until) {
                Ok(_) => {}
                Err(refused @ ConnectionError::Refused(_)) => return refused,
                Err(_) => break,
            }
        }
        ConnectionError::Closed
    }

    fn check_interrupted(&self) -> Result<(), ConnectionError> {
        if self.interrupted.load(Ordering::Relaxed) { Err(ConnectionError::Interrupted) } else { Ok(()) }
    }

    /// The next frame, until a moment.
    ///
    /// # Errors
    /// Nothing came in time, the interruption, or a connection that is of no more use.
    pub fn next(&self, until: Instant) -> Result<Incoming, ConnectionError> {
        loop {
            self.check_interrupted()?;
            let now = Instant::now();
            let wait = until.saturating_duration_since(now).min(TICK);
            match self.frames.recv_timeout(wait) {
                Ok(Ok(Incoming::Reply(Reply::Refused { why }))) => return Err(ConnectionError::Refused(why)),
                Ok(frame) => return frame,
                Err(RecvTimeoutError::Disconnected) => return Err(ConnectionError::Closed),
                Err(RecvTimeoutError::Timeout) if now >= until => return Err(ConnectionError::TimedOut),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// The next answer, until a moment, where no chunk is due.
    ///
    /// # Errors
    /// As [`Self::next`], or a chunk.
    pub fn reply(&self, until: Instant) -> Result<Reply, ConnectionError> {
        match self.next(until)? {
            Incoming::Reply(reply) => Ok(reply),
            Incoming::Chunk { .. } => Err(ConnectionError::OutOfTurn),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Wakes the reader; a socket that is closed already needs no waking.
        drop(self.socket.shutdown(Shutdown::Both));
    }
}

/// Why nothing more can be written: whichever thread comes next hears the same.
#[derive(Debug)]
enum CutShort {
    Refused(String),
    Closed,
}

impl CutShort {
    fn by(error: &ConnectionError) -> Self {
        if let ConnectionError::Refused(why) = error { Self::Refused(why.clone()) } else { Self::Closed }
    }

    fn to_error(&self) -> ConnectionError {
        match self {
            Self::Refused(why) => ConnectionError::Refused(why.clone()),
            Self::Closed => ConnectionError::Closed,
        }
    }
}

/// Connects. A node that is stopped in the middle lets a queue of connections grow, and then nobody gets in: that wait has
/// a bound too, which the standard library cannot give.
fn connect_within(path: &Path, patience: Duration) -> io::Result<UnixStream> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_timeout(&socket, Timeout::Send, Some(patience.max(TICK)))?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(UnixStream::from(socket))
}

fn start_reader(socket: UnixStream) -> io::Result<Receiver<Result<Incoming, ConnectionError>>> {
    let (sender, receiver) = bounded(FRAMES_AHEAD);
    let reader = BufReader::with_capacity(64 * 1024, socket);
    let name = "pollux-socket".to_owned();
    std::thread::Builder::new().name(name).spawn(move || read_frames(reader, &sender))?;
    Ok(receiver)
}

/// Until the node hangs up, or nobody listens any more.
fn read_frames(mut reader: BufReader<UnixStream>, sender: &Sender<Result<Incoming, ConnectionError>>) {
    loop {
        match read_frame(&mut reader) {
            Ok(frame) => {
                if sender.send(Ok(frame)).is_err() {
                    return;
                }
            }
            Err(error) => {
                // A closed channel: nobody wants to know.
                drop(sender.send(Err(error)));
                return;
            }
        }
    }
}

fn read_frame(reader: &mut impl Read) -> Result<Incoming, ConnectionError> {
    let mut head = [0; FrameHead::BYTES];
    reader.read_exact(&mut head).map_err(hung_up)?;
    let head = FrameHead::from_bytes(head)?;
    let body_bytes = usize::try_from(head.body_bytes).map_err(|_| FrameError::TooLong)?;
    match head.frame_type {
        FrameType::Message => {
            let mut body = vec![0; body_bytes];
            reader.read_exact(&mut body).map_err(hung_up)?;
            Ok(Incoming::Reply(decode(&body)?))
        }
        FrameType::Chunk => read_chunk(reader, body_bytes),
    }
}

fn read_chunk(reader: &mut impl Read, body_bytes: usize) -> Result<Incoming, ConnectionError> {
    let frame_bytes = body_bytes.checked_sub(ChunkHead::BYTES).ok_or(FrameError::Malformed)?;
    let mut head = [0; ChunkHead::BYTES];
    reader.read_exact(&mut head).map_err(hung_up)?;
    let head = ChunkHead::from_bytes(&head)?;
    let bytes = read_bytes(reader, frame_bytes).map_err(hung_up)?;
    Ok(Incoming::Chunk { chunk: head.chunk, source: head.source, frame: Frame { kind: head.kind, bytes } })
}

/// So many bytes, into memory that is not filled with zeros first.
fn read_bytes(reader: &mut impl Read, bytes: usize) -> io::Result<Vec<u8>> {
    let mut buffer = Vec::with_capacity(bytes);
    reader.take(u64::try_from(bytes).unwrap_or(u64::MAX)).read_to_end(&mut buffer)?;
    if buffer.len() == bytes { Ok(buffer) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn hung_up(error: io::Error) -> ConnectionError {
    let kinds = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
    if kinds.contains(&error.kind()) { ConnectionError::Closed } else { error.into() }
}

/// The node takes nothing at the moment.
fn is_wait(error: &io::Error) -> bool {
    [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut, io::ErrorKind::Interrupted].contains(&error.kind())
}

#[cfg(test)]
mod tests;
