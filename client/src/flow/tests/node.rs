//! A node that follows a script, on a socket of its own.

use crate::protocol::{
    ChunkHead, ChunkSource, FrameHead, FrameType, Reply, Request, VERSION, decode, encode,
};
use pollux_core::{ChunkRef, Frame, VerifiedChunk};
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a client said.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heard {
    Request(Request),
    Chunk(ChunkRef),
}

/// What the node does about it.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Say(Reply),
    Give(ChunkRef, ChunkSource, Frame),
    /// Hands out the bytes one by one, with a pause after each, until all are gone or the client is.
    Dribble(Vec<u8>),
    /// Says this again and again, with a pause after each, until the client is gone.
    Repeat(Reply),
    /// Tells the test that what came before it was handed out.
    Tell(Sender<()>),
    HangUp,
}

impl Act {
    /// A chunk as it should be.
    pub(super) fn give(chunk: &VerifiedChunk, source: ChunkSource) -> Self {
        Self::Give(chunk.chunk(), source, chunk.frame().clone())
    }
}

/// A running node. It serves one connection.
pub(super) struct Node {
    pub(super) socket: PathBuf,
    thread: JoinHandle<Vec<Heard>>,
    _directory: tempfile::TempDir,
}

/// Between two bytes of a node that dribbles: it looks meanwhile whether the client is still there.
const PAUSE: Duration = Duration::from_millis(20);

impl Node {
    /// Greets as a node of the pool `ci`, and does what the script says about everything after that.
    pub(super) fn start(script: impl FnMut(&Heard) -> Vec<Act> + Send + 'static) -> Self {
        let software = "node".to_owned();
        Self::greeting(Reply::Welcome { version: VERSION, software, pool: "ci".to_owned() }, script)
    }

    /// Greets otherwise.
    pub(super) fn greeting(greeting: Reply, script: impl FnMut(&Heard) -> Vec<Act> + Send + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("node.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let thread = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            serve(stream, greeting, script)
        });
        Self { socket, thread, _directory: directory }
    }

    /// All that was heard, once the client is gone.
    pub(super) fn heard(self) -> Vec<Heard> {
        self.thread.join().unwrap()
    }
}

fn serve(mut stream: UnixStream, greeting: Reply, mut script: impl FnMut(&Heard) -> Vec<Act>) -> Vec<Heard> {
    let mut all = Vec::new();
    while let Some(heard) = hear(&mut stream) {
        let acts = if matches!(heard, Heard::Request(Request::Hello { .. })) {
            vec![Act::Say(greeting.clone())]
        } else {
            script(&heard)
        };
        all.push(heard);
        for act in acts {
            // The client has seen enough.
            if perform(&mut stream, act).is_err() {
                return all;
            }
        }
    }
    all
}

fn hear(stream: &mut UnixStream) -> Option<Heard> {
    let mut head = [0; FrameHead::BYTES];
    stream.read_exact(&mut head).ok()?;
    let head = FrameHead::from_bytes(head).unwrap();
    let mut body = vec![0; head.body_bytes.try_into().unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some(match head.frame_type {
        FrameType::Message => Heard::Request(decode(&body).unwrap()),
        FrameType::Chunk => {
            let head = ChunkHead::from_bytes(body.first_chunk().unwrap()).unwrap();
            Heard::Chunk(head.chunk)
        }
    })
}

fn perform(stream: &mut UnixStream, act: Act) -> io::Result<()> {
    match act {
        Act::Say(reply) => stream.write_all(&encode(&reply).unwrap()),
        Act::Give(chunk, source, frame) => {
            stream.write_all(&ChunkHead::before(chunk, source, &frame))?;
            stream.write_all(&frame.bytes)
        }
        Act::Dribble(bytes) => bytes.iter().try_for_each(|byte| {
            stream.write_all(&[*byte])?;
            pause(stream)
        }),
        Act::Repeat(reply) => loop {
            stream.write_all(&encode(&reply).unwrap())?;
            pause(stream)?;
        },
        Act::Tell(test) => test.send(()).map_err(|_| io::ErrorKind::BrokenPipe.into()),
        Act::HangUp => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

/// An error if the client hangs up meanwhile.
fn pause(stream: &mut UnixStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PAUSE))?;
    let gone = matches!(stream.read(&mut [0]), Ok(0));
    stream.set_read_timeout(None)?;
    if gone { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
}
