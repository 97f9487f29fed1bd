//! The control stream of a pair of peers.
//!
//! On the wire: of the two peers, the one with the smaller id *leads*. Its side begins with one byte, 1, and
//! means that this stream is the pair's control stream; until then nobody says anything. So when both dial at
//! once, one of two streams is chosen, the same by both. Then both sides send messages, each as its length
//! (u32, little endian, at most [`CONTROL_BYTES_MAX`]) and its bytes.
//!
//! Of a peer that is not known to belong, [`STRANGER_BYTES_MAX`] bytes are read. A message that goes beyond waits unread
//! until the peer is admitted: honest ones speak before they know whether they are believed.

use super::bounds::Patience;
use super::transfer::{Filling, Outbox, Watch};
use futures::{AsyncRead, AsyncWrite};
use pollux_core::engine::Offence;
use pollux_core::limits::{CONTROL_BYTES_MAX, STRANGER_BYTES_MAX};
use pollux_core::message::Control;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What the leader's side begins with.
const CHOSEN: u8 = 1;

/// Bytes of a message's length on the wire.
const LENGTH_BYTES: usize = 4;

/// One end of it.
#[derive(Debug)]
pub(super) struct ControlStream<S> {
    stream: S,
    phase: Phase,
    reading: Reading,
    /// Bytes that may still be read of a stranger; none: the peer belongs.
    allowance: Option<usize>,
    outbox: Outbox<Sent>,
    farewell: Option<Farewell>,
}

/// How far a graceful end is: everything is sent, then this side says that it ends, then the peer hangs up, which
/// it does when it has read all.
#[derive(Debug)]
struct Farewell {
    limit: Watch,
    said: bool,
}

#[derive(Debug)]
enum Phase {
    /// The leader has not chosen yet.
    Unchosen(Filling),
    /// This side leads and may choose it.
    Choosing,
    /// Both know; this node has not said yet that it is ready for messages.
    Chosen,
    /// Messages go to and fro.
    Adopted,
}

#[derive(Debug)]
enum Reading {
    Length(Filling),
    /// A message of this length is more than a stranger may say.
    Held(usize),
    Message(Filling),
}

/// A whole message was written.
#[derive(Debug)]
struct Sent;

/// What happens on it.
#[derive(Debug)]
pub(super) enum ControlEvent {
    /// It may be adopted now.
    Open,
    /// The peer says something.
    Message(Box<Control>),
    /// A message was written.
    Sent,
    /// The peer broke the protocol; the stream cannot be used any more.
    Offence(Offence),
    /// The farewell is over.
    Finished,
    /// The stream ended.
    Gone,
}

impl<S: AsyncRead + AsyncWrite + Unpin> ControlStream<S> {
    /// A negotiated stream; `leads` says whether this node has the smaller id.
    pub(super) fn new(stream: S, leads: bool, patience: &Patience) -> Self {
        let phase = if leads { Phase::Choosing } else { Phase::Unchosen(Filling::new(1)) };
        let reading = Reading::Length(Filling::new(LENGTH_BYTES));
        let allowance = Some(STRANGER_BYTES_MAX);
        Self { stream, phase, reading, allowance, outbox: Outbox::new(patience.stall), farewell: None }
    }

    /// Makes it the pair's control stream: from now on messages are read.
    pub(super) fn adopt(&mut self, leads: bool) {
        if leads {
            self.outbox.push(vec![CHOSEN], None);
        }
        self.phase = Phase::Adopted;
    }

    /// The peer belongs: all that it says is read.
    pub(super) fn admit(&mut self) {
        self.allowance = None;
        if let Reading::Held(length) = self.reading {
            self.reading = Reading::Message(Filling::new(length));
        }
    }

    /// Whether messages go to and fro.
    pub(super) fn is_adopted(&self) -> bool {
        matches!(self.phase, Phase::Adopted)
    }

    /// Sends an encoded message.
    pub(super) fn send(&mut self, message: Vec<u8>) {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        self.outbox.push(length.to_le_bytes().to_vec(), None);
        self.outbox.push(message, Some(Sent));
    }

