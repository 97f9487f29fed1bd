//! A registry of a story's own: the files below a directory, over HTTP on loopback, until it is closed.

use sha2::{Digest, Sha256};
use std::fs;
use std::io::{BufRead, BufReader, Cursor, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use zip::write::{SimpleFileOptions, ZipWriter};

/// A registry.
pub(crate) struct Site {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What it serves.
    pub(crate) directory: PathBuf,
    closed: Arc<AtomicBool>,
    hand: Option<JoinHandle<()>>,
}

impl Site {
    pub(crate) fn open(directory: PathBuf) -> Self {
        fs::create_dir_all(&directory).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let closed = Arc::new(AtomicBool::new(false));
        let (served, is_closed) = (directory.clone(), Arc::clone(&closed));
        let hand = thread::spawn(move || {
            let asked = listener.incoming().map(Result::unwrap);
            for stream in asked.take_while(|_| !is_closed.load(Ordering::SeqCst)) {
                let served = served.clone();
                // Whoever asked may hang up; that is its own matter.
                thread::spawn(move || answer(&stream, &served).unwrap_or_default());
            }
        });
        Self { address, directory, closed, hand: Some(hand) }
    }

    /// Where something is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// A file of it.
    pub(crate) fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// From here on nobody answers.
    pub(crate) fn close(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        if let Some(hand) = self.hand.take() {
            TcpStream::connect(self.address).unwrap();
            hand.join().unwrap();
        }
        assert!(TcpStream::connect(self.address).is_err());
    }
}

fn answer(stream: &TcpStream, directory: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut path = directory.join(target.trim_start_matches('/').split('?').next().unwrap_or_default());
    if path.is_dir() {
        path = path.join("index.html");
    }
    let found = fs::read(&path).ok();
    let status = if found.is_some() { "200 OK" } else { "404 Not Found" };
    let kind = if path.extension().is_some_and(|end| end == "html") {
        "text/html"
    } else {
        "application/octet-stream"
    };
    let body = found.unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nDate: Wed, 01 Jan 2020 00:00:00 GMT\r\nCache-Control: max-age=3155760000\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut out = stream;
    out.write_all(head.as_bytes())?;
    if method != "HEAD" { out.write_all(&body) } else { Ok(()) }
}

/// An archive with these files.
pub(crate) fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

/// A wheel of `story-wheel` 1.0, as builders make it.
pub(crate) fn wheel() -> Vec<u8> {
    let module = ("story_wheel.py", "SEVEN = 7\n");
    let metadata =
        ("story_wheel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: story-wheel\nVersion: 1.0\n");
    let tags = (
        "story_wheel-1.0.dist-info/WHEEL",
        "Wheel-Version: 1.0\nGenerator: story\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    );
    let line = |(name, text): (&str, &str)| {
        let hash = data_encoding::BASE64URL_NOPAD.encode(&Sha256::digest(text));
        format!("{name},sha256={hash},{}\n", text.len())
    };
    let record =
        format!("{}{}{}story_wheel-1.0.dist-info/RECORD,,\n", line(module), line(metadata), line(tags));
    zip(&[module, metadata, tags, ("story_wheel-1.0.dist-info/RECORD", &record)])
}
