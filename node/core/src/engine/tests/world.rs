//! A pool in virtual time: engines, links with latency, and what drivers owe an engine.
use super::host::{Disk, Host};
use crate::belief::fixture::{Pool, WALL, key_pair};
use crate::engine::{
    AskId, Credit, Engine, FetchFailure, FetchId, Input, JobId, JobReply, JobRequest, Output, ServeFailure,
    Share, Source,
};
use crate::message::{Control, Decline};
use crate::{
    ChunkId, ChunkRef, Entry, EntryKind, Envelope, Frame, FrameDecoder, Instant, Manifest, ManifestId, Nonce,
    Now, PeerId, PeerRole, Tree, TreeRef,
};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// One way over a link.
const LATENCY: Duration = Duration::from_millis(2);
/// What a disk or another thread takes.
const WORK: Duration = Duration::from_micros(300);
/// Between chunks of one sender, so that a transfer takes a while.
const CHUNK_TIME: Duration = Duration::from_millis(4);

/// No engine gets so far with its numbers.
const FORGED: u64 = 1 << 63;

/// What is on its way.
#[derive(Debug)]
enum Coming {
    Input(Input),
    /// A connection between this host and another, dialled by the other.
    Link {
        from: usize,
        dialled: PeerId,
    },
    Ask {
        from: usize,
        chunks: Vec<(FetchId, ChunkId)>,
    },
    Frame {
        fetch: FetchId,
        frame: Frame,
    },
}

/// A saved tree: its manifest before signing, and its content chunks.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    pub(super) manifest: Manifest,
    pub(super) content: Vec<ChunkRef>,
}

