//! Engines that are broken on purpose: each in one way, by changing what goes in or comes out.

use super::World;
use crate::network::Link;
use crate::numbered::{NodeNo, VersionNo};
use pollux_core::engine::{Event, Input, JobReply, Output};
use pollux_core::message::Control;
use pollux_core::{CertifiedEnvelope, CertifiedManifest, ChunkRef, Envelope};

/// One way in which engines are broken.
#[derive(Debug)]
pub(crate) enum Sabotage {
    /// Whatever arrives is taken for what it should be.
    BelievesJunk,
    /// The store is thought to hold everything.
    HoldsEverything,
    /// More is done than there was leave for.
    TakesCredit,
    /// A chunk is delivered twice.
    DeliversTwice,
    /// Requests name more than one may ask for.
    AsksForAll,
    /// Whoever says hello is banned.
    BansHonest,
    /// Time-outs are slept through.
    Sleeps,
    /// The first manifest that anybody found is found for ever.
    FindsTheFirst(Option<Box<CertifiedManifest>>),
    /// Papers are not heard of, and said to be kept.
    IgnoresPapers,
    /// Two manifests of one sequence are certified.
    CertifiesBoth,
    /// What nobody signed is certified.
    CertifiesAnything,
}

impl World {
    /// Every link carries ten times what it should.
    pub(crate) fn quicken(&mut self) {
        let nodes: Vec<NodeNo> = self.nodes.iter().map(|(no, _)| no).collect();
        for no in nodes {
            let Link { up, down } = self.link_of(no);
            self.network.change(self.queue.now(), no, Link { up: up * 10, down: down * 10 });
        }
    }

    pub(super) fn spoil_input(&mut self, no: NodeNo, input: Input) -> Option<Input> {
        let begun = self.begun;
        match (&self.sabotage, input) {
            (Some(Sabotage::BelievesJunk), Input::Checked { fetch, result: Err(_) }) => {
                let chunk = self.nodes.at(no).fetches.get(&fetch)?.chunk;
                Some(Input::Checked { fetch, result: Ok(self.content.witness(chunk)) })
            }
            (Some(Sabotage::HoldsEverything), Input::Looked { task, held }) if begun => {
                Some(Input::Looked { task, held: vec![true; held.len()] })
            }
            (Some(Sabotage::TakesCredit), input @ Input::Credit(_)) if begun => {
                // The engine has it, and what is counted here does not.
                self.nodes.at_mut(no).credits = crate::node::Credits::default();
                Some(input)
            }
            (Some(Sabotage::Sleeps), Input::Timeout) if begun => None,
            (Some(Sabotage::IgnoresPapers), Input::Message { message, .. })
                if matches!(*message, Control::KeepPapers { .. } | Control::Papers { .. }) =>
            {
                None
            }
            (_, input) => Some(input),
        }
    }

    pub(super) fn spoil_output(&mut self, no: NodeNo, output: Output) -> Output {
        match self.sabotage.take() {
            None => output,
            Some(Sabotage::FindsTheFirst(mut first)) => {
                let output = change_reply(output, |reply| find_first(&mut first, reply));
                self.sabotage = Some(Sabotage::FindsTheFirst(first));
                output
            }
            Some(sabotage) => {
                let output = self.spoil(&sabotage, no, output);
                self.sabotage = Some(sabotage);
                output
            }
        }
    }

    fn spoil(&mut self, sabotage: &Sabotage, no: NodeNo, output: Output) -> Output {
        match (sabotage, output) {
            (Sabotage::DeliversTwice, Output::Deliver { job, chunk, source, fetch }) => {
                self.carry_out(no, Output::Deliver { job, chunk, source, fetch });
                Output::Deliver { job, chunk, source, fetch }
            }
            (Sabotage::AsksForAll, Output::Fetch { peer, chunks }) => {
                let often = chunks.iter().cycle().take(100).copied().collect::<Vec<(_, ChunkRef)>>();
                Output::Fetch { peer, chunks: often }
            }
            (Sabotage::BansHonest, Output::Admit { peer }) => Output::Event(Event::Banned { peer }),
            (Sabotage::IgnoresPapers, output) => change_reply(output, keep_papers),
            (Sabotage::CertifiesBoth, output) => change_reply(output, |reply| self.certify_second(reply)),
            (Sabotage::CertifiesAnything, output) => change_reply(output, |reply| {
                let token = || certified(self.pool.token.clone());
                if matches!(reply, JobReply::Published { .. }) { token() } else { reply }
            }),
            (_, output) => output,
        }
    }

    /// Whoever publishes after another is told that it has the other's sequence, too.
    fn certify_second(&mut self, reply: JobReply) -> JobReply {
        let (JobReply::Published { .. }, Some((&(cache, sequence), _))) =
            (&reply, self.certified.last_key_value())
        else {
            return reply;
        };
        let version = self.content.version_of(cache, 1).unwrap_or(VersionNo(0));
        let name = &self.scenario.caches[cache].name;
        let second = self.pool.manifest_at(name, self.content.version(version), (7, sequence));
        self.manifests.insert(second.id(), (version, sequence));
        certified(second)
    }
}

fn change_reply(output: Output, change: impl FnOnce(JobReply) -> JobReply) -> Output {
    let Output::Reply { job, reply } = output else { return output };
    Output::Reply { job, reply: Box::new(change(*reply)) }
}

fn certified(manifest: Envelope) -> JobReply {
    JobReply::Published { certified: Box::new(CertifiedEnvelope { manifest, receipts: Vec::new() }) }
}

fn find_first(first: &mut Option<Box<CertifiedManifest>>, reply: JobReply) -> JobReply {
    let JobReply::Found { certified, matched, relayed } = reply else { return reply };
    let certified = first.get_or_insert(certified).clone();
    JobReply::Found { certified, matched, relayed }
}

fn keep_papers(reply: JobReply) -> JobReply {
    let JobReply::Spread { needed, of, .. } = reply else { return reply };
    JobReply::Spread { held: needed, needed, of, refused: None }
}
