//! One connection: its streams are driven here, in the connection's own task, so that two bulk connections use
//! two cores. What it may do is ordered by the behaviour; what happens is reported to it.

use super::bounds::{GIVERS_PER_CONNECTION_MAX, Patience};
use super::control::{ControlEvent, ControlStream};
use super::giver::{Accepted, Giver, GiverEvent};
use super::lane::{Lane, LaneEvent};
use super::plane::{Accept, Open, Plane};
use super::transfer::Watch;
use super::upload::{Pace, Upload};
use libp2p::Stream;
use libp2p::swarm::handler::{ConnectionEvent, ConnectionHandlerEvent};
use libp2p::swarm::{ConnectionHandler, SubstreamProtocol};
use pollux_core::engine::{AskId, FetchFailure, FetchId, Offence, ServeFailure};
use pollux_core::message::{Control, Decline};
use pollux_core::{ChunkId, ChunkRef, Frame, PeerId};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

/// What the behaviour wants of a connection.
#[derive(Debug)]
pub(super) enum Order {
    /// Its control stream is the pair's.
    Adopt,
    /// The peer belongs: it may ask for chunks, and say as much as any message may hold.
    Admit,
    /// Send this encoded message.
    Send(Vec<u8>),
    /// Send what waits, then report [`Report::Finished`].
    Finish,
    /// Open a lane, if there is none.
    OpenLane,
    /// Ask for chunks on the lane, together.
    Fetch(Vec<(FetchId, ChunkRef)>),
    /// Forget that.
    Cancel(FetchId),
    /// Answer the peer.
    Answer(AskId, Result<Frame, Decline>),
    /// Close at once, whatever is under way.
    End,
}

/// What a connection tells the behaviour.
#[derive(Debug)]
pub(super) enum Report {
    /// The pair's control stream may be this one.
    ControlOpen,
    /// A control message.
    Message(Box<Control>),
    /// A control message was written.
    Sent,
    /// [`Order::Finish`] is done.
    Finished,
    /// Its lane can be used.
    LaneUp,
    /// It cannot; what it had under way is reported beside.
    LaneDown,
    /// A fetch's frame.
    Arrived(FetchId, Frame),
    /// A fetch ended without.
    Failed(FetchId, FetchFailure),
    /// The peer wants chunks, which it asked for together.
    Asked(Vec<(AskId, ChunkId)>),
    /// The peer takes this back before it was answered.
    TakenBack(AskId),
    /// An answer's frame was written, or could not be.
    Served(AskId, Result<u32, ServeFailure>),
    /// The peer broke the protocol.
    Offence(Offence),
    /// A peer that is not known to belong wants more than a stranger gets, or took too long: close the connection.
    Unwelcome,
}

/// How a handler is set up.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    /// Names for what peers ask, unique in the program's life.
    pub(super) asks: Arc<AtomicU64>,
    /// Who is at the other end.
    pub(super) peer: PeerId,
    /// What peers get each second, if that is bounded.
    pub(super) upload: Option<Arc<Upload>>,
    /// How long it waits for what.
    pub(super) patience: Patience,
    /// Whether this node leads the pair.
    pub(super) leads: bool,
    /// Whether the peer is known to belong.
    pub(super) admitted: bool,
    /// What this node dialled the connection for; none if the peer dialled it.
    pub(super) dialled_for: Option<Plane>,
}

/// The connection's state.
#[derive(Debug)]
pub(super) struct Handler {
    setup: Setup,
    control: Option<ControlStream<Stream>>,
    lane: LaneState,
    givers: Vec<Giver<Stream>>,
    reports: VecDeque<Report>,
    to_open: VecDeque<Plane>,
    unused: Watch,
    ended: bool,
}

#[derive(Debug)]
enum LaneState {
    Closed,
    Opening,
    Up(Box<Lane<Stream>>),
}

