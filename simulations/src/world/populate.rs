//! Who there is, before anybody boots.

use super::{World, papers};
use crate::content::Version;
use crate::network;
use crate::node::{Node, Role, Spec};
use crate::numbered::NodeNo;
use crate::scenario::{Behaviour, Publish};

impl World {
    pub(super) fn populate(&mut self) {
        let scenario = self.scenario.clone();
        let spec = |role, zone: &str, behaviour| Spec {
            role,
            zone: scenario.zone(zone).unwrap_or_default(),
            behaviour,
            host: None,
        };
        let seeds_zone = scenario.seeds.zone.as_str();
        for number in 0..scenario.seeds.count {
            let good = number < scenario.seeds.count.saturating_sub(scenario.seeds.bad);
            let behaviour = if good { Behaviour::Honest } else { scenario.seeds.behaviour };
            self.add(spec(Role::Seed, seeds_zone, behaviour));
        }
        for (role, zone) in self.savers() {
            self.add(spec(role, &zone, Behaviour::Honest));
        }
        for yank in 0..scenario.yanks.len() {
            self.add(spec(Role::Operator { yank }, seeds_zone, Behaviour::Honest));
        }
        for (number, group) in scenario.groups.iter().enumerate() {
            let spec = spec(Role::Member { group: number }, &group.zone, group.behaviour);
            let first = self.add(spec);
            let host = (group.behaviour == Behaviour::Sybil).then_some(first);
            for _ in 1..group.count {
                self.add(Spec { host, ..spec });
            }
        }
    }

    /// Who publishes each version, and from where.
    fn savers(&self) -> Vec<(Role, String)> {
        let mut savers = Vec::new();
        for (no, version) in self.content.versions() {
            let zone = self.zone_of_saver(version);
            let builds = papers::builds(&self.scenario, version);
            savers.extend((0..builds).map(|build| (Role::Saver { version: no, build }, zone.clone())));
        }
        savers
    }

    /// Where a version is published from: as the scenario says, the first ones where the seeds are.
    fn zone_of_saver(&self, version: &Version) -> String {
        let publish = self.publish_of(version);
        publish.map_or_else(|| self.scenario.seeds.zone.clone(), |publish| publish.zone.clone())
    }

    /// What the scenario says of publishing a version; nothing of the first ones.
    pub(crate) fn publish_of(&self, version: &Version) -> Option<&Publish> {
        papers::publish_of(&self.scenario, version)
    }

    fn add(&mut self, spec: Spec) -> NodeNo {
        let no = self.network.add(network::Link { up: 1, down: 1 }, spec.zone);
        let node = Node::new(no, self.content.count(), spec);
        self.by_peer.insert(node.peer, no);
        self.trace.name(node.peer, no);
        self.nodes.push(node);
        let link = self.link_of(no);
        self.network.change(self.queue.now(), no, link);
        no
    }
}
