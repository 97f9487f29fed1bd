//! What goes wrong because the scenario says so: processes, links, clocks.

use super::{Event, World};
use crate::network::Link;
use crate::node::Role;
use crate::numbered::NodeNo;
use crate::scenario::{Behaviour, Disk, FaultKind, FaultSpec, Patience, Whom};
use core::time::Duration;
use pollux_core::Instant;
use pollux_core::engine::Input;
use std::collections::BTreeSet;

/// After this long without a word a connection is taken for broken, as in the node.
pub(super) const SILENCE: Duration = Duration::from_secs(30);
/// How long a dial waits for an answer.
const DIAL_PATIENCE: Duration = Duration::from_secs(10);

/// Those who do not reach each other.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    fault: usize,
    these: BTreeSet<NodeNo>,
    others: BTreeSet<NodeNo>,
    one_way: bool,
    until: Instant,
}

impl Cut {
    /// Whether what one sends is kept from the other.
    fn holds(&self, from: NodeNo, to: NodeNo) -> bool {
        let out = self.these.contains(&from) && self.others.contains(&to);
        out || (!self.one_way && self.others.contains(&from) && self.these.contains(&to))
    }

    fn parts(&self, one: NodeNo, other: NodeNo) -> bool {
        self.holds(one, other) || self.holds(other, one)
    }
}

impl World {
    /// Everything that is to go wrong after this moment, the beginning, is to happen at its time.
    pub(crate) fn begin_troubles(&mut self, begin: Instant) {
        (self.begun, self.begin) = (true, begin);
        for (place, fault) in self.scenario.faults.clone().into_iter().enumerate() {
            let at = begin.after(fault.at.duration());
            if let FaultKind::Crash { disk: Disk::Aged(age) } = fault.what {
                let then = begin.after(Duration::from_micros(fault.at.0.saturating_sub(age.0)));
                self.queue.push(then, Event::Snapshot(place));
            }
            self.queue.push(at, Event::Trouble(place));
            if let Patience::For(lasts) = fault.lasts {
                self.queue.push(at.after(lasts.duration()), Event::Healed(place));
            }
            let lasts_long = end(at, fault.lasts) > at.after(SILENCE);
            if lasts_long && matches!(fault.what, FaultKind::Pause | FaultKind::Cut { .. }) {
                self.queue.push(at.after(SILENCE), Event::Silence(place));
            }
        }
    }

    /// Whose a fault is: so many, drawn once for all.
    pub(crate) fn struck(&self, place: usize) -> BTreeSet<NodeNo> {
        let Some(fault) = self.scenario.faults.get(place) else { return BTreeSet::new() };
        let all = self.named(&fault.whom);
        let count = fault.count_of(u64::try_from(all.len()).unwrap_or(u64::MAX));
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let purpose = format!("struck {place}");
        let mut drawn: Vec<(u64, NodeNo)> =
            all.into_iter().map(|no| (self.lots.number(&purpose, u64::from(no.0)), no)).collect();
        drawn.sort_unstable();
        drawn.into_iter().take(count).map(|(_, no)| no).collect()
    }

    fn named(&self, whom: &Whom) -> BTreeSet<NodeNo> {
        let is_meant = |role: Role, zone: usize| match whom {
            Whom::Seeds => role == Role::Seed,
            Whom::Everybody => matches!(role, Role::Seed | Role::Member { .. }),
            Whom::Zone(name) => {
                matches!(role, Role::Seed | Role::Member { .. }) && self.scenario.zone(name) == Some(zone)
            }
            Whom::Group(name) => self.group_of_role(role).is_some_and(|group| group.name == *name),
        };
        self.nodes
            .iter()
            .filter(|(_, node)| is_meant(node.spec.role, node.spec.zone))
            .map(|(no, _)| no)
            .collect()
    }

    fn fault_spec(&self, place: usize) -> Option<FaultSpec> {
        self.scenario.faults.get(place).cloned()
    }

    pub(super) fn trouble(&mut self, place: usize) {
        let Some(fault) = self.fault_spec(place) else { return };
        self.reached.faults += 1;
        self.mark_fault(&fault);
        let (until, struck) = (end(self.now(), fault.lasts), self.struck(place));
        if let FaultKind::Cut { from, one_way } = fault.what {
            let others = self.named(&from).difference(&struck).copied().collect();
            self.cuts.push(Cut { fault: place, these: struck, others, one_way, until });
            return;
        }
        for no in struck {
            self.strike(no, &fault.what, until);
        }
    }

    fn strike(&mut self, no: NodeNo, what: &FaultKind, until: Instant) {
        let now = self.now();
        match *what {
            FaultKind::Crash { disk } => self.crash(no, disk, until),
            FaultKind::Pause => self.nodes.at_mut(no).paused = until,
            FaultKind::Link { up, down } => {
                let own = self.link_of(no);
                let link = Link { up: up.0.min(own.up), down: down.0.min(own.down) };
                self.network.change(now, no, link);
            }
            FaultKind::Delay(by) => self.nodes.at_mut(no).delay = by.duration(),
            FaultKind::ClockAhead(by) => self.nodes.at_mut(no).ahead = by.duration(),
            FaultKind::ClockBehind(by) => self.nodes.at_mut(no).behind = by.duration(),
            FaultKind::Stale => {
                let node = self.nodes.at_mut(no);
                node.stale_until = node.stale_until.max(until);
            }
            FaultKind::Cut { .. } => {}
        }
    }

