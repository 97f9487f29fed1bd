//! The links that a stream crosses: few, so that they are kept in place.

use crate::numbered::LinkNo;

/// The giver's uplink, out of its zone, between the zones, into the other zone, the taker's downlink.
const LINKS_MAX: usize = 5;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way {
    links: [Option<LinkNo>; LINKS_MAX],
}

impl Way {
    /// The links, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = LinkNo> + use<> {
        self.links.into_iter().flatten()
    }
}

impl FromIterator<LinkNo> for Way {
    /// Of the first few.
    fn from_iter<I: IntoIterator<Item = LinkNo>>(links: I) -> Self {
        let mut way = Self::default();
        way.links.iter_mut().zip(links).for_each(|(place, link)| *place = Some(link));
        way
    }
}
