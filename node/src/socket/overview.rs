//! What an operator is told of the node.

use super::session::{Session, SessionEnd};
use crate::logging;
use pollux_client::ends::ends;
use pollux_client::protocol::{Further, NodeStatus, Overview, Reply, SeedStatus};
use pollux_core::PeerRole;
use pollux_core::engine::SeedView;
use std::time::Duration;

impl Session {
    pub(super) async fn tell_status(&self) -> Result<(), SessionEnd> {
        let status = self.node_status().await?;
        self.reply(Reply::Status(Box::new(status))).await
    }

    pub(super) async fn tell_overview(&self) -> Result<(), SessionEnd> {
        let (status, more) = (self.node_status().await?, self.further().await?);
        self.reply(Reply::Overview(Box::new(Overview { status, more }))).await
    }

    async fn node_status(&self) -> Result<NodeStatus, SessionEnd> {
        let engine = self.parts.driver.status().await.map_err(|_| SessionEnd::Stopping)?;
        let (facts, usage) = (&self.parts.facts, self.parts.store.usage());
        Ok(NodeStatus {
            software: facts.software.clone(),
            pool: facts.pool.clone(),
            peer: facts.peer.to_string(),
            role: match facts.role {
                PeerRole::Node => "node".to_owned(),
                PeerRole::Seed => "seed".to_owned(),
            },
            uptime_seconds: facts.started.elapsed().as_secs(),
            policy_version: engine.policy_version,
            policy_expires_ms: engine.policy_expires_ms,
            engine,
            store_chunks: usage.chunks,
            store_bytes: usage.bytes,
            store_bytes_max: usage.bytes_max,
            disk_free_bytes: usage.disk_free_bytes,
        })
    }

    async fn further(&self) -> Result<Further, SessionEnd> {
        let (driver, facts) = (&self.parts.driver, &self.parts.facts);
        let (seen, wall) = driver.surroundings().await.map_err(|_| SessionEnd::Stopping)?;
        let trust = driver.trust().await.map_err(|_| SessionEnd::Stopping)?;
        Ok(Further {
            clock_ms: wall.as_millis(),
            membership_left_ms: seen.membership_left.map(milliseconds),
            unwelcome: seen.unwelcome,
            seeds: seen.seeds.into_iter().map(seed).collect(),
            ends: ends(&trust, facts.token.as_ref(), wall),
            asked: self.parts.tally.asked(),
            store_free_bytes_min: facts.store_free_bytes_min,
            store_broken: self.parts.store.is_broken(),
            place: facts.place.clone(),
            warnings: logging::warnings(),
        })
    }
}

fn seed(view: SeedView) -> SeedStatus {
    let SeedView { peer, addresses, is_self, connected, admits, software, policy_version, agrees, .. } = view;
    let (clock_ahead_ms, clock_heard_ms) = (view.clock_ahead_ms, view.clock_heard.map(milliseconds));
    SeedStatus {
        peer,
        addresses,
        is_self,
        connected,
        admits,
        software,
        policy_version,
        agrees,
        clock_ahead_ms,
        clock_heard_ms,
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
