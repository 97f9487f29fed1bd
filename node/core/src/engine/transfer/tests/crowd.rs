//! A small crowd: many transfers that serve each other, each over an uplink that sends one chunk at a time.
use super::super::*;
use super::world::{MS, SECOND, job, manifest, peer};
use crate::message::Decline;
use crate::{FrameEncoder, VerifiedChunk};
use core::time::Duration;
use rand_chacha::rand_core::SeedableRng;

const LATENCY: Duration = Duration::from_millis(1);

/// A request on its way: who asked, for which of its fetches, of whom.
#[derive(Clone, Copy, Debug)]
struct Request {
    from: u8,
    fetch: FetchId,
    to: u8,
}

#[derive(Clone, Debug)]
enum Event {
    Ask(u8, u8, Vec<(AskId, ChunkId)>),
    Sent(AskId),
    Declined(AskId, Decline),
    Have(u8, u8, ChunkSet),
}

#[derive(Debug)]
struct Node {
    transfer: Transfer,
    /** what one chunk takes on its uplink */
    send_time: Duration,
    idle_at: Instant,
    served: usize,
    given: usize,
    done_at: Option<Instant>,
}

/// Node 0 is the seed and has everything; the others want everything at once.
#[derive(Debug)]
struct Crowd {
    now: Instant,
    nodes: Vec<Node>,
    witnesses: BTreeMap<ChunkRef, CheckedChunk>,
    chunks: Vec<ChunkRef>,
    requests: BTreeMap<AskId, Request>,
    events: BTreeMap<(Instant, u64), Event>,
    serial: u64,
}

impl Crowd {
    fn new(rng_seed: u64, nodes: u8, chunks: u32, seed_send_time: Duration) -> Self {
        let mut encoder = FrameEncoder::new(1);
        let mut witness = |n: u32| VerifiedChunk::from_plain(&n.to_le_bytes(), &mut encoder).witness();
        let witnesses: Vec<CheckedChunk> = (0..chunks).map(&mut witness).collect();
        let chunks: Vec<ChunkRef> = witnesses.iter().map(CheckedChunk::chunk).collect();
        let now = Instant::from_micros(SECOND);
        let make = |n: u8| {
            let transfer = Transfer::new(ChaCha8Rng::seed_from_u64(rng_seed + u64::from(n)));
            let send_time = if n == 0 { seed_send_time } else { Duration::from_millis(4) };
            Node { transfer, send_time, idle_at: now, served: 0, given: 0, done_at: None }
        };
        let mut crowd = Self {
            now,
            nodes: (0..=nodes).map(make).collect(),
            witnesses: witnesses.iter().map(|witness| (witness.chunk(), *witness)).collect(),
            chunks,
            requests: BTreeMap::new(),
            events: BTreeMap::new(),
            serial: 0,
        };
        crowd.meet();
        crowd
    }

    /// Everybody meets everybody, and opens the swarm; the seed says that it has everything.
    fn meet(&mut self) {
        let count = u8::try_from(self.nodes.len()).unwrap();
        let whole = ChunkSet::range(0, u32::try_from(self.chunks.len()).unwrap());
        for (n, node) in (0..).zip(&mut self.nodes) {
            let transfer = &mut node.transfer;
            transfer.open_swarm(manifest(1), &self.chunks, 0);
            (0..count)
                .filter(|&other| other != n)
                .for_each(|other| transfer.peer_up(self.now, peer(other), other == 0));
            if n == 0 {
                transfer.spare_uplink();
                transfer.note_held(&mut self.chunks.iter().map(|chunk| chunk.id));
            } else {
                transfer.peer_has(self.now, peer(0), manifest(1), &whole);
                transfer.want(self.now, job(1), manifest(1), &self.chunks, None);
            }
            transfer.credit(Credit::Deliver { job: JobId(1), bytes: u32::MAX });
            [Credit::Checks(4), Credit::Writes(4), Credit::Reads(4)]
                .into_iter()
                .for_each(|credit| transfer.credit(credit));
        }
    }

