//! A pool of one seed, and saves that it has certified.

use super::*;
use pollux_client::pool::{self, InitRequest};
use pollux_client::{clock, key_file};
use pollux_core::{
    CertifiedEnvelope, CertifiedManifest, Envelope, Manifest, PoolFile, Provenance, Receipt, Timestamp,
    TreeRef, TreeTotals, Trust, Used, Yank, Yanked,
};
use std::time::Duration;

pub(in crate::socket) struct Saves {
    directory: tempfile::TempDir,
    pub(in crate::socket) trust: Trust,
    publisher: KeyPair,
    seed: KeyPair,
    now: Timestamp,
}

impl Saves {
    pub(in crate::socket) fn new() -> Self {
        let (directory, now) = (tempfile::tempdir().unwrap(), clock::now());
        let request = InitRequest::new(directory.path().join("pool"), vec!["127.0.0.1:1".to_owned()], now);
        pool::init(&request).unwrap();
        let text = std::fs::read_to_string(request.directory.join("pool.json")).unwrap();
        let trust = Trust::open(&PoolFile::from_json(&text).unwrap(), now).unwrap();
        let key = |name: &str| key_file::read(&request.directory.join(name)).unwrap();
        Self { trust, publisher: key("publisher.pem"), seed: key("seed.pem"), now, directory }
    }

    pub(in crate::socket) fn manifest(&self, sequence: u64) -> Manifest {
        let chunk = ChunkRef { id: ChunkId::of(b"x"), bytes: 1 };
        Manifest {
            pool: "ci".to_owned(),
            key: "a/b".parse().unwrap(),
            sequence,
            created: self.now,
            expires: self.now.after(Duration::from_secs(3600)),
            tree: TreeRef { chunks: vec![chunk], totals: TreeTotals::default(), roots: vec![String::new()] },
            ancestors: Vec::new(),
            generation: 1,
            provenance: Provenance { build: "b1".to_owned(), ..Provenance::default() },
            packages: None,
            grant: None,
        }
    }

    pub(in crate::socket) fn signed(&self, sequence: u64) -> Envelope {
        Envelope::sign(&self.manifest(sequence), &self.publisher)
    }

    pub(in crate::socket) fn used(&self, sequence: u64) -> Arc<Used> {
        Arc::new(Used::from(&self.certified(sequence)))
    }

    pub(in crate::socket) fn certified(&self, sequence: u64) -> CertifiedManifest {
        let manifest = self.signed(sequence);
        let receipt = Receipt {
            pool: "ci".to_owned(),
            seed: PeerId::new(self.seed.public()),
            manifest: manifest.id(),
            key: "a/b".parse().unwrap(),
            sequence,
            time: self.now,
        };
        let certified = CertifiedEnvelope { manifest, receipts: vec![Envelope::sign(&receipt, &self.seed)] };
        self.trust.certify(&certified, self.now).unwrap()
    }

    /// What everything is judged by once this was taken back.
    pub(in crate::socket) fn after_yank(&self, what: Yanked) -> Trust {
        let yank = Yank {
            pool: "ci".to_owned(),
            serial: "y-1".to_owned(),
            what,
            reason: "it held a miner".to_owned(),
            cascade: false,
            time: self.now,
            manifests: Vec::new(),
        };
        let key = key_file::read(&self.directory.path().join("pool/yank.pem")).unwrap();
        self.trust.clone().hear(&[Envelope::sign(&yank, &key)], self.now)
    }
}