impl Saved {
    pub(super) fn all(&self) -> Vec<ChunkRef> {
        self.manifest.tree.chunks.iter().chain(&self.content).copied().collect()
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct World {
    pub(super) pool: Pool,
    pub(super) hosts: Vec<Host>,
    now: Instant,
    /// The wall clock jumped by so much.
    pub(super) wall_jump: Duration,
    coming: BTreeMap<(Instant, u64), (usize, u32, Coming)>,
    serial: u64,
    busy_until: BTreeMap<usize, Instant>,
    pub(super) cut: BTreeSet<(usize, usize)>,
    trace: blake3::Hasher,
    pub(super) rng_seed: u64,
}

impl World {
    /// So many seeds, hosts `0..seeds`.
    pub(super) fn new(seeds: u8) -> Self {
        Self::of(Pool::new(seeds), 1)
    }

    pub(super) fn of(pool: Pool, rng_seed: u64) -> Self {
        let mut world = Self {
            hosts: Vec::new(),
            now: Instant::ZERO,
            wall_jump: Duration::ZERO,
            coming: BTreeMap::new(),
            serial: 0,
            busy_until: BTreeMap::new(),
            cut: BTreeSet::new(),
            trace: blake3::Hasher::new(),
            rng_seed,
            pool,
        };
        for number in 0..world.pool.seeds.len() {
            let seed = world.pool.seeds[number].seed();
            let address = format!("10.0.1.{}:4001", number + 1);
            world.add(crate::KeyPair::from_seed(*seed), &address, PeerRole::Seed);
        }
        world
    }

    /// A node that boots now; its host number.
    pub(super) fn node(&mut self) -> usize {
        let number = u8::try_from(self.hosts.len()).unwrap();
        self.add(key_pair(100 + number), &format!("10.0.0.{number}:5000"), PeerRole::Node)
    }

    pub(super) fn add(&mut self, key: crate::KeyPair, address: &str, role: PeerRole) -> usize {
        let file = self.pool.file();
        let host = Host {
            peer: PeerId::new(key.public()),
            key,
            address: address.parse().unwrap(),
            role,
            file,
            engine: None,
            life: 0,
            disk: Disk { marker: (role == PeerRole::Seed).then_some(1), ..Disk::default() },
            linked: BTreeSet::new(),
            frames: BTreeMap::new(),
            checked: BTreeMap::new(),
            asks: BTreeMap::new(),
            replies: Vec::new(),
            delivered: Vec::new(),
            events: Vec::new(),
            slow: Duration::ZERO,
            lies: false,
            deaf: false,
            served: 0,
        };
        self.hosts.push(host);
        let number = self.hosts.len() - 1;
        self.boot(number);
        number
    }

    /// Starts a host that is not running, from its disk.
    pub(super) fn boot(&mut self, host: usize) {
        let now = self.now();
        let rng_seed = self.rng_seed * 1_000 + u64::try_from(host).unwrap();
        self.hosts[host].boot(rng_seed, now);
        let disk = &mut self.hosts[host].disk;
        let marked = disk.marker;
        disk.marker = marked.map(|epoch| epoch + 1);
        let next = disk.papers.as_ref().and_then(|(_, next)| next.clone());
        let mut remembered: Vec<Input> = next.map(Input::RecoveredPapers).into_iter().collect();
        remembered.extend(disk.ballots.values().cloned().map(Input::RecoveredBallot));
        remembered.extend(
            disk.seen.iter().map(|(seed, epoch)| Input::RecoveredSeen { seed: *seed, epoch: *epoch }),
        );
        remembered.extend(
            disk.shares.iter().map(|(&(publisher, until), &bytes)| {
                Input::RecoveredShare(Share { publisher, until, bytes })
            }),
        );
        remembered.extend(disk.uses.iter().map(|(&manifest, &used)| Input::RecoveredUse { manifest, used }));
        remembered.extend(marked.map(|epoch| Input::Marked { epoch }));
        remembered.into_iter().for_each(|input| self.input(host, input));
        let votes = self.hosts[host].disk.votes.clone();
        for (manifest, receipt) in votes {
            self.input(host, Input::RecoveredVote { manifest, receipt });
        }
        let certified: Vec<_> = self.hosts[host].disk.certified.values().cloned().collect();
        for certified in certified {
            self.input(host, Input::Recovered(certified));
        }
        for credit in [Credit::Checks(4), Credit::Writes(4), Credit::Reads(4)] {
            self.input(host, Input::Credit(credit));
        }
    }

    /// kill -9.
    pub(super) fn kill(&mut self, host: usize) {
        self.hosts[host].engine = None;
        self.hosts[host].frames.clear();
        self.hosts[host].asks.clear();
        for other in core::mem::take(&mut self.hosts[host].linked) {
            self.unlink(other, host);
        }
    }

    /// No packet passes between these two from now on; what they have is cut.
    pub(super) fn cut(&mut self, one: usize, other: usize) {
        self.cut.insert((one.min(other), one.max(other)));
        if self.hosts[one].linked.remove(&other) {
            let peer = self.hosts[other].peer;
            self.send_later(one, LATENCY, Coming::Input(Input::Disconnected { peer }));
            self.unlink(other, one);
        }
    }

    fn unlink(&mut self, host: usize, gone: usize) {
        let peer = self.hosts[gone].peer;
        if self.hosts[host].linked.remove(&gone) {
            self.send_later(host, LATENCY, Coming::Input(Input::Disconnected { peer }));
        }
    }

    pub(super) fn now(&self) -> Now {
        let past = self.now.since(Instant::ZERO);
        Now { instant: self.now, wall: WALL.after(past).after(self.wall_jump) }
    }

    /// Hands an input to a host now.
    pub(super) fn input(&mut self, host: usize, input: Input) {
        let now = self.now();
        if let Some(engine) = self.hosts[host].engine.as_mut() {
            engine.handle(now, input);
        }
        while let Some(output) = self.hosts[host].poll(now) {
            self.trace.update(format!("{:?} {host} {output:?}\n", now.instant).as_bytes());
            self.act(host, output);
        }
    }

    /// A message as if this peer's machine had sent it, whatever its engine thinks.
    pub(super) fn forge(&mut self, from: usize, to: usize, message: Control) {
        let peer = self.hosts[from].peer;
        self.input(to, Input::Message { peer, message: Box::new(message) });
    }

    pub(super) fn digest(&self) -> String {
        self.trace.finalize().to_string()
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now.after(time);
        while self.step(end) {}
        self.now = end;
    }

    /// Lets time pass until something holds; false if it does not within a minute.
    pub(super) fn until(&mut self, mut holds: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now.after(Duration::from_secs(60));
        loop {
            if holds(self) {
                return true;
            }
            if !self.step(end) {
                self.now = end;
                return false;
            }
        }
    }

    fn step(&mut self, end: Instant) -> bool {
        let engines = self.hosts.iter().enumerate();
        let alarms = engines.filter_map(|(host, one)| Some((one.engine.as_ref()?.next_timeout(), host)));
        let alarm = alarms.min();
        let first = self.coming.first_key_value().map(|((at, _), _)| *at).unwrap_or(Instant::NEVER);
        let at = first.min(alarm.map_or(Instant::NEVER, |(at, _)| at));
        if at > end {
            return false;
        }
        self.now = self.now.max(at);
        match alarm {
            Some((due, host)) if due < first => self.input(host, Input::Timeout),
            _ => self.arrive(),
        }
        true
    }

    fn send_later(&mut self, host: usize, delay: Duration, coming: Coming) {
        self.serial += 1;
        let life = self.hosts[host].life;
        self.coming.insert((self.now.after(delay), self.serial), (host, life, coming));
    }

    fn answer(&mut self, host: usize, input: Input) {
        let delay = WORK.saturating_add(self.hosts[host].slow);
        self.send_later(host, delay, Coming::Input(input));
    }

    fn arrive(&mut self) {
        let Some((_, (host, life, coming))) = self.coming.pop_first() else { return };
        if self.hosts[host].life != life || self.hosts[host].engine.is_none() {
            return;
        }
        match coming {
            Coming::Input(Input::Message { peer, message }) => {
                if self.is_linked(host, &peer) {
                    self.input(host, Input::Message { peer, message });
                }
            }
            Coming::Input(input) => self.input(host, input),
            Coming::Link { from, dialled } => self.link(from, host, dialled),
            Coming::Ask { from, chunks } => {
                let peer = self.hosts[from].peer;
                let mut asks = Vec::new();
                for (fetch, chunk) in chunks {
                    self.serial += 1;
                    self.hosts[host].asks.insert(AskId(self.serial), (from, fetch, chunk));
                    asks.push((AskId(self.serial), chunk));
                }
                self.input(host, Input::Asked { peer, chunks: asks });
            }
            Coming::Frame { fetch, frame } => {
                let bytes = u32::try_from(frame.bytes.len()).unwrap();
                self.hosts[host].frames.insert(fetch, frame);
                self.input(host, Input::FrameArrived { fetch, bytes });
            }
        }
    }

    fn is_linked(&self, host: usize, peer: &PeerId) -> bool {
        self.find(peer).is_some_and(|other| self.hosts[host].linked.contains(&other))
    }

    pub(super) fn find(&self, peer: &PeerId) -> Option<usize> {
        self.hosts.iter().position(|host| host.peer == *peer)
    }

    fn link(&mut self, from: usize, to: usize, dialled: PeerId) {
        if self.hosts[from].engine.is_none() || self.hosts[from].linked.contains(&to) {
            return;
        }
        self.hosts[from].linked.insert(to);
        self.hosts[to].linked.insert(from);
        for (one, other, dialled) in [(from, to, true), (to, from, false)] {
            let (peer, address) = (self.hosts[other].peer, self.hosts[other].address);
            self.input(one, Input::Connected { peer, address, dialled });
            self.input(one, Input::Credit(Credit::Send { peer, messages: 8 }));
        }
        let _ = dialled;
    }

    fn dial(&mut self, host: usize, peer: PeerId, addresses: &[String]) {
        let reach = self.find(&peer).filter(|other| {
            let there = &self.hosts[*other];
            let cut = self.cut.contains(&(host.min(*other), host.max(*other)));
            there.engine.is_some() && !cut && addresses.contains(&there.address.to_string())
        });
        match reach {
            Some(other) => self.send_later(other, LATENCY, Coming::Link { from: host, dialled: peer }),
            None => self.send_later(host, LATENCY, Coming::Input(Input::DialFailed { peer })),
        }
    }

    fn act(&mut self, host: usize, output: Output) {
        match output {
            Output::Dial { peer, addresses } => self.dial(host, peer, &addresses),
            Output::Disconnect { peer, .. } => {
                if let Some(other) = self.find(&peer)
                    && self.hosts[host].linked.remove(&other)
                {
                    self.unlink(other, host);
                }
            }
            Output::Send { peer, message } => self.send(host, peer, &message),
            Output::Fetch { peer, chunks } => self.fetch(host, peer, chunks),
            Output::Check { fetch, chunk } => {
                let frame = self.hosts[host].frames.get(&fetch).cloned().unwrap();
                let result = FrameDecoder::new().verify(frame, chunk).map(|checked| checked.witness());
                self.answer(host, Input::Checked { fetch, result });
                self.answer(host, Input::Credit(Credit::Checks(1)));
                self.hosts[host].checked.insert(fetch, chunk);
            }
            Output::Keep { fetch } => {
                let frame = self.hosts[host].frames.get(&fetch).cloned().unwrap();
                let chunk = self.hosts[host].checked[&fetch];
                let checked = FrameDecoder::new().verify(frame, chunk).unwrap();
                let result = self.hosts[host].keep(checked);
                self.answer(host, Input::Kept { fetch, result });
                self.answer(host, Input::Credit(Credit::Writes(1)));
            }
            Output::Release { fetch } => {
                self.hosts[host].frames.remove(&fetch);
                self.hosts[host].checked.remove(&fetch);
            }
            Output::Serve { chunks } => chunks.into_iter().for_each(|(ask, _)| self.serve(host, ask, None)),
            Output::Decline { ask, why } => self.serve(host, ask, Some(why)),
            Output::Deliver { job, chunk, source, fetch } => self.deliver(host, job, (chunk, source), fetch),
            Output::Reply { job, reply } => self.hosts[host].replies.push((job, *reply)),
            Output::Event(event) => self.hosts[host].events.push(event),
            Output::Admit { .. } | Output::Reach { .. } => {}
            Output::Log(entry) => self.hosts[host].disk.log.push(*entry),
            Output::Verify { .. }
            | Output::Sign { .. }
            | Output::Record { .. }
            | Output::Sync { .. }
            | Output::Look { .. }
            | Output::OpenTree { .. }
            | Output::ReadLog { .. } => self.work(host, output),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller has sorted the outputs")]
    fn work(&mut self, host: usize, output: Output) {
        let here = &mut self.hosts[host];
        let input = match output {
            Output::Verify { task, work, trust } => {
                Input::Verified { task, verdict: Box::new(work.run(&trust)) }
            }
            Output::Sign { task, statement } => Input::Signed { task, envelope: statement.sign(&here.key) },
            Output::Record { task, record } => Input::Recorded { task, result: here.record(*record) },
            Output::Sync { task } => {
                here.disk.syncs += 1;
                Input::Synced { task, result: Ok(()) }
            }
            Output::Look { task, chunks } => {
                let held = chunks.iter().map(|chunk| here.disk.chunks.contains_key(&chunk.id)).collect();
                Input::Looked { task, held }
            }
            Output::OpenTree { task, tree } => Input::TreeOpened { task, result: here.open_tree(&tree) },
            Output::ReadLog { task, what, after } => {
                Input::LogRead { task, page: here.disk.log_page(&what, after) }
            }
            other => panic!("no work: {other:?}"),
        };
        self.answer(host, input);
    }

    fn send(&mut self, host: usize, peer: PeerId, message: &Control) {
        let message = Box::new(Control::decode(&message.encode()).expect("an engine sends what others read"));
        let me = self.hosts[host].peer;
        if let Some(other) = self.find(&peer).filter(|other| self.hosts[host].linked.contains(other)) {
            self.send_later(other, LATENCY, Coming::Input(Input::Message { peer: me, message }));
            if !self.hosts[other].deaf {
                self.answer(host, Input::Credit(Credit::Send { peer, messages: 1 }));
            }
        }
    }

    fn fetch(&mut self, host: usize, peer: PeerId, chunks: Vec<(FetchId, ChunkRef)>) {
        match self.find(&peer).filter(|other| self.hosts[host].linked.contains(other)) {
            Some(other) => {
                let chunks = chunks.into_iter().map(|(fetch, chunk)| (fetch, chunk.id)).collect();
                self.send_later(other, LATENCY, Coming::Ask { from: host, chunks });
            }
            None => {
                let why = FetchFailure::NotConnected;
                for (fetch, _) in chunks {
                    self.answer(host, Input::FetchFailed { fetch, why });
                }
            }
        }
    }

    /// A machine asks another for a chunk, whatever its engine thinks.
    pub(super) fn forge_ask(&mut self, from: usize, to: usize, chunk: ChunkId) {
        self.serial += 1;
        let fetch = FetchId(FORGED | self.serial);
        self.send_later(to, LATENCY, Coming::Ask { from, chunks: vec![(fetch, chunk)] });
    }

    /// Chunks that a machine got for what was forged.
    pub(super) fn forged_frames(&self, host: usize) -> usize {
        self.hosts[host].frames.range(FetchId(FORGED)..).count()
    }

    fn serve(&mut self, host: usize, ask: AskId, declined: Option<Decline>) {
        let Some((asker, fetch, chunk)) = self.hosts[host].asks.remove(&ask) else { return };
        let held = self.hosts[host].disk.chunks.get(&chunk).map(|chunk| chunk.frame().clone());
        if let Some(why) = declined {
            let why = FetchFailure::Declined(why);
            return self.send_later(asker, LATENCY, Coming::Input(Input::FetchFailed { fetch, why }));
        }
        let Some(mut frame) = held else {
            self.answer(host, Input::Credit(Credit::Reads(1)));
            let why = FetchFailure::Declined(Decline::Missing);
            self.send_later(asker, LATENCY, Coming::Input(Input::FetchFailed { fetch, why }));
            return self.answer(host, Input::Served { ask, result: Err(ServeFailure::Missing) });
        };
        if self.hosts[host].lies
            && let Some(byte) = frame.bytes.last_mut()
        {
            *byte ^= 1;
        }
        self.hosts[host].served += 1;
        let bytes = u32::try_from(frame.bytes.len()).unwrap();
        let free = self.busy_until.get(&host).copied().unwrap_or(self.now).max(self.now).after(CHUNK_TIME);
        self.busy_until.insert(host, free);
        for input in [Input::Served { ask, result: Ok(bytes) }, Input::Credit(Credit::Reads(1))] {
            self.send_later(host, free.since(self.now), Coming::Input(input));
        }
        if self.hosts[host].linked.contains(&asker) {
            self.send_later(
                asker,
                free.since(self.now).saturating_add(LATENCY),
                Coming::Frame { fetch, frame },
            );
        }
    }

    fn deliver(
        &mut self,
        host: usize,
        job: JobId,
        (chunk, source): (ChunkRef, Source),
        fetch: Option<FetchId>,
    ) {
        let here = &mut self.hosts[host];
        assert!(
            fetch.is_some_and(|fetch| here.frames.contains_key(&fetch))
                || here.disk.chunks.contains_key(&chunk.id),
            "a chunk is delivered from where it is"
        );
        here.delivered.push((job, chunk, source));
        self.answer(host, Input::Credit(Credit::Deliver { job, bytes: chunk.bytes }));
    }
}

/// What jobs do.
impl World {
    /// A job asks for something; it has room for a megabyte.
    pub(super) fn job(&mut self, host: usize, job: u64, request: JobRequest) {
        let credit = Credit::Deliver { job: JobId(job), bytes: 1 << 20 };
        self.input(host, Input::Job { job: JobId(job), request });
        self.input(host, Input::Credit(credit));
    }

    pub(super) fn ask(&mut self, host: usize, job: u64, key: &str, fallbacks: &[&str]) {
        let query = crate::belief::fixture::query(key, fallbacks);
        self.serial += 1;
        let fresh = |seed: usize| {
            let text = format!("{} {host} {job} {seed}", self.serial);
            Nonce::from_bytes(*blake3::hash(text.as_bytes()).as_bytes())
        };
        let nonces = (0..self.pool.seeds.len()).map(fresh).collect();
        self.job(host, job, JobRequest::Resolve { query, nonces, deadline: Duration::from_secs(3) });
    }

    /// Asks, and waits for the reply.
    pub(super) fn resolve(&mut self, host: usize, job: u64, key: &str, fallbacks: &[&str]) -> JobReply {
        let before = self.replies_of(host, job).len();
        self.ask(host, job, key, fallbacks);
        assert!(self.until(|world| world.replies_of(host, job).len() > before), "a question is answered");
        self.replies_of(host, job).pop().unwrap()
    }

    /// A tree of so many chunks in a host's store, and the manifest that names it.
    pub(super) fn save(&mut self, host: usize, key: &str, sequence: u64, chunks: u32) -> Saved {
        let plain = |number| format!("{key} {number} ").bytes().cycle().take(70_000).collect();
        self.save_of(host, (key, sequence), &(0..chunks).map(plain).collect::<Vec<_>>())
    }

    /// The same of these chunks.
    pub(super) fn save_of(&mut self, host: usize, (key, sequence): (&str, u64), plain: &[Vec<u8>]) -> Saved {
        let content: Vec<ChunkRef> = plain.iter().map(|plain| self.hosts[host].put(plain)).collect();
        let bytes = content.iter().map(|chunk| u64::from(chunk.bytes)).sum();
        let kind = EntryKind::File { bytes, offset: 0 };
        let entry = Entry { path: "data".to_owned(), mode: 0o644, modified_ns: 0, kind };
        let tree = Tree::new(vec![String::new()], vec![entry], content.clone()).unwrap();
        let encoded = self.hosts[host].put(&tree.encode());
        let mut manifest = self.pool.manifest(key, sequence);
        manifest.tree =
            TreeRef { chunks: vec![encoded], totals: tree.totals(), roots: tree.roots().to_vec() };
        Saved { manifest, content }
    }

    pub(super) fn publish(&mut self, host: usize, job: u64, manifest: Envelope) {
        self.job(host, job, JobRequest::Publish { manifest, deadline: Duration::from_secs(20) });
    }

    /// Saves and publishes, and waits for success.
    pub(super) fn published(&mut self, host: usize, key: &str, sequence: u64, chunks: u32) -> Saved {
        let saved = self.save(host, key, sequence, chunks);
        let signed = self.pool.sign(&saved.manifest);
        let job = 9_000 + sequence;
        self.publish(host, job, signed);
        let done = self.until(|world| matches!(world.last(host, job), Some(JobReply::Published { .. })));
        assert!(done, "{:?}", self.replies_of(host, job));
        saved
    }

    /// Fetches everything of a manifest that was found.
    pub(super) fn fetch_all(&mut self, host: usize, job: u64, saved: &Saved) {
        let manifest = self.pool.sign(&saved.manifest).id();
        self.job(host, job, JobRequest::Fetch { manifest, chunks: saved.all() });
    }

    pub(super) fn fetched(&self, host: usize, job: u64) -> bool {
        matches!(self.last(host, job), Some(JobReply::FetchDone))
    }

    pub(super) fn replies_of(&self, host: usize, job: u64) -> Vec<JobReply> {
        let all = self.hosts[host].replies.iter();
        all.filter(|(to, _)| *to == JobId(job)).map(|(_, reply)| reply.clone()).collect()
    }

    pub(super) fn last(&self, host: usize, job: u64) -> Option<JobReply> {
        self.replies_of(host, job).pop()
    }

    /// Where a job's chunks came from: local, peers, seeds.
    pub(super) fn sources(&self, host: usize, job: u64) -> (usize, usize, usize) {
        let count = |source| {
            let all = self.hosts[host].delivered.iter();
            all.filter(|(to, _, from)| *to == JobId(job) && *from == source).count()
        };
        (count(Source::Local), count(Source::Peer), count(Source::Seed))
    }

    pub(super) fn id(&self, saved: &Saved) -> ManifestId {
        self.pool.sign(&saved.manifest).id()
    }

    pub(super) fn engine(&self, host: usize) -> &Engine {
        self.hosts[host].engine.as_ref().expect("this host runs")
    }

    pub(super) fn joined(&self, host: usize) -> bool {
        self.hosts[host].engine.as_ref().is_some_and(|engine| engine.status().joined)
    }

    /// A pool with one seed and so many nodes that have joined.
    pub(super) fn with_nodes(seeds: u8, nodes: usize) -> (Self, Vec<usize>) {
        let mut world = Self::new(seeds);
        let nodes: Vec<usize> = (0..nodes).map(|_| world.node()).collect();
        assert!(world.until(|world| nodes.iter().all(|node| world.joined(*node))), "all join");
        world.run(Duration::from_millis(200));
        (world, nodes)
    }
}