impl Handler {
    /// A connection that was just established.
    pub(super) fn new(setup: Setup) -> Self {
        let stranger = setup.dialled_for.is_none() && !setup.admitted;
        let unused = Watch::new(if stranger { setup.patience.stranger } else { setup.patience.first_use });
        let mut handler = Self {
            setup,
            control: None,
            lane: LaneState::Closed,
            givers: Vec::new(),
            reports: VecDeque::new(),
            to_open: VecDeque::new(),
            unused,
            ended: false,
        };
        match handler.setup.dialled_for {
            Some(Plane::Control) => handler.to_open.push_back(Plane::Control),
            Some(Plane::Bulk) => handler.open_lane(),
            None => {}
        }
        handler
    }

    fn open_lane(&mut self) {
        if matches!(self.lane, LaneState::Closed) && !self.ended {
            self.lane = LaneState::Opening;
            self.to_open.push_back(Plane::Bulk);
        }
    }

    fn fetch(&mut self, chunks: Vec<(FetchId, ChunkRef)>) {
        let refused = match &mut self.lane {
            LaneState::Up(lane) => lane.fetch(chunks),
            // It went down while the order was on its way.
            LaneState::Opening | LaneState::Closed => chunks,
        };
        let failed = refused.into_iter().map(|(fetch, _)| Report::Failed(fetch, FetchFailure::Broken));
        self.reports.extend(failed);
    }

    fn cancel(&mut self, fetch: FetchId) {
        if let LaneState::Up(lane) = &mut self.lane {
            lane.cancel(fetch);
        }
    }

    fn answer(&mut self, ask: AskId, result: Result<Frame, Decline>) {
        let mut result = result;
        for giver in &mut self.givers {
            match giver.answer(ask, result) {
                Ok(false) => return,
                Ok(true) => return self.reports.push_back(Report::Served(ask, Err(ServeFailure::Unwanted))),
                Err(back) => result = back,
            }
        }
        if result.is_ok() {
            self.reports.push_back(Report::Served(ask, Err(ServeFailure::PeerGone)));
        }
    }

    /// Drops every stream; without streams, and not kept alive, the connection is closed at once.
    fn end(&mut self) {
        self.ended = true;
        self.control = None;
        self.to_open.clear();
        self.lane_down();
        for giver in std::mem::take(&mut self.givers) {
            self.forget(giver);
        }
    }

    /// To drop every stream is not enough: whoever goes on opening streams keeps the connection.
    fn turn_away(&mut self) {
        self.end();
        self.reports.push_back(Report::Unwelcome);
    }

    fn lane_down(&mut self) {
        match std::mem::replace(&mut self.lane, LaneState::Closed) {
            LaneState::Up(lane) => {
                let failed = lane.into_fetches().map(|fetch| Report::Failed(fetch, FetchFailure::Broken));
                self.reports.extend(failed);
            }
            LaneState::Opening => {}
            LaneState::Closed => return,
        }
        self.reports.push_back(Report::LaneDown);
    }

    fn forget(&mut self, giver: Giver<Stream>) {
        let unserved = giver.into_unserved().map(|ask| Report::Served(ask, Err(ServeFailure::PeerGone)));
        self.reports.extend(unserved);
    }

    fn on_inbound(&mut self, plane: Plane, stream: Stream) {
        match plane {
            _ if self.ended => {}
            Plane::Control => self.on_control(stream, self.setup.dialled_for.is_none()),
            Plane::Bulk if !self.setup.admitted => self.turn_away(),
            Plane::Bulk if self.givers.len() < GIVERS_PER_CONNECTION_MAX => {
                let pace = Pace::new(self.setup.upload.clone(), self.setup.peer);
                self.givers.push(Giver::new(stream, &self.setup.patience, pace));
            }
            Plane::Bulk => self.reports.push_back(Report::Offence(Offence::Flood)),
        }
    }

