//! The two planes as stream protocols: what a stream is for is negotiated when it is opened.

use futures::future::{Ready, ready};
use libp2p::StreamProtocol;
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use pollux_core::message::{BULK_VERSION, CONTROL_VERSION};
use std::convert::Infallible;

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plane {
    /// Small messages, both ways, one stream for a pair of peers.
    Control,
    /// Chunks: requests one way, frames the other.
    Bulk,
}

const CONTROL: StreamProtocol = StreamProtocol::new("/pollux/control/1");
const BULK: StreamProtocol = StreamProtocol::new("/pollux/bulk/1");

// A new version gets a name of its own beside the old one.
const _: () = assert!(CONTROL_VERSION == 1 && BULK_VERSION == 1);

impl Plane {
    /// The protocol's name, its version included.
    pub(super) const fn protocol(self) -> StreamProtocol {
        match self {
            Self::Control => CONTROL,
            Self::Bulk => BULK,
        }
    }

    fn of(protocol: &StreamProtocol) -> Self {
        if *protocol == BULK { Self::Bulk } else { Self::Control }
    }
}

/// Opens a stream of one plane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open(pub(super) Plane);

/// Accepts streams of both planes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accept;

impl UpgradeInfo for Open {
    type Info = StreamProtocol;
    type InfoIter = std::iter::Once<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once(self.0.protocol())
    }
}

impl<S> OutboundUpgrade<S> for Open {
    type Output = S;
    type Error = Infallible;
    type Future = Ready<Result<S, Infallible>>;

    fn upgrade_outbound(self, stream: S, _: StreamProtocol) -> Self::Future {
        ready(Ok(stream))
    }
}

impl UpgradeInfo for Accept {
    type Info = StreamProtocol;
    type InfoIter = [StreamProtocol; 2];

    fn protocol_info(&self) -> Self::InfoIter {
        [CONTROL, BULK]
    }
}

impl<S> InboundUpgrade<S> for Accept {
    type Output = (Plane, S);
    type Error = Infallible;
    type Future = Ready<Result<(Plane, S), Infallible>>;

    fn upgrade_inbound(self, stream: S, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((Plane::of(&protocol), stream)))
    }
}
