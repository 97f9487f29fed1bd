//! One engine on a bench: everybody else is played by the test, which decides what each answer is and when it comes.
//! Verifying and signing are done at once, as they would be, unless the test holds them back.
use crate::belief::fixture::{Pool, WALL, key_pair, node};
use crate::engine::{
    Credit, Engine, EngineConfig, Event, FetchId, Input, JobId, JobReply, JobRequest, Output, Record,
    Statement, StoreFailure, TaskId,
};
use crate::message::{Control, Hello};
use crate::{
    CertifiedEnvelope, CheckedChunk, ChunkRef, FrameEncoder, Instant, KeyPair, Manifest, Now, PeerId,
    PeerRole, VerifiedChunk,
};
use core::cell::RefCell;
use core::time::Duration;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) pool: Pool,
    pub(super) engine: Engine,
    pub(super) instant: Instant,
    /// Whether verifications and signatures are answered at once.
    pub(super) prompt: bool,
    key: KeyPair,
    pub(super) out: Vec<Output>,
    pub(super) witnesses: RefCell<BTreeMap<ChunkRef, CheckedChunk>>,
}

impl Bench {
    /// A node in a pool of so many seeds.
    pub(super) fn node(seeds: u8) -> Self {
        Self::of(Pool::new(seeds), key_pair(100), PeerRole::Node)
    }

    /// The first seed of a pool of so many. It has the word of the others that its disk is not an old one.
    pub(super) fn seed(seeds: u8) -> Self {
        let mut bench = Self::new_seed(seeds);
        bench.engine.wholeness.marked(1);
        for other in 1..seeds {
            bench.engine.hear_word(bench.pool.seed_id(usize::from(other)), 1, 1);
        }
        bench.drain();
        bench.record(Ok(()));
        bench.events();
        bench
    }

    /// The same, with a store that has no marker (yet).
    pub(super) fn new_seed(seeds: u8) -> Self {
        let pool = Pool::new(seeds);
        let key = KeyPair::from_seed(*pool.seeds[0].seed());
        Self::of(pool, key, PeerRole::Seed)
    }

    pub(super) fn of(pool: Pool, key: KeyPair, role: PeerRole) -> Self {
        let trust = Arc::new(pool.trust());
        let config = EngineConfig {
            me: PeerId::new(key.public()),
            role,
            software: "test".to_owned(),
            listen_port: 7,
            token: pool.file().token,
            trust,
            rng_seed: 1,
            zone: None,
            pins: Vec::new(),
        };
        let now = Now { instant: Instant::ZERO, wall: WALL };
        let (engine, out) = (Engine::new(config, now), Vec::new());
        let witnesses = RefCell::default();
        let mut bench = Self { pool, engine, instant: Instant::ZERO, prompt: true, key, out, witnesses };
        bench.drain();
        bench
    }

    pub(super) fn now(&self) -> Now {
        Now { instant: self.instant, wall: WALL.after(self.instant.since(Instant::ZERO)) }
    }

    /// Hands in an input, and gathers what comes out.
    pub(super) fn give(&mut self, input: Input) {
        let now = self.now();
        self.engine.handle(now, input);
        self.drain();
    }

    fn drain(&mut self) {
        let now = self.now();
        while let Some(output) = self.engine.poll(now) {
            self.out.push(output);
        }
        if self.prompt {
            self.work();
        }
    }

    /// Verifies and signs what waits for that, and what comes of it.
    pub(super) fn work(&mut self) {
        while self.work_once() {}
    }

    /// Does the first verification or signature that waits, if there is one.
    pub(super) fn work_once(&mut self) -> bool {
        let waits = |output: &Output| matches!(output, Output::Verify { .. } | Output::Sign { .. });
        let Some(place) = self.out.iter().position(waits) else { return false };
        let answer = match self.out.remove(place) {
            Output::Verify { task, work, trust } => {
                Input::Verified { task, verdict: Box::new(work.run(&trust)) }
            }
            Output::Sign { task, statement } => {
                Input::Signed { task, envelope: Statement::sign(&statement, &self.key) }
            }
            other => panic!("no work: {other:?}"),
        };
        let now = self.now();
        self.engine.handle(now, answer);
        while let Some(output) = self.engine.poll(now) {
            self.out.push(output);
        }
        true
    }

    /// Lets time pass, ringing whatever is due at its moment.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.instant.after(time);
        while self.engine.next_timeout() <= end {
            self.instant = self.instant.max(self.engine.next_timeout());
            self.give(Input::Timeout);
        }
        self.instant = end;
    }

    /// Takes out what matches.
    pub(super) fn take<T>(&mut self, mut pick: impl FnMut(&Output) -> Option<T>) -> Vec<T> {
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for output in core::mem::take(&mut self.out) {
            match pick(&output) {
                Some(found) => taken.push(found),
                None => left.push(output),
            }
        }
        self.out = left;
        taken
    }

    /// What came out and was not taken.
    pub(super) fn peek(&self) -> &[Output] {
        &self.out
    }

    /// Forgets what came out so far.
    pub(super) fn clear(&mut self) {
        self.out.clear();
    }
}

