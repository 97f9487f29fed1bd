//! A seed answers what is newest.
use crate::engine::bounds::PEER_TASKS_MAX;
use crate::engine::state::peers::Contact;
use crate::engine::state::relays::Relay;
use crate::engine::state::tasks::AfterSign;
use crate::engine::{Engine, Statement};
use crate::limits::FALLBACKS_MAX;
use crate::message::Control;
use crate::{FreshnessAnswer, Nonce, Now, PeerId, Query};

impl Engine {
    /// Somebody asks (this seed itself, for a job of its own). Who asks more than is being answered hears nothing.
    pub(super) fn on_ask(&mut self, now: Now, peer: PeerId, ask: u32, (nonce, query): (Nonce, Query)) {
        let flooding = self.tasks.load(&peer) >= PEER_TASKS_MAX || query.fallbacks.len() > FALLBACKS_MAX;
        if flooding || self.recovering > 0 || self.silence().is_some() {
            return;
        }
        let own = Contact { peer, session: 0 };
        let Some(contact) = self.peers.contact(&peer).or((peer == self.config.me).then_some(own)) else {
            return;
        };
        let mut candidates = self.catalogue.candidates(&query, now.wall);
        let trust = &self.config.trust;
        if candidates.refs.is_empty()
            && let Some(entry) = self.catalogue.withdrawn(&query.key, now.wall)
            && trust.yanked(&entry.certified, now.wall).is_some()
        {
            // Nothing is left: the reader sees by itself that it was taken back, and tells its job so.
            candidates.push(entry);
        }
        let answer = FreshnessAnswer {
            pool: trust.policy().pool.clone(),
            seed: self.config.me,
            nonce,
            query,
            root_version: trust.root().version,
            policy_version: trust.policy().version,
            candidates: candidates.refs,
            time: now.wall,
            papers: Some(trust.papers_digest()),
        };
        let then = AfterSign::Answer { contact, ask, beside: candidates.beside };
        self.sign(Some(peer), Statement::Answer(answer), then);
    }

    /// The answer is signed.
    pub(super) fn answer_signed(&mut self, now: Now, contact: Contact, ask: u32, (answer, beside): Relay) {
        if self.silence().is_some() {
            return;
        }
        if contact.peer == self.config.me {
            self.on_answer(now, contact.peer, ask, (answer, beside));
        } else if self.peers.on(contact).is_some() {
            self.send(contact.peer, Control::Answer { ask, answer, beside });
        }
    }
}