    fn run(&mut self) {
        let count = u8::try_from(self.nodes.len()).unwrap();
        (0..count).for_each(|n| self.drain(n));
        for _ in 0..10_000_000 {
            let timeouts = self.nodes.iter().filter_map(|node| node.transfer.next_timeout());
            let event = self.events.first_key_value().map(|(key, _)| key.0);
            let Some(next) = timeouts.chain(event).min() else { return };
            self.now = next;
            (0..count).for_each(|n| self.time_out(n));
            while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let event = entry.remove();
                self.happen(event);
            }
        }
        panic!("it never ends");
    }

    fn time_out(&mut self, n: u8) {
        let transfer = &mut self.nodes[usize::from(n)].transfer;
        if transfer.next_timeout().is_some_and(|at| at <= self.now) {
            transfer.on_timeout(self.now);
            self.drain(n);
        }
    }

    fn happen(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Ask(from, to, chunks) => {
                self.nodes[usize::from(to)].transfer.asked(now, peer(from), &chunks);
                self.drain(to);
            }
            Event::Sent(ask) => {
                let request = self.requests[&ask];
                let sender = &mut self.nodes[usize::from(request.to)].transfer;
                sender.served(now, ask, Ok(4));
                sender.credit(Credit::Reads(1));
                self.drain(request.to);
                self.nodes[usize::from(request.from)].transfer.frame_arrived(now, request.fetch, 4);
                self.drain(request.from);
            }
            Event::Declined(ask, why) => {
                let request = self.requests[&ask];
                let why = FetchFailure::Declined(why);
                self.nodes[usize::from(request.from)].transfer.fetch_failed(now, request.fetch, why);
                self.drain(request.from);
            }
            Event::Have(from, to, chunks) => {
                self.nodes[usize::from(to)].transfer.peer_has(now, peer(from), manifest(1), &chunks);
                self.drain(to);
            }
        }
    }

    fn drain(&mut self, n: u8) {
        while let Some(output) = self.nodes[usize::from(n)].transfer.poll(self.now) {
            match output {
                TransferOutput::Do(output) => self.act(n, output),
                // The seed here counts nothing.
                TransferOutput::Announce { audience: Audience::Seeds, .. } => {}
                TransferOutput::Announce { chunks, .. } => {
                    let others = 1..u8::try_from(self.nodes.len()).unwrap();
                    others
                        .filter(|&to| to != n)
                        .for_each(|to| self.later(LATENCY, Event::Have(n, to, chunks.clone())));
                }
                TransferOutput::Done(_) => self.nodes[usize::from(n)].done_at = Some(self.now),
                TransferOutput::Complete { .. }
                | TransferOutput::Progress { .. }
                | TransferOutput::Stored { .. }
                | TransferOutput::SeedBusy { .. } => {}
                TransferOutput::Failed { .. }
                | TransferOutput::NotKept { .. }
                | TransferOutput::Junk { .. }
                | TransferOutput::Stalled { .. }
                | TransferOutput::Proven { .. }
                | TransferOutput::PartUsed { .. }
                | TransferOutput::Lost { .. } => panic!("nobody does wrong here: {output:?}"),
            }
        }
    }

    fn act(&mut self, n: u8, output: Output) {
        let node = &mut self.nodes[usize::from(n)];
        match output {
            Output::Fetch { peer: to, chunks } => {
                let to = (0..=u8::MAX).find(|&other| peer(other) == to).unwrap();
                let mut asks = Vec::new();
                for (fetch, chunk) in chunks {
                    self.serial += 1;
                    self.requests.insert(AskId(self.serial), Request { from: n, fetch, to });
                    asks.push((AskId(self.serial), chunk.id));
                }
                self.later(LATENCY, Event::Ask(n, to, asks));
            }
            Output::Check { fetch, chunk } => {
                node.transfer.checked(self.now, fetch, Ok(self.witnesses[&chunk]));
                node.transfer.credit(Credit::Checks(1));
            }
            Output::Keep { fetch } => {
                node.transfer.kept(self.now, fetch, Ok(()));
                node.transfer.credit(Credit::Writes(1));
            }
            Output::Serve { chunks } => {
                for (ask, _) in chunks {
                    let node = &mut self.nodes[usize::from(n)];
                    node.served += 1;
                    node.idle_at = node.idle_at.max(self.now).after(node.send_time);
                    let at = node.idle_at.since(self.now) + LATENCY;
                    self.later(at, Event::Sent(ask));
                }
            }
            Output::Decline { ask, why } => self.later(LATENCY, Event::Declined(ask, why)),
            Output::Deliver { .. } => node.given += 1,
            Output::Release { .. } => {}
            Output::Dial { .. }
            | Output::Disconnect { .. }
            | Output::Send { .. }
            | Output::Verify { .. }
            | Output::Sign { .. }
            | Output::Record { .. }
            | Output::Sync { .. }
            | Output::Look { .. }
            | Output::OpenTree { .. }
            | Output::Reply { .. }
            | Output::Admit { .. }
            | Output::Reach { .. }
            | Output::Log(_)
            | Output::ReadLog { .. }
            | Output::Event(_) => panic!("not transfer's: {output:?}"),
        }
    }

    fn later(&mut self, wait: Duration, event: Event) {
        self.serial += 1;
        self.events.insert((self.now.after(wait), self.serial), event);
    }

    /// When the last one was done, as a share of what the uplinks of all together allow.
    fn makespan(&self) -> f64 {
        let last = self.nodes.iter().filter_map(|node| node.done_at).max().unwrap();
        let took = last.since(Instant::from_micros(SECOND)).as_secs_f64();
        let rate: f64 = self.nodes.iter().map(|node| node.send_time.as_secs_f64().recip()).sum();
        let copies = u32::try_from((self.nodes.len() - 1) * self.chunks.len()).unwrap();
        let once =
            self.nodes[0].send_time.as_secs_f64() * f64::from(u32::try_from(self.chunks.len()).unwrap());
        took / (f64::from(copies) / rate).max(once)
    }

    fn seed_copies(&self) -> f64 {
        let chunks = u32::try_from(self.chunks.len()).unwrap();
        f64::from(u32::try_from(self.nodes[0].served).unwrap()) / f64::from(chunks)
    }
}

