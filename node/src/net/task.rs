//! The task that owns the swarm: it moves commands in and events out, and nothing larger than a buffer's handle.

use super::address::{from_multiaddr, to_multiaddr};
use super::bounds::{EVENTS_MAX, Patience};
use super::strangers::Strangers;
use super::upload::Upload;
use super::wire::Wire;
use super::{Command, NetConfig, NetError, NetEvent, transport};
use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::swarm::{Config, Swarm, SwarmEvent};
use pollux_core::PeerId;
use std::net::TcpListener;
use std::num::NonZeroU64;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Streams that a peer may negotiate at one time on one connection: it needs two.
const NEGOTIATIONS_MAX: usize = 8;

/// What runs.
pub(super) struct Task {
    swarm: Swarm<Wire>,
    commands: mpsc::UnboundedReceiver<Command>,
    events: mpsc::Sender<NetEvent>,
    /// An event that the driver has no room for yet: while there is one, the swarm rests, and so does every peer.
    unsent: Option<NetEvent>,
    patience: Patience,
}

/// Whether the task goes on.
#[derive(PartialEq, Eq)]
enum Next {
    Go,
    Stop,
}

/// Listens, and starts the task.
pub(super) fn start(
    config: &NetConfig,
    patience: Patience,
    upload_bytes_per_second: Option<NonZeroU64>,
) -> Result<(mpsc::UnboundedSender<Command>, mpsc::Receiver<NetEvent>), NetError> {
    let mut swarm = swarm(config, patience)?;
    swarm.behaviour_mut().upload = upload_bytes_per_second.map(|rate| Arc::new(Upload::new(rate)));
    let (commands, commands_in) = mpsc::unbounded_channel();
    let (events, events_out) = mpsc::channel(EVENTS_MAX);
    let task = Task { swarm, commands: commands_in, events, unsent: None, patience };
    tokio::spawn(task.run());
    Ok((commands, events_out))
}

fn swarm(config: &NetConfig, patience: Patience) -> Result<Swarm<Wire>, NetError> {
    let identity = Keypair::ed25519_from_bytes(*config.identity.seed())
        .map_err(|error| NetError::Identity(error.to_string()))?;
    let strangers = Strangers::default();
    let transport = transport::build(&identity, &patience, &strangers)
        .map_err(|error| NetError::Identity(error.to_string()))?;
    let wire = Wire::new(PeerId::new(config.identity.public()), config.role, patience, strangers);
    let settings = Config::with_tokio_executor()
        .with_idle_connection_timeout(std::time::Duration::ZERO)
        .with_max_negotiating_inbound_streams(NEGOTIATIONS_MAX);
    let mut swarm = Swarm::new(transport, wire, identity.public().to_peer_id(), settings);
    // The swarm's sockets would share a port with another program of this user: these do not.
    for address in &config.listen {
        drop(TcpListener::bind(address).map_err(|error| NetError::Listen(*address, error.to_string()))?);
    }
    for address in &config.listen {
        swarm
            .listen_on(to_multiaddr(*address))
            .map_err(|error| NetError::Listen(*address, error.to_string()))?;
    }
    Ok(swarm)
}

impl Task {
    async fn run(mut self) {
        while self.step().await == Next::Go {}
        self.farewell().await;
    }

    /// One command, or one event. The driver's commands come first: they are bounded by what it was granted.
    async fn step(&mut self) -> Next {
        tokio::select! {
            biased;
            command = self.commands.recv() => self.on_command(command),
            sent = deliver(&self.events, &mut self.unsent), if self.unsent.is_some() => sent,
            event = self.swarm.select_next_some(), if self.unsent.is_none() => {
                self.unsent = translate(event);
                Next::Go
            }
        }
    }

    fn on_command(&mut self, command: Option<Command>) -> Next {
        match command {
            None | Some(Command::Shutdown) => Next::Stop,
            Some(command) => {
                self.swarm.behaviour_mut().command(command);
                Next::Go
            }
        }
    }

    /// Sends what waits, closes every connection, and waits for that no longer than a farewell may take.
    async fn farewell(&mut self) {
        self.swarm.behaviour_mut().disconnect_all();
        let deadline = Instant::now() + self.patience.farewell * 2;
        while self.swarm.network_info().num_peers() > 0 {
            let event = tokio::time::timeout_at(deadline, self.swarm.select_next_some()).await;
            let Ok(event) = event else { return };
            if let Some(event) = self.unsent.take().or_else(|| translate(event)) {
                // Nobody need listen any more.
                drop(self.events.try_send(event));
            }
        }
    }
}

/// Hands an event over once the driver has room. If dropped before that, the event stays where it was.
async fn deliver(events: &mpsc::Sender<NetEvent>, unsent: &mut Option<NetEvent>) -> Next {
    let Ok(permit) = events.reserve().await else { return Next::Stop };
    if let Some(event) = unsent.take() {
        permit.send(event);
    }
    Next::Go
}

fn translate(event: SwarmEvent<NetEvent>) -> Option<NetEvent> {
    if let SwarmEvent::Behaviour(event) = event {
        return Some(event);
    }
    if let SwarmEvent::NewListenAddr { address, .. } = event {
        return from_multiaddr(&address).map(|address| NetEvent::Listening { address });
    }
    if let SwarmEvent::IncomingConnectionError { error, send_back_addr, .. } = event {
        tracing::debug!(%error, address = %send_back_addr, "an incoming connection failed");
    } else if let SwarmEvent::ListenerError { error, .. } = event {
        tracing::warn!(%error, "a listener failed to accept");
    } else if let SwarmEvent::ListenerClosed { reason: Err(error), .. } = event {
        tracing::error!(%error, "a listener is closed");
    }
    None
}
