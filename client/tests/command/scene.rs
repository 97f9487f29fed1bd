//! A pool on disk, what it published, and a node that says what it is told to.

use crate::{pollux, told};
use pollux_client::key_file;
use pollux_client::protocol::{FrameHead, Reply, Request, VERSION, decode, encode};
use pollux_core::{
    CertifiedEnvelope, ChunkId, ChunkRef, Envelope, KeyPair, Manifest, ManifestId, PeerId, PoolFile,
    Provenance, Receipt, Timestamp, TreeRef, TreeTotals, Trust,
};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// Two hours and a minute: an age that is the same through the whole test.
const AGE: Duration = Duration::from_secs(2 * 3600 + 60);

/// A directory with a pool in `pool`.
pub(crate) struct Scene {
    directory: TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with_seeds(&["127.0.0.1:4480"])
    }

    pub(crate) fn with_seeds(seeds: &[&str]) -> Self {
        let scene = Self { directory: tempfile::tempdir().unwrap() };
        let mut arguments = vec!["pool", "init", "pool"];
        arguments.extend(seeds.iter().flat_map(|seed| ["--seed", seed]));
        let made = scene.run(&arguments);
        assert!(made.starts_with("status 0\n"), "{made}");
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What the command says in this directory, without what differs from run to run.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let mut command = pollux(arguments);
        command.current_dir(self.directory.path()).env("POLLUX_SOCKET", "node.sock");
        settled(&told(&command.output().unwrap(), self.directory.path()))
    }

    /// `pollux pool VERB` on the pool file.
    pub(crate) fn pool(&self, arguments: &[&str]) -> String {
        let arguments: Vec<&str> =
            ["pool"].iter().chain(arguments).chain(&["--pool", "pool/pool.json"]).copied().collect();
        self.run(&arguments)
    }

    /// The same, signed by the root key without a question.
    pub(crate) fn change(&self, arguments: &[&str]) -> String {
        let arguments: Vec<&str> =
            arguments.iter().chain(&["--root-key", "pool/root.pem", "--yes"]).copied().collect();
        self.pool(&arguments)
    }

    pub(crate) fn pool_file(&self) -> PoolFile {
        PoolFile::from_json(&fs::read_to_string(self.path("pool/pool.json")).unwrap()).unwrap()
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::open(&self.pool_file(), pollux_client::clock::now()).unwrap()
    }

    pub(crate) fn key(&self, name: &str) -> KeyPair {
        key_file::read(&self.path(&format!("pool/{name}.pem"))).unwrap()
    }

    /// A manifest of this key.
    pub(crate) fn manifest(&self, key: &str, sequence: u64, ancestors: &[ManifestId]) -> Manifest {
        let chunk = ChunkRef { id: ChunkId::of(key.as_bytes()), bytes: 100 };
        let tree = TreeRef { chunks: vec![chunk], totals: TreeTotals::default(), roots: vec![String::new()] };
        Manifest {
            pool: "ci".to_owned(),
            key: key.parse().unwrap(),
            sequence,
            created: then(),
            expires: then().after(Duration::from_secs(10 * 86_400)),
            tree,
            ancestors: ancestors.to_vec(),
            generation: u32::try_from(ancestors.len()).unwrap() + 1,
            provenance: Provenance::default(),
            packages: None,
            grant: None,
        }
    }

    /// The manifest, signed by this key, with a receipt of the pool's one seed.
    pub(crate) fn certified(&self, manifest: &Manifest, signer: &KeyPair) -> CertifiedEnvelope {
        let envelope = Envelope::sign(manifest, signer);
        let receipt = Receipt {
            pool: manifest.pool.clone(),
            seed: PeerId::new(self.key("seed").public()),
            manifest: envelope.id(),
            key: manifest.key.clone(),
            sequence: manifest.sequence,
            time: then(),
        };
        CertifiedEnvelope { manifest: envelope, receipts: vec![Envelope::sign(&receipt, &self.key("seed"))] }
    }

    /// Starts a node on `node.sock` for so many connections.
    pub(crate) fn node(&self, connections: usize, answer: impl Fn(&Request) -> Reply + Send + 'static) {
        self.node_of_version(VERSION, connections, move |request| vec![encode(&answer(request)).unwrap()]);
    }

    /// The same, of a node that speaks this version of the protocol and answers with frames.
    pub(crate) fn node_of_version(
        &self,
        version: u16,
        connections: usize,
        answer: impl Fn(&Request) -> Vec<Vec<u8>> + Send + 'static,
    ) {
        let listener = UnixListener::bind(self.path("node.sock")).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().take(connections) {
                serve(stream.unwrap(), version, &answer);
            }
        });
    }
}

fn then() -> Timestamp {
    let now = pollux_client::clock::now().as_millis();
    Timestamp::from_millis(now - u64::try_from(AGE.as_millis()).unwrap())
}

fn serve(mut stream: UnixStream, version: u16, answer: impl Fn(&Request) -> Vec<Vec<u8>>) {
    while let Some(request) = hear(&mut stream) {
        let frames = match &request {
            Request::Hello { .. } => {
                let (software, pool) = ("node".to_owned(), "ci".to_owned());
                vec![encode(&Reply::Welcome { version, software, pool }).unwrap()]
            }
            other => answer(other),
        };
        if frames.iter().any(|frame| stream.write_all(frame).is_err()) {
            return;
        }
    }
}

fn hear(stream: &mut UnixStream) -> Option<Request> {
    let mut head = [0; FrameHead::BYTES];
    stream.read_exact(&mut head).ok()?;
    let mut body = vec![0; usize::try_from(FrameHead::from_bytes(head).unwrap().body_bytes).unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some(decode(&body).unwrap())
}

/// With a word in the place of every moment and of every name that was cut short.
fn settled(text: &str) -> String {
    text.split_inclusive([' ', '\n']).map(settled_word).collect()
}

fn settled_word(word: &str) -> String {
    let plain = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let is_hex = plain.len() == 8 && plain.bytes().all(|byte| byte.is_ascii_hexdigit());
    if plain.parse::<Timestamp>().is_ok() {
        word.replacen(plain, "[TIME]", 1)
    } else if is_hex || (word.contains('…') && !plain.is_empty()) {
        word.replacen(plain, "[SHORT]", 1)
    } else {
        word.to_owned()
    }
}
