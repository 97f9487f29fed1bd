//! What those say who are not honest. Their engines are the real ones, so that they get in; what leaves them is changed on
//! its way, and some of what comes is kept from them.

use super::{Event, World};
use crate::numbered::NodeNo;
use crate::scenario::Behaviour;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use pollux_core::engine::{Input, Offence};
use pollux_core::message::{ChunkSet, Control, OfferRefusal, PeerAddress, Refusal};
use pollux_core::{CertifiedEnvelope, Envelope};
use std::collections::BTreeMap;

/// Old answers that one keeps to hand on.
const OLD_MAX: usize = 8;

/// What a liar has at hand.
#[derive(Debug, Default)]
pub(crate) struct Lies {
    /// The first answers of seeds that it was given.
    old: Vec<(Envelope, Vec<CertifiedEnvelope>)>,
    /// What it was offered, by whom and under which number.
    offered: BTreeMap<(NodeNo, u32), Envelope>,
}

/// What is said instead.
enum Said {
    Nothing,
    Message(Control),
    Garbage,
}

impl World {
    /// A message is on its way, as it is or as a liar would have it; what else it says follows.
    pub(super) fn say(&mut self, from: NodeNo, to: NodeNo, message: Control) {
        let before = self.beside(from, to, &message);
        let was = (!self.nodes.at(from).is_honest()).then(|| message.clone());
        let said = self.lie(from, to, message);
        let differs = was.is_some_and(|was| !matches!(&said, Said::Message(message) if *message == was));
        self.reached.lies += u64::from(differs || !before.is_empty());
        match said {
            Said::Nothing => {}
            Said::Message(message) => self.put_on_way(from, to, message),
            Said::Garbage => {
                let Some(link) = self.nodes.at(from).links.get(&to).map(|link| link.number) else { return };
                let at = self.arrival(from, to);
                self.queue.push(at, Event::Garbage { from, to, link });
            }
        }
        before.into_iter().for_each(|message| self.put_on_way(from, to, message));
    }

    fn put_on_way(&mut self, from: NodeNo, to: NodeNo, message: Control) {
        let Some(link) = self.nodes.at(from).links.get(&to).map(|link| link.number) else { return };
        let at = self.arrival(from, to);
        self.queue.push(at, Event::Message { from, to, link, message: Box::new(message) });
    }

    /// A message arrives.
    pub(super) fn hear(&mut self, (from, to, link): (NodeNo, NodeNo, u64), message: Box<Control>) {
        if self.nodes.at(to).is_linked(from, link) && !self.is_deaf(to, from, &message) {
            let peer = self.nodes.at(from).peer;
            self.feed(to, Input::Message { peer, message });
        }
    }

    /// What is no message arrives.
    pub(super) fn hear_garbage(&mut self, (from, to, link): (NodeNo, NodeNo, u64)) {
        if self.nodes.at(to).is_linked(from, link) {
            self.reached.garbage += 1;
            let (peer, offence) = (self.nodes.at(from).peer, Offence::BadMessage);
            self.feed(to, Input::Misbehaved { peer, offence });
        }
    }

    fn lie(&self, from: NodeNo, to: NodeNo, message: Control) -> Said {
        let node = self.nodes.at(from);
        let is_polite = matches!(message, Control::Hello(_) | Control::Join { .. });
        match node.spec.behaviour {
            Behaviour::Garbage if self.begun && !is_polite => Said::Garbage,
            Behaviour::Junk | Behaviour::Stalling | Behaviour::FalseHaves => self.boast(message),
            Behaviour::Draining => hide(message),
            Behaviour::Replaying => Said::Message(self.replay(from, message)),
            Behaviour::Forging => Said::Message(self.forge(from, message)),
            Behaviour::Forking => Said::Message(self.fork(from, to, message)),
            Behaviour::Garbage
            | Behaviour::Honest
            | Behaviour::Slow
            | Behaviour::Framing
            | Behaviour::Sybil
            | Behaviour::Stale => Said::Message(message),
        }
    }

    /// Who wants to be asked says that it has everything.
    fn boast(&self, mut message: Control) -> Said {
        if let Control::Enter { have, .. } = &mut message {
            *have = ChunkSet::range(0, self.content.count());
        }
        Said::Message(message)
    }

    /// Instead of what is newest, what was newest once.
    fn replay(&self, from: NodeNo, message: Control) -> Control {
        let old = &self.nodes.at(from).lies.old;
        if let Control::Relayed { ask, .. } = message
            && !old.is_empty()
        {
            return Control::Relayed { ask, answers: old.clone() };
        }
        message
    }

