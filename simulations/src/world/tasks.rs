//! What engines have done off their thread. The work is real, its time is not.

use super::World;
use crate::numbered::NodeNo;
use pollux_core::engine::{Input, Record, Statement, TaskId, TreeFault, Work};
use pollux_core::message::LogPage;
use pollux_core::{ChunkRef, TreeRef, Trust};

impl World {
    pub(super) fn verify(&mut self, no: NodeNo, task: TaskId, work: Work, trust: &Trust) {
        let verdict = Box::new(self.verdicts.run(work, trust));
        self.answer(no, self.costs.verify, Input::Verified { task, verdict });
    }

    pub(super) fn sign(&mut self, no: NodeNo, task: TaskId, statement: &Statement) {
        let envelope = statement.sign(&self.nodes.at(no).key);
        self.answer(no, self.costs.sign, Input::Signed { task, envelope });
    }

    /// Kept for when it starts again, where somebody does.
    pub(super) fn record(&mut self, no: NodeNo, task: TaskId, record: Record) {
        if !self.scenario.faults.is_empty() {
            self.nodes.at_mut(no).memory.keep(record);
        }
        self.answer(no, self.costs.record, Input::Recorded { task, result: Ok(()) });
    }

    pub(super) fn sync(&mut self, no: NodeNo, task: TaskId) {
        self.answer(no, self.costs.sync, Input::Synced { task, result: Ok(()) });
    }

    pub(super) fn look(&mut self, no: NodeNo, task: TaskId, chunks: &[ChunkRef]) {
        let store = &self.nodes.at(no).store;
        let holds = |chunk: &ChunkRef| self.content.find(&chunk.id).is_some_and(|found| store.holds(found));
        let held = chunks.iter().map(holds).collect();
        self.answer(no, self.costs.look, Input::Looked { task, held });
    }

    /// Nothing is kept of the log.
    pub(super) fn read_log(&mut self, no: NodeNo, task: TaskId) {
        self.answer(no, self.costs.open_tree, Input::LogRead { task, page: LogPage::default() });
    }

    pub(super) fn open_tree(&mut self, no: NodeNo, task: TaskId, tree: &TreeRef) {
        let store = &self.nodes.at(no).store;
        let result = match self.content.with_tree(tree) {
            None => Err(TreeFault::DiffersFromManifest),
            Some(version) if version.tree_numbers.iter().all(|chunk| store.holds(*chunk)) => {
                Ok(version.content.clone())
            }
            Some(_) => Err(TreeFault::Missing),
        };
        self.answer(no, self.costs.open_tree, Input::TreeOpened { task, result });
    }
}