    /// Sends what waits, and reports that it is finished when the peer has read that, or too much time went by.
    pub(super) fn finish(&mut self, patience: &Patience) {
        self.farewell.get_or_insert_with(|| Farewell { limit: Watch::new(patience.farewell), said: false });
    }

    /// What happens next. After `Offence`, `Finished` and `Gone` it is not polled again.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ControlEvent> {
        match &mut self.phase {
            Phase::Unchosen(byte) => {
                let read = ready!(byte.poll(cx, &mut self.stream));
                Poll::Ready(self.on_choice(read.is_ok()))
            }
            Phase::Choosing => {
                self.phase = Phase::Chosen;
                Poll::Ready(ControlEvent::Open)
            }
            Phase::Chosen => Poll::Pending,
            Phase::Adopted => self.poll_messages(cx),
        }
    }

    fn on_choice(&mut self, read: bool) -> ControlEvent {
        let phase = std::mem::replace(&mut self.phase, Phase::Chosen);
        let Phase::Unchosen(byte) = phase else { return ControlEvent::Gone };
        match byte.header() {
            Some([CHOSEN]) if read => ControlEvent::Open,
            Some(_) if read => ControlEvent::Offence(Offence::BadMessage),
            _ => ControlEvent::Gone,
        }
    }

    fn poll_messages(&mut self, cx: &mut Context<'_>) -> Poll<ControlEvent> {
        match self.outbox.poll(cx, &mut self.stream) {
            Poll::Ready(Ok(Sent)) => return Poll::Ready(ControlEvent::Sent),
            Poll::Ready(Err(_)) => return Poll::Ready(ControlEvent::Gone),
            Poll::Pending => {}
        }
        if self.poll_farewell(cx).is_ready() {
            return Poll::Ready(ControlEvent::Finished);
        }
        self.poll_read(cx)
    }

    /// Ready when the farewell took too long.
    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(farewell) = &mut self.farewell else { return Poll::Pending };
        if self.outbox.is_empty() && !farewell.said {
            farewell.said = Pin::new(&mut self.stream).poll_close(cx).is_ready();
        }
        farewell.limit.poll(cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<ControlEvent> {
        loop {
            let (Reading::Length(part) | Reading::Message(part)) = &mut self.reading else {
                return Poll::Pending;
            };
            if ready!(part.poll(cx, &mut self.stream)).is_err() {
                return Poll::Ready(ControlEvent::Gone);
            }
            if let Some(event) = self.on_read() {
                return Poll::Ready(event);
            }
        }
    }

    fn on_read(&mut self) -> Option<ControlEvent> {
        let next = Reading::Length(Filling::new(LENGTH_BYTES));
        match std::mem::replace(&mut self.reading, next) {
            Reading::Length(length) => {
                let length = u32::from_le_bytes(*length.header()?);
                let Some(length) = usize::try_from(length).ok().filter(|length| *length <= CONTROL_BYTES_MAX)
                else {
                    return Some(ControlEvent::Offence(Offence::TooLong));
                };
                self.reading = self.begin_message(length);
                None
            }
            held @ Reading::Held(_) => {
                self.reading = held;
                None
            }
            Reading::Message(message) => Some(decode(&message.into_bytes())),
        }
    }

    /// A stranger's message is read if all that it has said stays within the bound.
    fn begin_message(&mut self, length: usize) -> Reading {
        if let Some(allowance) = &mut self.allowance {
            let Some(rest) = allowance.checked_sub(length.saturating_add(LENGTH_BYTES)) else {
                return Reading::Held(length);
            };
            *allowance = rest;
        }
        Reading::Message(Filling::new(length))
    }
}

fn decode(bytes: &[u8]) -> ControlEvent {
    match Control::decode(bytes) {
        Ok(message) => ControlEvent::Message(Box::new(message)),
        Err(_) => ControlEvent::Offence(Offence::BadMessage),
    }
}
