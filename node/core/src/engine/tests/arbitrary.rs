//! Whatever comes in, in whatever order, true or made up: nothing panics, everything stays within its bounds, and the same
//! inputs give the same outputs.
use super::bench::Bench;
use crate::belief::fixture::{NO_MANIFEST, key_pair, later, node, query, signed, yank, yank_envelope};
use crate::engine::bounds::{OFFERS_MAX, SWARMS_MAX};
use crate::engine::{
    AskId, Credit, FetchFailure, FetchId, Input, JobId, JobRequest, Offence, ServeFailure, Share,
    StoreFailure, TaskId, TreeFault, Verdict,
};
use crate::limits::{FETCHES_MAX, JOBS_MAX, NEWCOMERS_MAX, PEERS_MAX};
use crate::message::{
    ChunkSet, Control, Decline, ListQuery, LogPage, LogPlace, LogQuery, OfferRefusal, PeerAddress,
    RecordName, Refusal, VoteEnvelope,
};
use crate::{
    CertifiedEnvelope, ChunkRef, Disbelief, Manifest, Nonce, Papers, PapersDigest, PeerId, Policy, Yanked,
};
use core::time::Duration;
use proptest::prelude::*;

/// Manifests that everybody speaks of.
struct Known {
    manifests: Vec<Manifest>,
    certified: Vec<CertifiedEnvelope>,
    contents: Vec<Vec<ChunkRef>>,
}

struct Play {
    bench: Bench,
    known: Known,
    trace: blake3::Hasher,
    /// Another seed than this one, if this is one.
    seed: usize,
}

/// One thing that happens: what, to whom, and two numbers for the rest.
type Step = (u8, u8, u8, u16);

impl Play {
    fn new(seed: bool) -> Self {
        let mut bench = if seed { Bench::seed(4) } else { Bench::node(1) };
        bench.prompt = false;
        let places =
            [("core/main/npm/1", 1), ("core/main/npm/1", 2), ("core/main/npm/2", 1), ("core/x/y", 9)];
        let saved = places.iter().map(|(key, sequence)| bench.saved(key, *sequence, 5));
        let (manifests, contents): (Vec<_>, Vec<_>) = saved.unzip();
        let certified = manifests.iter().map(|manifest| bench.certified(manifest)).collect();
        let known = Known { manifests, certified, contents };
        Self { bench, known, trace: blake3::Hasher::new(), seed: usize::from(seed) }
    }

    fn who(&self, number: u8) -> PeerId {
        match number % 8 {
            0 => self.bench.pool.seed_id(self.seed),
            1 => PeerId::new(key_pair(100).public()),
            number => node(number),
        }
    }

    fn certified(&self, number: u16) -> &CertifiedEnvelope {
        &self.known.certified[usize::from(number) % self.known.certified.len()]
    }

    fn step(&mut self, (what, who, which, number): Step) {
        match what % 12 {
            0 => self.meet(who),
            1 => self.bench.give(Input::Disconnected { peer: self.who(who) }),
            2 | 3 => {
                let said = self.message(which, number);
                self.bench.say(self.who(who), said);
            }
            4 => self.job(who, which, number),
            5 => self.made_up(which, number),
            6 => self.work(number),
            7 | 8 => self.carry_out(which, number),
            9 => self.bench.pass(Duration::from_millis(u64::from(number))),
            10 => self.bench.give(Input::Timeout),
            _ => self.remember(which, number),
        }
        self.check();
        self.trace.update(format!("{:?}", self.bench.peek()).as_bytes());
    }

    /// Somebody comes: a member, the seed, or a stranger.
    fn meet(&mut self, who: u8) {
        match who % 8 {
            0 => drop(self.bench.admitted_by(self.seed)),
            1 => self.bench.connect(self.who(1), "10.0.2.1:9"),
            7 => self.bench.connect(self.who(7), "10.0.2.7:9"),
            number => drop(self.bench.member(number)),
        }
    }