    fn on_outbound(&mut self, plane: Plane, stream: Stream) {
        match plane {
            _ if self.ended => {}
            Plane::Control => self.on_control(stream, true),
            Plane::Bulk => {
                self.lane = LaneState::Up(Box::new(Lane::new(stream, &self.setup.patience)));
                self.reports.push_back(Report::LaneUp);
            }
        }
    }

    /// Who dialled the connection opens its control stream, once.
    fn on_control(&mut self, stream: Stream, by_dialler: bool) {
        if self.control.is_some() || !by_dialler {
            self.reports.push_back(Report::Offence(Offence::Flood));
            return;
        }
        let mut control = ControlStream::new(stream, self.setup.leads, &self.setup.patience);
        if self.setup.admitted {
            control.admit();
        }
        self.control = Some(control);
    }

    fn on_open_failed(&mut self, plane: Plane) {
        match plane {
            Plane::Control => self.end(),
            Plane::Bulk => self.lane_down(),
        }
    }

    /// Drives every stream until one has something to report. Whether anything was reported.
    fn advance(&mut self, cx: &mut Context<'_>) -> bool {
        self.advance_control(cx);
        self.advance_givers(cx);
        self.advance_lane(cx);
        !self.reports.is_empty()
    }

    fn advance_control(&mut self, cx: &mut Context<'_>) {
        let Some(control) = &mut self.control else { return };
        let Poll::Ready(event) = control.poll(cx) else { return };
        match event {
            ControlEvent::Open => self.reports.push_back(Report::ControlOpen),
            ControlEvent::Message(message) => self.reports.push_back(Report::Message(message)),
            ControlEvent::Sent => self.reports.push_back(Report::Sent),
            ControlEvent::Finished => {
                self.reports.push_back(Report::Finished);
                self.control = None;
            }
            ControlEvent::Offence(offence) => {
                self.reports.push_back(Report::Offence(offence));
                self.end();
            }
            ControlEvent::Gone => self.end(),
        }
    }

    fn advance_givers(&mut self, cx: &mut Context<'_>) {
        let mut index = 0;
        while let Some(giver) = self.givers.get_mut(index) {
            match giver.poll(cx) {
                Poll::Ready(GiverEvent::Gone) => {
                    let giver = self.givers.remove(index);
                    self.forget(giver);
                    continue;
                }
                Poll::Ready(GiverEvent::Asked(requests)) => {
                    let name = || AskId(self.setup.asks.fetch_add(1, Ordering::Relaxed));
                    let accepted = giver.accept(requests, name);
                    wake_again(cx, &accepted);
                    self.reports.extend(told(accepted));
                }
                Poll::Ready(GiverEvent::Served(ask, bytes)) => {
                    self.reports.push_back(Report::Served(ask, Ok(bytes)));
                }
                Poll::Pending => {}
            }
            index = index.saturating_add(1);
        }
    }

    fn advance_lane(&mut self, cx: &mut Context<'_>) {
        let LaneState::Up(lane) = &mut self.lane else { return };
        let Poll::Ready(event) = lane.poll(cx) else { return };
        match event {
            LaneEvent::Arrived(fetch, frame) => self.reports.push_back(Report::Arrived(fetch, frame)),
            LaneEvent::Failed(fetch, why) => self.reports.push_back(Report::Failed(fetch, why)),
            LaneEvent::Offence(offence, fetch) => {
                let failed = fetch.map(|fetch| Report::Failed(fetch, FetchFailure::TooLong));
                self.reports.extend(failed);
                self.reports.push_back(Report::Offence(offence));
                self.lane_down();
            }
            LaneEvent::Gone => self.lane_down(),
        }
    }

    fn is_busy(&self) -> bool {
        let lane = match &self.lane {
            LaneState::Up(lane) => lane.is_busy(),
            LaneState::Opening => true,
            LaneState::Closed => false,
        };
        let control = self.control.as_ref().is_some_and(ControlStream::is_adopted);
        lane || control || self.givers.iter().any(Giver::is_busy)
    }