/// Peers.
impl Bench {
    pub(super) fn connect(&mut self, peer: PeerId, address: &str) {
        let address: SocketAddr = address.parse().unwrap();
        self.give(Input::Connected { peer, address, dialled: false });
        self.give(Input::Credit(Credit::Send { peer, messages: 100_000 }));
    }

    pub(super) fn say(&mut self, peer: PeerId, message: Control) {
        self.give(Input::Message { peer, message: Box::new(message) });
    }

    pub(super) fn hello(&self, membership: Option<crate::Envelope>) -> Control {
        Control::Hello(Hello {
            pool: self.pool.policy.pool.clone(),
            role: PeerRole::Node,
            software: "test".to_owned(),
            membership,
            listen_port: 9,
        })
    }

    /// A membership for a peer at this address, from now on.
    pub(super) fn membership(&self, peer: PeerId, address: &str) -> crate::Envelope {
        self.membership_by(0, peer, address)
    }

    /// The same, by that seed.
    pub(super) fn membership_by(&self, seed: usize, peer: PeerId, address: &str) -> crate::Envelope {
        let mut membership = self.pool.membership(seed, peer);
        membership.address = address.parse::<SocketAddr>().unwrap().ip();
        membership.issued = self.now().wall;
        membership.expires = self.now().wall.after(Duration::from_secs(900));
        self.pool.by_seed(seed, &membership)
    }

    /// Where a member is.
    pub(super) fn address(number: u8) -> String {
        format!("10.0.2.{number}:9")
    }

    /// A member comes, at an address of its own.
    pub(super) fn member(&mut self, number: u8) -> PeerId {
        let (peer, address) = (node(number), Self::address(number));
        self.connect(peer, &address);
        let hello = self.hello(Some(self.membership(peer, &address)));
        self.say(peer, hello);
        peer
    }

    /// A seed comes, and lets this node in.
    pub(super) fn admitted_by(&mut self, seed: usize) -> PeerId {
        let peer = self.meets_seed(seed);
        let membership = self.membership(PeerId::new(self.key.public()), &Self::address(0));
        self.say(peer, Control::Welcome { membership, peers: Vec::new() });
        peer
    }

    /// A seed comes, and says hello.
    pub(super) fn meets_seed(&mut self, seed: usize) -> PeerId {
        let peer = self.pool.seed_id(seed);
        self.connect(peer, &format!("10.0.1.{}:4001", seed + 1));
        let hello = self.hello(None);
        self.say(peer, hello);
        peer
    }

    /// What was sent to a peer since it was last asked.
    pub(super) fn sent(&mut self, to: PeerId) -> Vec<Control> {
        self.take(|output| match output {
            Output::Send { peer, message } if *peer == to => Some(Control::clone(message)),
            _ => None,
        })
    }

    /// Forgets what was sent to a peer.
    pub(super) fn clear_sent(&mut self, to: PeerId) {
        self.sent(to);
    }

    /// Whom it let go, and why.
    pub(super) fn dropped(&mut self) -> Vec<(PeerId, crate::engine::DropReason)> {
        self.take(|output| match output {
            Output::Disconnect { peer, why } => Some((*peer, *why)),
            _ => None,
        })
    }

    pub(super) fn dialled(&mut self) -> Vec<PeerId> {
        self.take(|output| if let Output::Dial { peer, .. } = output { Some(*peer) } else { None })
    }

    pub(super) fn reached(&mut self) -> Vec<(PeerId, SocketAddr)> {
        self.take(|output| match output {
            Output::Reach { peer, address } => Some((*peer, *address)),
            _ => None,
        })
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        self.take(|output| if let Output::Event(event) = output { Some(event.clone()) } else { None })
    }
}

/// Jobs and disks.
impl Bench {
    pub(super) fn job(&mut self, job: u64, request: JobRequest) {
        self.give(Input::Job { job: JobId(job), request });
        self.give(Input::Credit(Credit::Deliver { job: JobId(job), bytes: 1 << 30 }));
    }

    pub(super) fn replies(&mut self, job: u64) -> Vec<JobReply> {
        self.take(|output| match output {
            Output::Reply { job: to, reply } if *to == JobId(job) => Some(JobReply::clone(reply)),
            _ => None,
        })
    }

    /// Answers every look: `held` says what the store holds.
    pub(super) fn look(&mut self, held: impl Fn(&ChunkRef) -> bool) -> usize {
        let looks = self.take(|output| match output {
            Output::Look { task, chunks } => Some((*task, chunks.clone())),
            _ => None,
        });
        let count = looks.len();
        for (task, chunks) in looks {
            self.give(Input::Looked { task, held: chunks.iter().map(&held).collect() });
        }
        count
    }

    /// Opens every tree: these are its content chunks.
    pub(super) fn open(&mut self, result: Result<Vec<ChunkRef>, crate::engine::TreeFault>) -> usize {
        let tasks =
            self.take(|output| if let Output::OpenTree { task, .. } = output { Some(*task) } else { None });
        for task in &tasks {
            self.give(Input::TreeOpened { task: *task, result: result.clone() });
        }
        tasks.len()
    }

