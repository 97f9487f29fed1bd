//! Whatever bytes come on a stream, it ends or goes on; nothing panics, and nothing is believed that was not asked.

use super::node::chunk;
use crate::net::bounds::Patience;
use crate::net::control::{ControlEvent, ControlStream};
use crate::net::giver::{Giver, GiverEvent};
use crate::net::lane::{Lane, LaneEvent};
use crate::net::upload::Pace;
use futures::{AsyncRead, AsyncWrite};
use pollux_core::engine::{AskId, FetchFailure, FetchId};
use proptest::prelude::*;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Says what it is told, a few bytes at a time, then ends; takes everything.
struct Script {
    bytes: Vec<u8>,
    at: usize,
    step: usize,
}

impl AsyncRead for Script {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let rest = &self.bytes[self.at..];
        let count = rest.len().min(into.len()).min(self.step);
        into[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Script {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn in_a_runtime(test: impl FnOnce(&mut Context<'_>)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _guard = runtime.enter();
    test(&mut Context::from_waker(Waker::noop()));
}

/// Bytes that begin like a real reply or message often enough to get further in.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let small = prop::collection::vec(prop_oneof![Just(0), Just(1), Just(2), any::<u8>()], 0..200);
    prop_oneof![small, prop::collection::vec(any::<u8>(), 0..2000)]
}

proptest! {
    #[test]
    fn on_a_control_stream(bytes in nearly(), step in 1..50_usize, leads: bool) {
        in_a_runtime(|cx| {
            let script = Script { bytes, at: 0, step };
            let mut control = ControlStream::new(script, leads, &Patience::default());
            let mut events = 0;
            while let Poll::Ready(event) = control.poll(cx) {
                events += 1;
                match event {
                    ControlEvent::Open => control.adopt(leads),
                    ControlEvent::Message(_) | ControlEvent::Sent => {}
                    ControlEvent::Offence(_) | ControlEvent::Gone | ControlEvent::Finished => return,
                }
                assert!(events < 3000, "it never ends");
            }
        });
    }

    #[test]
    fn on_the_asking_end(bytes in nearly(), step in 1..50_usize, fetches in 0..5_u32) {
        in_a_runtime(|cx| {
            let mut lane = Lane::new(Script { bytes, at: 0, step }, &Patience::default());
            for number in 0..fetches {
                let refused = lane.fetch(vec![(FetchId(u64::from(number)), chunk(number, 100).0)]);
                assert!(refused.is_empty(), "there is room");
            }
            lane.cancel(FetchId(1));
            let mut outcomes = Vec::new();
            loop {
                match lane.poll(cx) {
                    Poll::Ready(LaneEvent::Arrived(fetch, frame)) => {
                        assert!(frame.bytes.len() <= 100);
                        outcomes.push(fetch);
                    }
                    Poll::Ready(LaneEvent::Failed(fetch, why)) => {
                        assert!(matches!(why, FetchFailure::Declined(_)));
                        outcomes.push(fetch);
                    }
                    Poll::Ready(LaneEvent::Offence(_, fetch)) => break outcomes.extend(fetch),
                    Poll::Ready(LaneEvent::Gone) => break,
                    Poll::Pending => panic!("the script never waits"),
                }
            }
            outcomes.extend(lane.into_fetches());
            outcomes.sort_unstable();
            let all: Vec<FetchId> = (0..u64::from(fetches)).filter(|number| *number != 1).map(FetchId).collect();
            assert_eq!(outcomes, all, "every fetch has one outcome");
        });
    }

    #[test]
    fn on_the_giving_end(bytes in nearly(), step in 1..50_usize) {
        in_a_runtime(|cx| {
            let expected = bytes.len() / 36;
            let mut giver = Giver::new(Script { bytes, at: 0, step }, &Patience::default(), Pace::default());
            let mut asks = 0;
            loop {
                match giver.poll(cx) {
                    Poll::Ready(GiverEvent::Asked(requests)) => {
                        let name = || {
                            asks += 1;
                            AskId(asks)
                        };
                        for (ask, _) in giver.accept(requests, name).asked {
                            giver.answer(ask, Ok(chunk(0, 100).1)).expect("it was asked");
                        }
                    }
                    Poll::Ready(GiverEvent::Served(_, bytes)) => assert_eq!(bytes, 100),
                    Poll::Ready(GiverEvent::Gone) => break,
                    Poll::Pending => panic!("the script never waits"),
                }
            }
            assert_eq!(usize::try_from(asks).expect("few"), expected);
        });
    }
}