#[test]
fn everybody_is_given_everything_and_nothing_twice() {
    let mut crowd = Crowd::new(1, 16, 300, Duration::from_millis(4));
    crowd.run();
    assert!(crowd.nodes[1..].iter().all(|node| node.given == 300 && node.done_at.is_some()));
    let served: usize = crowd.nodes.iter().map(|node| node.served).sum();
    assert!(served < 16 * 300 * 102 / 100, "{served} chunks were sent");
}

#[test]
fn a_crowd_costs_a_seed_few_copies_and_uses_all_uplinks() {
    for (seed_millis, slowest, copies) in [(4, 1.3, 1.2), (1, 1.2, 1.9)] {
        let mut crowd = Crowd::new(2, 24, 400, Duration::from_millis(seed_millis));
        crowd.run();
        let (makespan, seed) = (crowd.makespan(), crowd.seed_copies());
        assert!(makespan < slowest && seed < copies, "{makespan:.2} of the bound, {seed:.2} copies");
    }
}

#[test]
fn the_same_rng_seed_gives_the_same_crowd() {
    let end = |rng_seed| {
        let mut crowd = Crowd::new(rng_seed, 8, 100, Duration::from_millis(2));
        crowd.run();
        (crowd.serial, crowd.now, crowd.nodes.iter().map(|node| node.served).collect::<Vec<_>>())
    };
    assert_eq!(end(3), end(3));
    assert_ne!(end(3), end(4));
}

#[test]
fn a_newcomer_is_served_by_those_who_are_done() {
    let mut crowd = Crowd::new(5, 8, 100, Duration::from_millis(2));
    let late = 8;
    crowd.nodes[late].transfer.drop_wanter(crowd.now, job(1));
    crowd.run();
    assert_eq!(crowd.nodes[late].given, 0);
    let before = crowd.nodes[0].served;
    let (now, chunks) = (crowd.now.after(Duration::from_micros(MS)), crowd.chunks.clone());
    crowd.now = now;
    crowd.nodes[late].transfer.credit(Credit::Deliver { job: JobId(1), bytes: u32::MAX });
    crowd.nodes[late].transfer.want(now, job(1), manifest(1), &chunks, None);
    crowd.run();
    assert_eq!(crowd.nodes[late].given, 100);
    assert!(crowd.nodes[0].served - before < 10, "{}", crowd.nodes[0].served - before);
}