    /// A fault is over. Who was killed starts again by an event of its own; who stood still or was stale goes on by itself.
    pub(super) fn healed(&mut self, place: usize) {
        let Some(fault) = self.fault_spec(place) else { return };
        self.mark_end(&fault);
        self.cuts.retain(|cut| cut.fault != place);
        let now = self.now();
        for no in self.struck(place) {
            match fault.what {
                FaultKind::Link { .. } => {
                    let own = self.link_of(no);
                    self.network.change(now, no, own);
                }
                FaultKind::Delay(_) => self.nodes.at_mut(no).delay = Duration::ZERO,
                FaultKind::ClockAhead(_) => self.nodes.at_mut(no).ahead = Duration::ZERO,
                FaultKind::ClockBehind(_) => self.nodes.at_mut(no).behind = Duration::ZERO,
                FaultKind::Crash { .. } | FaultKind::Pause | FaultKind::Cut { .. } | FaultKind::Stale => {}
            }
        }
    }

    /// A disk is copied, to be restored later.
    pub(super) fn take_snapshots(&mut self, place: usize) {
        for no in self.struck(place) {
            let node = self.nodes.at_mut(no);
            node.snapshot = Some(Box::new((node.memory.clone(), node.store.clone())));
        }
    }

    /// Others have heard nothing for too long: connections are taken for broken.
    pub(super) fn fall_silent(&mut self, place: usize) {
        let Some(fault) = self.fault_spec(place) else { return };
        if let Some(cut) = self.cuts.iter().find(|cut| cut.fault == place).cloned() {
            let pairs =
                cut.these.iter().flat_map(|one| self.nodes.at(*one).links.keys().map(|other| (*one, *other)));
            let parted: Vec<(NodeNo, NodeNo)> =
                pairs.filter(|(one, other)| cut.parts(*one, *other)).collect();
            parted.into_iter().for_each(|(one, other)| self.break_off(one, other));
        }
        if fault.what == FaultKind::Pause {
            for no in self.struck(place) {
                let peers: Vec<NodeNo> = self.nodes.at(no).links.keys().copied().collect();
                peers.into_iter().for_each(|peer| self.break_off(no, peer));
            }
        }
    }

    /// Both ends of a connection give it up; one that stands still does when it goes on.
    fn break_off(&mut self, one: NodeNo, other: NodeNo) {
        let Some(link) = self.nodes.at(one).links.get(&other).map(|link| link.number) else { return };
        for (from, to) in [(one, other), (other, one)] {
            let at = self.now().max(self.nodes.at(to).paused);
            self.queue.push(at, Event::BrokenOff { from, to, link });
        }
    }

    /// What happens later than it would, because somebody stands still or is cut off; none: it never does, or does now.
    pub(super) fn hold_up(&mut self, event: Event) -> Option<Event> {
        let Some((from, to)) = event.way() else { return Some(event) };
        let paused = self.nodes.at(to).paused;
        if paused > self.now() {
            self.push_unless_never(paused, event);
            return None;
        }
        let Some(from) = from else { return Some(event) };
        let is_dial = matches!(event, Event::Connect { .. });
        let cut =
            self.cuts.iter().find(|cut| if is_dial { cut.parts(from, to) } else { cut.holds(from, to) });
        let Some(until) = cut.map(|cut| cut.until) else { return Some(event) };
        if is_dial {
            let peer = self.nodes.at(to).peer;
            self.answer(from, DIAL_PATIENCE, Input::DialFailed { peer });
        } else {
            self.push_unless_never(until, event);
        }
        None
    }

    pub(super) fn push_unless_never(&mut self, at: Instant, event: Event) {
        if at < Instant::NEVER {
            self.queue.push(at, event);
        }
    }

    /// The links that a node has when nothing is wrong with them.
    pub(super) fn link_of(&self, no: NodeNo) -> Link {
        /// What is left of a slow node's uplink: this part.
        const SLOW_PART: u64 = 10;
        let spec = self.nodes.at(no).spec;
        let seeds = Link { up: self.scenario.seeds.up.0, down: self.scenario.seeds.down.0 };
        let own =
            self.group_of_role(spec.role).map_or(seeds, |group| Link { up: group.up.0, down: group.down.0 });
        let part = if spec.behaviour == Behaviour::Slow { SLOW_PART } else { 1 };
        Link { up: (own.up / part).max(1), ..own }
    }

    /// A process is killed, and may start again; then its job begins anew.
    pub(super) fn crash(&mut self, no: NodeNo, disk: Disk, back: Instant) {
        if self.nodes.at(no).engine.is_none() {
            return;
        }
        if back == Instant::NEVER {
            return self.kill(no);
        }
        self.hang_up_all(no);
        self.requeue_job(no);
        self.stop(no);
        self.queue.push(back, Event::Back(no, disk));
    }

    /// A process starts again, with the disk that it finds.
    pub(super) fn come_back(&mut self, no: NodeNo, disk: Disk) {
        let chunks = self.content.count();
        let node = self.nodes.at_mut(no);
        if node.gone || node.engine.is_some() {
            return;
        }
        self.reached.restarts += 1;
        match disk {
            Disk::Kept => {}
            Disk::Wiped => node.wipe(chunks),
            Disk::Aged(_) => {
                if let Some(snapshot) = node.snapshot.take() {
                    (node.memory, node.store) = *snapshot;
                }
            }
        }
        self.boot(no);
        self.begin_next(no);
    }
}

fn end(at: Instant, lasts: Patience) -> Instant {
    match lasts {
        Patience::Off => Instant::NEVER,
        Patience::For(span) => at.after(span.duration()),
    }
}
