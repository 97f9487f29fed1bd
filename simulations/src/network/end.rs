//! One node's links, and the streams that are active on them.

use super::Link;
use crate::numbered::StreamNo;

/// A node's end of the network.
#[derive(Clone, Debug)]
pub(super) struct End {
    link: Link,
    pub(super) leaving: Active,
    pub(super) entering: Active,
}

/// Active streams in order of their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Active(Vec<StreamNo>);

impl End {
    pub(super) const fn new(link: Link) -> Self {
        Self { link, leaving: Active(Vec::new()), entering: Active(Vec::new()) }
    }

    /// What each leaving stream may have; at least a byte each second, so that everything ends.
    pub(super) fn up_share(&self) -> u64 {
        share(self.link.up, &self.leaving)
    }

    /// What each entering stream may have.
    pub(super) fn down_share(&self) -> u64 {
        share(self.link.down, &self.entering)
    }
}

fn share(rate: u64, active: &Active) -> u64 {
    let count = u64::try_from(active.0.len()).unwrap_or(u64::MAX);
    (rate / count.max(1)).max(1)
}

impl Active {
    pub(super) fn insert(&mut self, no: StreamNo) {
        if let Err(place) = self.0.binary_search(&no) {
            self.0.insert(place, no);
        }
    }

    pub(super) fn remove(&mut self, no: StreamNo) {
        if let Ok(place) = self.0.binary_search(&no) {
            self.0.remove(place);
        }
    }

    pub(super) fn iter(&self) -> core::slice::Iter<'_, StreamNo> {
        self.0.iter()
    }
}