    /// Instead of what seeds certified, what it signed itself.
    fn forge(&self, from: NodeNo, message: Control) -> Control {
        let Control::Relayed { ask, mut answers } = message else { return message };
        if let Some(forged) = self.forged(from) {
            for (_, beside) in &mut answers {
                beside.iter_mut().for_each(|certified| certified.manifest = forged.clone());
            }
        }
        Control::Relayed { ask, answers }
    }

    fn forged(&self, from: NodeNo) -> Option<Envelope> {
        let (_, version) = self.content.versions().next()?;
        let name = &self.scenario.caches.get(version.cache)?.name;
        Some(self.pool.forged(name, version, &self.nodes.at(from).key))
    }

    /// A receipt instead of a refusal.
    fn fork(&self, from: NodeNo, to: NodeNo, message: Control) -> Control {
        let Control::OfferRefused { offer, why: OfferRefusal::Conflict, .. } = message else {
            return message;
        };
        let offered = self.nodes.at(from).lies.offered.get(&(to, offer));
        let receipt =
            offered.and_then(|manifest| crate::pool::receipt(from, manifest, self.clocks(from).wall));
        receipt.map_or(message, |receipt| Control::OfferReceipt { offer, receipt })
    }

    /// What is said beside a message.
    fn beside(&self, from: NodeNo, to: NodeNo, message: &Control) -> Vec<Control> {
        let Control::Enter { manifest, .. } = message else { return Vec::new() };
        match self.nodes.at(from).spec.behaviour {
            Behaviour::Framing => vec![
                Control::Neighbours { manifest: *manifest, peers: self.elsewhere(from, to) },
                Control::Refused { why: Refusal::AddressFull },
                Control::Part { manifest: *manifest, chunks: ChunkSet::range(0, 1) },
            ],
            Behaviour::Forging => self.forgeries(from),
            Behaviour::Honest
            | Behaviour::Junk
            | Behaviour::Stalling
            | Behaviour::FalseHaves
            | Behaviour::Slow
            | Behaviour::Draining
            | Behaviour::Sybil
            | Behaviour::Replaying
            | Behaviour::Garbage
            | Behaviour::Stale
            | Behaviour::Forking => Vec::new(),
        }
    }

    /// An honest node, where it is not.
    fn elsewhere(&self, from: NodeNo, to: NodeNo) -> Vec<PeerAddress> {
        let honest = self.nodes.iter().find(|(no, node)| node.is_honest() && *no != from && *no != to);
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 255, 254)), 1);
        honest
            .map(|(_, node)| PeerAddress { peer: node.peer, addresses: vec![address] })
            .into_iter()
            .collect()
    }

    fn forgeries(&self, from: NodeNo) -> Vec<Control> {
        let Some(manifest) = self.forged(from) else { return Vec::new() };
        let wall = self.clocks(from).wall;
        let receipts = crate::pool::receipt(from, &manifest, wall).into_iter().collect();
        let certified = CertifiedEnvelope { manifest: manifest.clone(), receipts };
        vec![Control::Offer { offer: u32::MAX, manifest }, Control::Certify { certified }]
    }

    /// What somebody does not want to know; what may be of use later is kept.
    fn is_deaf(&mut self, to: NodeNo, from: NodeNo, message: &Control) -> bool {
        let (now, begun) = (self.now(), self.begun);
        let node = self.nodes.at_mut(to);
        let is_stale = node.stale_until > now || (begun && node.spec.behaviour == Behaviour::Stale);
        if is_stale && is_news(message) {
            self.reached.lies += 1;
            return true;
        }
        match (node.spec.behaviour, message) {
            (Behaviour::Replaying, Control::Relay { answer, beside }) if node.lies.old.len() < OLD_MAX => {
                node.lies.old.push((answer.clone(), beside.clone()));
                false
            }
            (Behaviour::Forking, Control::Offer { offer, manifest }) => {
                node.lies.offered.insert((from, *offer), manifest.clone());
                false
            }
            _ => false,
        }
    }
}

/// What tells a seed of something new.
const fn is_news(message: &Control) -> bool {
    matches!(
        message,
        Control::Offer { .. }
            | Control::Certify { .. }
            | Control::Known { .. }
            | Control::Brought { .. }
            | Control::Papers { .. }
            | Control::KeepPapers { .. }
    )
}

/// Who gives nothing has nothing.
fn hide(message: Control) -> Said {
    if let Control::Enter { manifest, .. } = message {
        return Said::Message(Control::Enter { manifest, have: ChunkSet::default() });
    }
    if matches!(message, Control::Have { .. }) { Said::Nothing } else { Said::Message(message) }
}
