//! Engines: how they start and end, and how they are driven.

use super::troubles::SILENCE;
use super::{Event, World};
use crate::node::{Credits, Role};
use crate::numbered::NodeNo;
use crate::scenario::Exit;
use core::time::Duration;
use pollux_core::engine::{Credit, Engine, EngineConfig, Input};
use pollux_core::{Instant, PeerRole};

/// Frames being hashed, chunks being appended and chunks being given at once, as a real driver grants on two cores.
const CREDITS: [Credit; 3] = [Credit::Checks(4), Credit::Writes(8), Credit::Reads(32)];

impl World {
    /// Starts a node's engine.
    pub(crate) fn boot(&mut self, no: NodeNo) {
        let now = self.clocks(no);
        let seed = self.nodes.at(no).spec.role == Role::Seed;
        let role = if seed { PeerRole::Seed } else { PeerRole::Node };
        let node = self.nodes.at_mut(no);
        node.boots += 1;
        let (boots, port) = (node.boots, node.address.port());
        let trust = self.pool.trust_with(node.memory.papers(), now.wall);
        let config = EngineConfig {
            me: self.nodes.at(no).peer,
            role,
            software: "pollux-sim".to_owned(),
            listen_port: port,
            token: self.pool.token.clone(),
            trust,
            rng_seed: self.lots.number("engine", u64::from(no.0) | (boots - 1) << 32),
            zone: None,
            pins: Vec::new(),
        };
        let node = self.nodes.at_mut(no);
        node.engine = Some(Box::new(Engine::new(config, now)));
        node.credits = Credits::default();
        for credit in CREDITS {
            self.feed(no, Input::Credit(credit));
        }
        for input in self.nodes.at_mut(no).memory.recover() {
            self.feed(no, input);
        }
    }

    /// Its life is over.
    pub(super) fn leave(&mut self, no: NodeNo) {
        self.reached.left += 1;
        if self.group_of(no).is_some_and(|group| group.exit == Exit::Vanished) {
            self.vanish(no);
        } else {
            self.kill(no);
        }
    }

    /// It says nothing any more: what was sent to it is lost, and its peers find out much later.
    pub(super) fn vanish(&mut self, no: NodeNo) {
        let peers: Vec<NodeNo> = self.nodes.at(no).links.keys().copied().collect();
        for peer in peers {
            let Some(link) = self.nodes.at(no).links.get(&peer).map(|link| link.number) else { continue };
            self.queue.push(self.after(SILENCE), Event::Closed { from: no, to: peer, link });
            self.network.drop_stream(self.queue.now(), no, peer);
            self.network.drop_stream(self.queue.now(), peer, no);
        }
        self.forget(no);
    }

    /// kill -9: it is gone, and its peers find out.
    pub(crate) fn kill(&mut self, no: NodeNo) {
        self.hang_up_all(no);
        self.forget(no);
    }

    pub(super) fn hang_up_all(&mut self, no: NodeNo) {
        let peers: Vec<NodeNo> = self.nodes.at(no).links.keys().copied().collect();
        peers.into_iter().for_each(|peer| self.hang_up(no, peer));
    }

    pub(super) fn forget(&mut self, no: NodeNo) {
        self.nodes.at_mut(no).gone = true;
        self.close_jobs(no);
        self.stop(no);
    }

    /// Nothing is left of its process.
    pub(super) fn stop(&mut self, no: NodeNo) {
        let node = self.nodes.at_mut(no);
        (node.engine, node.armed) = (None, Instant::NEVER);
        node.links.clear();
        node.fetches.clear();
        node.asks.clear();
    }

    /// Something that a node's own driver says, after a while.
    pub(super) fn answer(&mut self, to: NodeNo, wait: Duration, input: Input) {
        self.queue.push(self.after(wait), Event::Input { to, input: Box::new(input) });
    }

    /// An answer, and the credit for the place that it frees.
    pub(super) fn answered(&mut self, no: NodeNo, input: Input) {
        let credit = if matches!(input, Input::Checked { .. }) {
            Some(Credit::Checks(1))
        } else if matches!(input, Input::Kept { .. }) {
            Some(Credit::Writes(1))
        } else if matches!(input, Input::Served { .. }) {
            Some(Credit::Reads(1))
        } else {
            None
        };
        self.feed(no, input);
        if let Some(credit) = credit {
            self.feed(no, Input::Credit(credit));
        }
    }

    /// Hands an engine an input, carries out what it says, and grants again what left at once.
    pub(super) fn feed(&mut self, no: NodeNo, input: Input) {
        self.feed_once(no, input);
        while let Some(credit) = self.freed(no) {
            self.feed_once(no, Input::Credit(credit));
        }
        self.arm(no);
    }

    pub(super) fn feed_once(&mut self, no: NodeNo, input: Input) {
        #[cfg(test)]
        let Some(input) = self.spoil_input(no, input) else { return };
        let now = self.clocks(no);
        let node = self.nodes.at_mut(no);
        let Some(engine) = node.engine.as_mut() else { return };
        if let Input::Credit(credit) = &input {
            node.credits.grant(credit);
        }
        self.trace.add_input(now.instant, no, &input);
        engine.handle(now, input);
        while let Some(output) = self.nodes.at_mut(no).engine.as_mut().and_then(|engine| engine.poll(now)) {
            #[cfg(test)]
            let output = self.spoil_output(no, output);
            self.carry_out(no, output);
        }
    }

    pub(super) fn freed(&mut self, no: NodeNo) -> Option<Credit> {
        let node = self.nodes.at_mut(no);
        if let Some((peer, messages)) = node.credits.take_sent() {
            let peer = self.nodes.at(peer).peer;
            return Some(Credit::Send { peer, messages });
        }
        let bytes = node.credits.take_delivered()?;
        let job = node.job.as_ref()?.id;
        Some(Credit::Deliver { job, bytes })
    }

    /// Asks for a wake-up at the engine's timeout, unless an earlier one is on its way.
    pub(super) fn arm(&mut self, no: NodeNo) {
        let node = self.nodes.at_mut(no);
        let Some(engine) = node.engine.as_ref() else { return };
        let at = engine.next_timeout();
        if at < node.armed {
            node.armed = at;
            self.queue.push(at, Event::Timer(no));
        }
    }

    /// A wake-up: for the engine if it is time, else for later.
    pub(super) fn ring(&mut self, no: NodeNo) {
        let now = self.now();
        let node = self.nodes.at_mut(no);
        if node.armed > now {
            return;
        }
        node.armed = Instant::NEVER;
        if node.engine.as_ref().is_some_and(|engine| engine.next_timeout() <= now) {
            self.feed(no, Input::Timeout);
        } else {
            self.arm(no);
        }
    }
}
