//! The books of the wire: the driver's commands become dials and orders to connections, and what connections report
//! becomes events, so that every fetch, ask and dial has one outcome.

use super::address::{dial_failed, for_bulk, from_libp2p, from_multiaddr, to_libp2p, to_multiaddr};
use super::asks::{Answering, Ask, Asks, Stage};
use super::bounds::{DIAL_ADDRESSES_MAX, Patience};
use super::fetches::Fetch;
use super::gate::Gate;
use super::handler::{Handler, Order, Report, Setup};
use super::peer::{LaneStatus, Link, Peer};
use super::plane::Plane;
use super::strangers::Strangers;
use super::upload::Upload;
use super::{Command, NetEvent};
use libp2p::Multiaddr;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished, DialFailure};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{CloseConnection, ConnectionId, NotifyHandler, ToSwarm};
use pollux_core::engine::{AskId, FetchId, Offence, ServeFailure};
use pollux_core::message::Decline;
use pollux_core::{ChunkId, Frame, PeerId, PeerRole};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::time::Instant;

/// The swarm's behaviour; how the swarm calls it stands in `behaviour`.
pub(super) struct Wire {
    local: PeerId,
    pub(super) patience: Patience,
    /// What peers get each second, if that is bounded.
    pub(super) upload: Option<Arc<Upload>>,
    pub(super) gate: Gate,
    strangers: Strangers,
    asks_named: Arc<AtomicU64>,
    pub(super) peers: BTreeMap<PeerId, Peer>,
    pub(super) fetches: BTreeMap<FetchId, Fetch>,
    asks: Asks,
    pub(super) out: VecDeque<ToSwarm<NetEvent, Order>>,
}

impl Wire {
    /// For the node of this name.
    pub(super) fn new(local: PeerId, role: PeerRole, patience: Patience, strangers: Strangers) -> Self {
        Self {
            local,
            patience,
            upload: None,
            gate: Gate::new(role),
            strangers,
            asks_named: Arc::default(),
            peers: BTreeMap::new(),
            fetches: BTreeMap::new(),
            asks: Asks::default(),
            out: VecDeque::new(),
        }
    }