    /// The store holds a whole manifest: looks and trees are answered until no more come.
    pub(super) fn holds_all(&mut self, content: &[ChunkRef]) {
        while self.look(|_| true) + self.open(Ok(content.to_vec())) > 0 {}
    }

    pub(super) fn sync(&mut self, result: Result<(), StoreFailure>) -> usize {
        let tasks: Vec<TaskId> =
            self.take(|output| if let Output::Sync { task } = output { Some(*task) } else { None });
        for task in &tasks {
            self.give(Input::Synced { task: *task, result });
        }
        tasks.len()
    }

    /// Answers every record, and says what was to be recorded.
    pub(super) fn record(&mut self, result: Result<(), StoreFailure>) -> Vec<Record> {
        let records = self.take(|output| match output {
            Output::Record { task, record } => Some((*task, Record::clone(record))),
            _ => None,
        });
        for (task, _) in &records {
            self.give(Input::Recorded { task: *task, result });
        }
        records.into_iter().map(|(_, record)| record).collect()
    }

    /// Peers give every chunk that they are asked for; the store answers so to each.
    pub(super) fn move_chunks(&mut self, kept: Result<(), StoreFailure>) -> usize {
        let mut moved = 0;
        loop {
            let fetches = self.fetches();
            if fetches.is_empty() {
                return moved;
            }
            moved += fetches.len();
            for (fetch, _, chunk) in fetches {
                self.give(Input::FrameArrived { fetch, bytes: 10 });
                self.give(Input::Credit(Credit::Checks(1)));
                let witness = self.witnesses.borrow().get(&chunk).copied().expect("a chunk of a saved tree");
                self.give(Input::Checked { fetch, result: Ok(witness) });
                self.give(Input::Credit(Credit::Writes(1)));
                self.give(Input::Kept { fetch, result: kept });
            }
        }
    }

    /// Whatever waits to be checked or kept is.
    pub(super) fn check_and_keep(&mut self) {
        self.give(Input::Credit(Credit::Checks(100)));
        self.give(Input::Credit(Credit::Writes(100)));
        let checks = self.take(|output| match output {
            Output::Check { fetch, chunk } => Some((*fetch, *chunk)),
            _ => None,
        });
        for (fetch, chunk) in checks {
            let witness = self.witnesses.borrow().get(&chunk).copied().expect("a chunk of a saved tree");
            self.give(Input::Checked { fetch, result: Ok(witness) });
        }
        let keeps = self.take(|output| if let Output::Keep { fetch } = output { Some(*fetch) } else { None });
        for fetch in keeps {
            self.give(Input::Kept { fetch, result: Ok(()) });
        }
    }

    /// What was asked of whom.
    pub(super) fn fetches(&mut self) -> Vec<(FetchId, PeerId, ChunkRef)> {
        let requests = self.take(|output| match output {
            Output::Fetch { peer, chunks } => Some((*peer, chunks.clone())),
            _ => None,
        });
        let each = |(peer, chunks): (PeerId, Vec<(FetchId, ChunkRef)>)| {
            chunks.into_iter().map(move |(fetch, chunk)| (fetch, peer, chunk))
        };
        requests.into_iter().flat_map(each).collect()
    }
}

/// The log.
impl Bench {
    /// What was to be logged.
    pub(super) fn logged(&mut self) -> Vec<crate::LogEntry> {
        self.take(
            |output| if let Output::Log(entry) = output { Some(crate::LogEntry::clone(entry)) } else { None },
        )
    }

    /// Pages that are to be read: the task, and from where on.
    pub(super) fn log_reads(&mut self) -> Vec<(TaskId, Option<crate::message::LogPlace>)> {
        self.take(|output| match output {
            Output::ReadLog { task, after, .. } => Some((*task, *after)),
            _ => None,
        })
    }
}

/// Manifests.
impl Bench {
    /// A manifest whose tree is one chunk and names so many others, which are these.
    pub(super) fn saved(&self, key: &str, sequence: u64, chunks: u8) -> (Manifest, Vec<ChunkRef>) {
        let mut manifest = self.pool.manifest(key, sequence);
        let chunk = |what: String| {
            let witness = VerifiedChunk::from_plain(what.as_bytes(), &mut FrameEncoder::new(1)).witness();
            self.witnesses.borrow_mut().insert(witness.chunk(), witness);
            witness.chunk()
        };
        manifest.tree.totals.chunks = u32::from(chunks);
        manifest.tree.chunks = vec![chunk(format!("{key} {sequence} tree of {chunks}"))];
        let content = (0..chunks).map(|number| chunk(format!("{key} {sequence} {number}")));
        (manifest, content.collect())
    }

    pub(super) fn certified(&self, manifest: &Manifest) -> CertifiedEnvelope {
        self.pool.certified(manifest)
    }

    /// The store remembers a certified manifest, and holds it.
    pub(super) fn remembers(&mut self, manifest: &Manifest, content: &[ChunkRef]) -> crate::ManifestId {
        let certified = self.certified(manifest);
        let id = certified.manifest.id();
        self.give(Input::Recovered(certified));
        self.holds_all(content);
        id
    }
}
