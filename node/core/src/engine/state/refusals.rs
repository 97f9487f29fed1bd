//! How often a seed has let somebody not in, and why.
use crate::message::Refusal;
use std::collections::BTreeMap;

/// Counts by cause; there are as many counts as causes.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    counts: BTreeMap<&'static str, u64>,
}

impl Refusals {
    /// One more.
    pub(crate) fn count(&mut self, why: Refusal) {
        let count = self.counts.entry(why.name()).or_default();
        *count = count.saturating_add(1);
    }

    /// The counts since the start, by the causes' names.
    pub(crate) fn by_name(&self) -> BTreeMap<String, u64> {
        self.counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_a_count_of_its_own() {
        let mut refusals = Refusals::default();
        assert!(refusals.by_name().is_empty());
        for why in [Refusal::BadToken, Refusal::NotByToken, Refusal::BadToken] {
            refusals.count(why);
        }
        let expected = [("bad-token".to_owned(), 2), ("not-by-token".to_owned(), 1)];
        assert_eq!(refusals.by_name(), BTreeMap::from(expected));
    }
}