    fn message(&self, which: u8, number: u16) -> Control {
        let certified = self.certified(number).clone();
        let manifest = if number.is_multiple_of(5) { NO_MANIFEST } else { certified.manifest.id() };
        let (ask, low) = (u32::from(number % 16), u32::from(number % 7));
        let have = ChunkSet::range(low, low + u32::from(number));
        let query = query("core/main/npm/1", &["core/main/npm"]);
        let token = self.bench.pool.token(self.bench.now().wall.after(Duration::from_secs(u64::from(which))));
        match which % 35 {
            0 => self.bench.hello(Some(token)),
            1 => self.bench.hello(None),
            2 => Control::Join { token },
            3 => Control::Ask { ask, nonce: Nonce::from_bytes([which; 32]), query },
            4 => Control::AskRelayed { ask, query },
            5 => Control::Relayed { ask, answers: vec![(token, vec![certified])] },
            6 => Control::Enter { manifest, have },
            7 => Control::Have { manifest, chunks: have },
            8 => Control::Leave { manifest },
            9 | 10 => Control::Offer { offer: ask, manifest: certified.manifest },
            11 => Control::Certify { certified },
            12 => Control::List { ask, what: ListQuery::Prefix("a".to_owned()) },
            13 => Control::Answer { ask, answer: certified.receipts[0].clone(), beside: vec![certified] },
            14 => Control::Neighbours { manifest, peers: vec![self.named(number)] },
            15 => Control::OfferReceipt { offer: ask, receipt: certified.receipts[0].clone() },
            16 => {
                Control::OfferRefused { offer: ask, why: refusal(number), standing: None, highest: u64::MAX }
            }
            17 => Control::Certified { manifest },
            18 => Control::Listing { ask, rows: vec![certified], more: true },
            19 => Control::OfferProgress { offer: ask, have: u32::from(number), of: low },
            20 => Control::Refused { why: Refusal::Full },
            32 => Control::AskPart { manifest },
            34 => Control::AskNeighbours { manifest },
            33 => Control::Part { manifest, chunks: have },
            _ => self.among_seeds(which, number),
        }
    }

    /// What seeds say to each other.
    fn among_seeds(&self, which: u8, number: u16) -> Control {
        let (certified, n) = (self.certified(number).clone(), u64::from(number));
        let manifest = if number.is_multiple_of(5) { NO_MANIFEST } else { certified.manifest.id() };
        let complete = number.is_multiple_of(2);
        let seed = self.bench.pool.seed_id(usize::from(number) % self.bench.pool.seeds.len());
        let names = vec![RecordName::Certified { manifest, complete }, RecordName::Vote { manifest, seed }];
        let vote = VoteEnvelope {
            manifest: certified.manifest.clone(),
            receipt: certified.receipts[usize::from(number % 3) % certified.receipts.len()].clone(),
        };
        let place = LogPlace { file: u32::from(number), offset: n };
        let page = LogPage { lines: Vec::new(), next: complete.then_some(place) };
        match which % 11 {
            9 => {
                Control::AskLog { ask: u32::from(number % 16), what: LogQuery::default(), after: Some(place) }
            }
            10 => Control::Log { ask: u32::from(number % 16), page },
            0 => Control::CatchUp { epoch: n, seen: n / 7, life: n % 3, after: n },
            1 => Control::Known { epoch: n, seen: n / 300, life: n % 3, next: n, more: complete, names },
            2 => Control::Bring { names },
            3 => Control::Brought { certified: vec![certified], votes: vec![vote] },
            _ => self.of_papers(which / 11, number),
        }
    }

    /// What is said about papers.
    fn of_papers(&self, which: u8, number: u16) -> Control {
        let pool = &self.bench.pool;
        let version = u64::from(number % 4);
        let policy = signed(&Policy { version, ..pool.policy.clone() }, &pool.roots[..2]);
        let digest =
            if number.is_multiple_of(3) { policy.digest() } else { crate::Digest::from_bytes([which; 32]) };
        let have = PapersDigest { policy: digest, yanks: digest, yanks_count: u32::from(number) };
        let taken = yank_envelope(&yank("y", Yanked::Manifest(self.certified(number).manifest.id())));
        let papers = Papers { roots: Vec::new(), policy: Some(policy), yanks: vec![taken] };
        match which % 5 {
            0 => Control::AskPapers { have },
            1 => Control::Papers { papers },
            2 => Control::PapersKnown {
                version,
                papers: have,
                next: Some(digest),
                ends: number.is_multiple_of(2),
            },
            3 => Control::KeepPapers { bring: u32::from(number), papers },
            _ => Control::PapersKept { bring: u32::from(number % 9), refused: None },
        }
    }

    fn papers(&self, number: u16) -> Papers {
        match self.of_papers(1, number) {
            Control::Papers { papers } => papers,
            _ => Papers::default(),
        }
    }

    fn named(&self, number: u16) -> PeerAddress {
        let address = format!("10.0.3.{}:9", number % 250);
        PeerAddress {
            peer: self.who(2 + (number % 5).to_le_bytes()[0]),
            addresses: vec![address.parse().unwrap()],
        }
    }