    /// Does what the driver wants.
    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::Dial { peer, addresses } => self.dial(peer, &addresses),
            Command::Admit { peer } => self.admit(peer),
            Command::Disconnect { peer } => self.disconnect(peer),
            Command::Send { peer, message } => self.send(peer, message),
            Command::Fetch { peer, chunks } => self.fetch(peer, chunks),
            Command::Cancel { fetch } => self.cancel(fetch),
            Command::Answer { ask, result } => self.answer(ask, result),
            Command::Shutdown => self.disconnect_all(),
        }
    }

    /// Says farewell to everybody.
    pub(super) fn disconnect_all(&mut self) {
        let peers: Vec<PeerId> = self.peers.keys().copied().collect();
        for peer in peers {
            self.disconnect(peer);
        }
    }

    fn dial(&mut self, id: PeerId, addresses: &[SocketAddr]) {
        let peer = self.peers.entry(id).or_default();
        if peer.is_dialled() {
            return;
        }
        let addresses: Vec<Multiaddr> =
            addresses.iter().copied().take(DIAL_ADDRESSES_MAX).map(to_multiaddr).collect();
        if !addresses.is_empty() {
            peer.addresses = addresses;
            peer.no_dial_before = None;
        }
        if peer.control.is_some() {
            return;
        }
        peer.awaited = true;
        if !peer.addresses.is_empty() && !peer.dials.values().any(|plane| *plane == Plane::Control) {
            self.start_dial(id, Plane::Control);
        }
        self.settle(id);
    }

    fn admit(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.control.is_some()) else { return };
        peer.admitted = true;
        self.strangers.admit(&to_libp2p(id));
        let links: Vec<ConnectionId> = peer.links.keys().copied().collect();
        for link in links {
            self.gate.admit(link);
            self.order(id, link, Order::Admit);
        }
    }

    /// Dials a peer for this plane.
    pub(super) fn start_dial(&mut self, id: PeerId, plane: Plane) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let addresses = match plane {
            Plane::Control => peer.addresses.clone(),
            Plane::Bulk => peer.addresses.iter().map(for_bulk).collect(),
        };
        let opts = DialOpts::peer_id(to_libp2p(id))
            .condition(PeerCondition::Always)
            .addresses(addresses)
            .allocate_new_port()
            .build();
        peer.dials.insert(opts.connection_id(), plane);
        self.out.push_back(ToSwarm::Dial { opts });
    }

    fn disconnect(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get(&id) else { return };
        let Some(control) = peer.control() else { return self.close(id, CloseConnection::All) };
        let others: Vec<ConnectionId> = peer.links.keys().copied().filter(|link| *link != control).collect();
        for link in others {
            self.order(id, link, Order::End);
        }
        self.order(id, control, Order::Finish);
    }

    fn close(&mut self, id: PeerId, connection: CloseConnection) {
        self.out.push_back(ToSwarm::CloseConnection { peer_id: to_libp2p(id), connection });
    }

    fn send(&mut self, id: PeerId, message: Vec<u8>) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(control) = peer.control() else { return };
        if peer.spend() {
            self.order(id, control, Order::Send(message));
        } else {
            tracing::error!(peer = %id, "a control message without credit is dropped");
        }
    }

    fn answer(&mut self, ask: AskId, result: Result<Frame, Decline>) {
        match self.asks.answer(ask, result.is_ok()) {
            Answering::Wanted(peer, link) => self.order(peer, link, Order::Answer(ask, result)),
            Answering::Late if result.is_ok() => self.not_served(ask),
            Answering::Late => {}
            Answering::Twice => tracing::error!(ask = ask.0, "a second answer to an ask is dropped"),
        }
    }

    fn not_served(&mut self, ask: AskId) {
        self.emit(NetEvent::Served { ask, result: Err(ServeFailure::PeerGone) });
    }

    /// To a connection.
    pub(super) fn order(&mut self, peer: PeerId, link: ConnectionId, order: Order) {
        let handler = NotifyHandler::One(link);
        self.out.push_back(ToSwarm::NotifyHandler { peer_id: to_libp2p(peer), handler, event: order });
    }

    /// To the driver.
    pub(super) fn emit(&mut self, event: NetEvent) {
        self.out.push_back(ToSwarm::GenerateEvent(event));
    }

    pub(super) fn report(&mut self, id: PeerId, link: ConnectionId, report: Report) {
        let is_control = self.peers.get(&id).is_some_and(|peer| peer.control() == Some(link));
        match report {
            Report::ControlOpen => self.on_control_open(id, link),
            Report::Message(message) if is_control => self.emit(NetEvent::Message { peer: id, message }),
            Report::Sent if is_control => self.on_sent(id),
            Report::Message(_) | Report::Sent => {}
            Report::Finished => self.close(id, CloseConnection::All),
            Report::Unwelcome => self.close(id, CloseConnection::One(link)),
            Report::LaneUp => {
                self.set_lane(id, link, LaneStatus::Up(0));
                self.spread(id);
            }
            Report::LaneDown => self.on_lane_down(id, link),
            Report::Arrived(fetch, frame) => {
                if self.take_fetch(fetch).is_some() {
                    self.emit(NetEvent::FrameArrived { fetch, frame });
                }
            }
            Report::Failed(fetch, why) => {
                if self.take_fetch(fetch).is_some() {
                    self.not_fetched(fetch, why);
                }
            }
            Report::Asked(chunks) => self.on_asked(id, link, chunks),
            Report::TakenBack(ask) => {
                if self.asks.waits(ask) {
                    self.emit(NetEvent::TakenBack { peer: id, ask });
                }
            }
            Report::Served(ask, result) => {
                if self.asks.close(ask) {
                    self.emit(NetEvent::Served { ask, result });
                }
            }
            Report::Offence(offence) => self.on_offence(id, link, offence),
        }
    }

    fn on_sent(&mut self, id: PeerId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.refund();
        }
        self.emit(NetEvent::SendCredit { peer: id, messages: 1 });
    }

    /// A peer that is not connected is not the driver's to judge: its connection just ends.
    fn on_offence(&mut self, id: PeerId, link: ConnectionId, offence: Offence) {
        if self.peers.get(&id).is_some_and(|peer| peer.control.is_some()) {
            self.emit(NetEvent::Misbehaved { peer: id, offence });
        } else {
            self.order(id, link, Order::End);
        }
    }

    /// Who is not known to belong opens no bulk stream; what is asked after that has ended is declined.
    fn on_asked(&mut self, id: PeerId, link: ConnectionId, chunks: Vec<(AskId, ChunkId)>) {
        let admitted = self.is_admitted(id);
        for (ask, _) in &chunks {
            if admitted {
                self.asks.enter(*ask, Ask { peer: id, link, stage: Stage::Reported });
            } else {
                self.order(id, link, Order::Answer(*ask, Err(Decline::NotAMember)));
            }
        }
        if admitted {
            self.emit(NetEvent::Asked { peer: id, chunks });
        }
    }

    fn on_control_open(&mut self, id: PeerId, link: ConnectionId) {
        let leads = self.local < id;
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.links.contains_key(&link)) else { return };
        if !peer.may_replace(link, leads) {
            return self.order(id, link, Order::End);
        }
        if peer.control.is_some() {
            self.lose(id, Some(link));
        }
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.set_control(link);
        peer.awaited = false;
        let Some(entry) = peer.links.get(&link) else { return };
        let (address, dialled) = (entry.address, entry.dialled_for.is_some());
        self.emit(NetEvent::Connected {
            peer: id,
            address,
            dialled,
            messages: super::bounds::CONTROL_WINDOW,
        });
        self.order(id, link, Order::Adopt);
    }

    /// The control connection is gone: so is everything else with that peer, but a connection that takes its place.
    fn lose(&mut self, id: PeerId, heir: Option<ConnectionId>) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        (peer.control, peer.admitted) = (None, false);
        let links: Vec<ConnectionId> =
            peer.links.keys().copied().filter(|link| Some(*link) != heir).collect();
        for link in links {
            self.order(id, link, Order::End);
        }
        self.fail_fetches(|fetch| fetch.peer == id);
        self.fail_asks(|ask| ask.peer == id);
        self.emit(NetEvent::Disconnected { peer: id });
    }

    fn fail_asks(&mut self, which: impl Fn(&Ask) -> bool) {
        for ask in self.asks.drop_gone(which) {
            self.not_served(ask);
        }
    }

    pub(super) fn on_established(&mut self, id: PeerId, established: &ConnectionEstablished<'_>) {
        let address = established.endpoint.get_remote_address();
        let Some(socket) = from_multiaddr(address) else { return };
        let peer = self.peers.entry(id).or_default();
        let dialled_for = peer.dials.remove(&established.connection_id);
        let lane = match dialled_for {
            Some(Plane::Bulk) => LaneStatus::Opening,
            Some(Plane::Control) | None => LaneStatus::Closed,
        };
        if dialled_for == Some(Plane::Control) {
            peer.addresses = vec![to_multiaddr(socket)];
        }
        let too_late = lane == LaneStatus::Opening && peer.control.is_none();
        peer.links.insert(established.connection_id, Link { address: socket, dialled_for, lane });
        if too_late {
            self.order(id, established.connection_id, Order::End);
        }
    }

    pub(super) fn on_closed(&mut self, id: PeerId, closed: &ConnectionClosed<'_>) {
        let link = closed.connection_id;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let was = peer.links.remove(&link);
        if was.is_some_and(|was| was.dialled_for == Some(Plane::Bulk) && was.lane == LaneStatus::Opening) {
            peer.no_dial_before = Some(Instant::now() + self.patience.redial);
        }
        if peer.control() == Some(link) {
            self.lose(id, None);
        } else {
            self.fail_fetches(|fetch| fetch.link == Some(link));
            self.fail_asks(|ask| ask.link == link);
            self.spread(id);
        }
        self.settle(id);
    }

    pub(super) fn on_dial_failed(&mut self, failure: &DialFailure<'_>) {
        let Some(id) = failure.peer_id.as_ref().and_then(from_libp2p) else { return };
        let Some(peer) = self.peers.get_mut(&id) else { return };
        tracing::debug!(peer = %id, error = %failure.error, "dial failed");
        let plane = peer.dials.remove(&failure.connection_id);
        if plane != Some(Plane::Bulk) {
            peer.failed = Some(dial_failed(failure.error));
        } else {
            peer.no_dial_before = Some(Instant::now() + self.patience.redial);
            self.spread(id);
        }
        self.settle(id);
    }

    /// Reports a dial that came to nothing, and forgets a peer of which nothing is left.
    fn settle(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.has_failed() {
            peer.awaited = false;
            let why = peer.failed.take().unwrap_or_else(|| "the connection was lost at once".to_owned());
            self.out.push_back(ToSwarm::GenerateEvent(NetEvent::DialFailed { peer: id, why }));
        }
        if peer.is_forgettable() {
            self.peers.remove(&id);
        }
    }

    /// Whether the driver says that this peer belongs.
    pub(super) fn is_admitted(&self, id: PeerId) -> bool {
        self.peers.get(&id).is_some_and(|peer| peer.admitted)
    }

    /// What drives a new connection.
    pub(super) fn handler(&self, id: PeerId, dialled_for: Option<Plane>) -> Handler {
        let asks = Arc::clone(&self.asks_named);
        let (leads, admitted) = (self.local < id, self.is_admitted(id));
        if admitted {
            self.strangers.admit(&to_libp2p(id));
        }
        let upload = self.upload.clone();
        Handler::new(Setup { asks, peer: id, upload, patience: self.patience, leads, admitted, dialled_for })
    }
}