    /// Ends a connection that nobody uses.
    fn watch_use(&mut self, cx: &mut Context<'_>) {
        if self.is_busy() {
            self.unused.touch();
            let idle = self.setup.patience.idle;
            self.unused.set_limit(if self.setup.dialled_for.is_some() { idle } else { idle * 2 });
        } else if !self.ended && self.unused.poll(cx).is_ready() {
            if self.setup.admitted { self.end() } else { self.turn_away() }
        }
    }
}

/// What was read came to nothing: more may have been read with it, of which nobody would wake the task.
fn wake_again(cx: &Context<'_>, accepted: &Accepted) {
    if *accepted == Accepted::default() {
        cx.waker().wake_by_ref();
    }
}

/// What requests that were read come to, in an order in which each ask is known before it ends.
fn told(accepted: Accepted) -> impl Iterator<Item = Report> {
    let Accepted { asked, taken_back, unwanted } = accepted;
    let asked = Some(asked).filter(|asked| !asked.is_empty()).map(Report::Asked);
    let unwanted = unwanted.into_iter().map(|ask| Report::Served(ask, Err(ServeFailure::Unwanted)));
    asked.into_iter().chain(taken_back.into_iter().map(Report::TakenBack)).chain(unwanted)
}

type Event = ConnectionHandlerEvent<Open, Plane, Report>;

impl ConnectionHandler for Handler {
    type FromBehaviour = Order;
    type ToBehaviour = Report;
    type InboundProtocol = Accept;
    type OutboundProtocol = Open;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Plane;

    fn listen_protocol(&self) -> SubstreamProtocol<Accept> {
        SubstreamProtocol::new(Accept, ()).with_timeout(self.setup.patience.first_use)
    }

    fn connection_keep_alive(&self) -> bool {
        !self.ended
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if self.reports.is_empty() && !self.advance(cx) {
            self.watch_use(cx);
        }
        if let Some(report) = self.reports.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(report));
        }
        if let Some(plane) = self.to_open.pop_front() {
            let protocol =
                SubstreamProtocol::new(Open(plane), plane).with_timeout(self.setup.patience.first_use);
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        Poll::Pending
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<Option<Report>> {
        self.end();
        Poll::Ready(self.reports.pop_front())
    }

    fn on_behaviour_event(&mut self, order: Order) {
        match order {
            Order::Adopt => {
                let leads = self.setup.leads;
                self.control.iter_mut().for_each(|control| control.adopt(leads));
            }
            Order::Admit => {
                self.setup.admitted = true;
                self.control.iter_mut().for_each(ControlStream::admit);
            }
            Order::Send(message) => {
                if let Some(control) = &mut self.control {
                    control.send(message);
                }
            }
            Order::Finish => {
                let patience = self.setup.patience;
                self.control.iter_mut().for_each(|control| control.finish(&patience));
            }
            Order::OpenLane => self.open_lane(),
            Order::Fetch(chunks) => self.fetch(chunks),
            Order::Cancel(fetch) => self.cancel(fetch),
            Order::Answer(ask, result) => self.answer(ask, result),
            Order::End => self.end(),
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Accept, Open, (), Plane>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(opened) => {
                let (plane, stream) = opened.protocol;
                self.on_inbound(plane, stream);
            }
            ConnectionEvent::FullyNegotiatedOutbound(opened) => {
                self.on_outbound(opened.info, opened.protocol);
            }
            ConnectionEvent::DialUpgradeError(failed) => self.on_open_failed(failed.info),
            ConnectionEvent::AddressChange(_)
            | ConnectionEvent::ListenUpgradeError(_)
            | ConnectionEvent::LocalProtocolsChange(_)
            | ConnectionEvent::RemoteProtocolsChange(_) => {}
            // The enum may grow: what is not known is not acted on.
            _ => {}
        }
    }
}