    fn job(&mut self, who: u8, which: u8, number: u16) {
        let job = u64::from(who % 4);
        let deadline = Duration::from_millis(u64::from(number));
        let index = usize::from(number) % self.known.manifests.len();
        let signed = self.known.certified[index].manifest.clone();
        let request = match which % 8 {
            6 => JobRequest::Spread { papers: self.papers(number), deadline },
            0 => JobRequest::Resolve {
                query: query("core/main/npm/1", &["core/main/npm"]),
                nonces: vec![Nonce::from_bytes([which; 32])],
                deadline,
            },
            1 | 2 => {
                let chunks =
                    self.known.manifests[index].tree.chunks.iter().chain(&self.known.contents[index]);
                JobRequest::Fetch { manifest: signed.id(), chunks: chunks.copied().collect() }
            }
            3 => JobRequest::Publish { manifest: signed, deadline },
            5 => {
                let place = LogPlace { file: u32::from(number), offset: 9 };
                let at = number.is_multiple_of(3).then(|| (self.who(who), place));
                JobRequest::Log { what: LogQuery::default(), at, deadline }
            }
            4 => JobRequest::List { what: ListQuery::Manifest(signed.id()), deadline },
            _ => return self.bench.give(Input::JobLeft { job: JobId(job) }),
        };
        self.bench.job(job, request);
    }

    /// Something that nobody asked for, mostly.
    fn made_up(&mut self, which: u8, number: u16) {
        let n = u64::from(number % 64);
        let (task, fetch, ask) = (TaskId(n), FetchId(n), AskId(n));
        let chunk = self.known.contents[usize::from(number) % 4][usize::from(which) % 5];
        let peer = self.who(which);
        self.bench.give(match which % 19 {
            0 => Input::ChunkLost { chunk: chunk.id },
            1 => Input::FrameArrived { fetch, bytes: u32::MAX },
            2 => Input::FetchFailed { fetch, why: FetchFailure::Broken },
            3 => Input::Kept { fetch, result: Err(StoreFailure::Broken) },
            4 => Input::Asked { peer, chunks: vec![(ask, chunk.id); 1 + usize::from(number) % 3] },
            5 => Input::Served { ask, result: Err(ServeFailure::Corrupt) },
            18 => Input::TakenBack { peer, ask },
            6 => {
                // A driver never answers one kind of work with another: of a task that is none, then.
                let verdict = Box::new(Verdict::Token(Err(Disbelief::NotAPublisher)));
                Input::Verified { task: TaskId(u64::MAX), verdict }
            }
            7 => Input::Recorded { task, result: Ok(()) },
            8 => Input::Synced { task, result: Err(StoreFailure::Full) },
            9 => Input::Looked { task, held: vec![true; usize::from(number % 9)] },
            10 => Input::TreeOpened { task, result: Err(TreeFault::Broken) },
            11 => Input::DialFailed { peer },
            15 => Input::Room { bytes: u64::from(number) * 20, bytes_max: 1 << 20 },
            16 if number % 32 == 7 => Input::Stopping,
            16 => Input::Tidy,
            17 => {
                let manifests = vec![self.certified(number).manifest.id(), NO_MANIFEST];
                Input::Evicted { manifests }
            }
            13 => Input::LogRead { task, page: LogPage::default() },
            12 => Input::Misbehaved { peer, offence: Offence::TooLong },
            _ => Input::Credit(Credit::Reads(u32::from(number % 3))),
        });
    }

    fn work(&mut self, number: u16) {
        for _ in 0..number % 8 {
            self.bench.work_once();
        }
    }

    /// What the driver was told to do is done, and goes well or not.
    fn carry_out(&mut self, which: u8, number: u16) {
        let store = [Ok(()), Ok(()), Ok(()), Err(StoreFailure::Full)][usize::from(number % 4)];
        let content = self.known.contents[usize::from(number) % 4].clone();
        match which % 8 {
            7 => self.read_log(),
            0 => {
                let held = |chunk: &ChunkRef| u16::from(chunk.id.as_bytes()[0]) ^ number;
                self.bench.look(|chunk| !held(chunk).is_multiple_of(3));
            }
            1 => {
                self.bench.look(|_| true);
            }
            2 => {
                let broken = number.is_multiple_of(9);
                self.bench.open(if broken { Err(TreeFault::Missing) } else { Ok(content) });
            }
            3 => {
                self.bench.sync(store);
            }
            4 => {
                self.bench.record(store);
            }
            5 => {
                self.bench.move_chunks(store);
            }
            _ => {
                let failures = [
                    FetchFailure::Declined(Decline::Missing),
                    FetchFailure::Declined(Decline::Busy),
                    FetchFailure::Broken,
                    FetchFailure::TooLong,
                ];
                for (fetch, _, _) in self.bench.fetches() {
                    self.bench.give(Input::FetchFailed { fetch, why: failures[usize::from(number % 4)] });
                }
            }
        }
    }

    fn read_log(&mut self) {
        for (task, next) in self.bench.log_reads() {
            self.bench.give(Input::LogRead { task, page: LogPage { lines: Vec::new(), next } });
        }
    }

    fn remember(&mut self, which: u8, number: u16) {
        let certified = self.certified(number).clone();
        let receipt = certified.receipts[0].clone();
        self.bench.give(match which % 7 {
            0 | 1 => Input::Recovered(certified),
            2 => Input::RecoveredBallot(VoteEnvelope { manifest: certified.manifest, receipt }),
            3 => Input::RecoveredSeen { seed: self.who(which), epoch: u64::from(number) },
            4 => {
                let (publisher, until) = (self.bench.pool.publisher.public(), later(u64::from(number)));
                Input::RecoveredShare(Share { publisher, until, bytes: u64::from(number) << 48 })
            }
            5 => {
                let used = Some(later(u64::from(number))).filter(|_| number.is_multiple_of(2));
                Input::RecoveredUse { manifest: certified.manifest.id(), used }
            }
            _ => Input::RecoveredVote { manifest: certified.manifest, receipt },
        });
    }

    fn check(&self) {
        let engine = &self.bench.engine;
        assert!(engine.peers.len() <= PEERS_MAX + NEWCOMERS_MAX);
        assert!(engine.swarms.len() <= SWARMS_MAX);
        assert!(engine.jobs.len() <= JOBS_MAX);
        assert!(engine.status().fetches <= u32::try_from(FETCHES_MAX).unwrap());
        assert!(engine.offers.count() <= OFFERS_MAX);
        let complete = engine.catalogue.complete();
        for manifest in complete.filter(|manifest| engine.swarms.get(manifest).is_some()) {
            let looked = engine.swarms.get(&manifest).unwrap().looks == 0;
            assert!(
                !looked
                    || !engine.swarms.get(&manifest).unwrap().complete
                    || engine.transfer.is_whole(manifest)
            );
        }
    }

    /// Everybody goes and everything ends: nothing is left that waits.
    fn end(&mut self) {
        (0..8).for_each(|who| self.bench.give(Input::Disconnected { peer: self.who(who) }));
        (0..4).for_each(|job| self.bench.give(Input::JobLeft { job: JobId(job) }));
        self.bench.prompt = true;
        self.bench.work();
        for _ in 0..40 {
            self.bench.look(|_| true);
            self.bench.open(Err(TreeFault::Broken));
            self.bench.sync(Ok(()));
            self.bench.record(Ok(()));
            self.bench.check_and_keep();
            self.read_log();
            self.bench.pass(Duration::from_secs(15));
        }
        let engine = &self.bench.engine;
        assert_eq!((engine.peers.len(), engine.jobs.len(), engine.offers.count()), (0, 0, 0));
        assert!(engine.publishes.jobs().is_empty() && engine.questions.jobs().is_empty());
        assert!(engine.log_questions.jobs().is_empty());
        assert_eq!(engine.status().fetches, 0);
        assert_eq!(engine.recovering, 0);
        for peer in (0..8).map(|who| self.who(who)) {
            assert_eq!(engine.tasks.load(&peer), 0, "no task is counted for ever");
        }
    }
}

fn refusal(number: u16) -> OfferRefusal {
    let all = [
        OfferRefusal::Busy,
        OfferRefusal::Conflict,
        OfferRefusal::NotBelieved,
        OfferRefusal::SequenceTooFar,
        OfferRefusal::CannotPull,
        OfferRefusal::Full,
        OfferRefusal::BadTree,
        OfferRefusal::Unknown(17),
    ];
    all[usize::from(number) % all.len()]
}

fn play(seed: bool, steps: &[Step]) -> String {
    let mut play = Play::new(seed);
    play.meet(0);
    (2..5).for_each(|member| play.meet(member));
    for step in steps {
        play.step(*step);
    }
    let trace = play.trace.finalize().to_string();
    play.end();
    trace
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_node_bears_everything(steps in prop::collection::vec(any::<Step>(), 0..250)) {
        prop_assert_eq!(play(false, &steps), play(false, &steps));
    }

    #[test]
    fn a_seed_bears_everything(steps in prop::collection::vec(any::<Step>(), 0..250)) {
        prop_assert_eq!(play(true, &steps), play(true, &steps));
    }
}

#[test]
fn outputs_that_differ_give_another_trace() {
    let steps = [(2, 2, 6, 3), (4, 1, 0, 3_000)];
    assert_ne!(play(false, &steps), play(false, &steps[..1]));
}
