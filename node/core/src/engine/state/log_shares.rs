//! How much of a seed's log goes to what the members at one address are refused: names are free, addresses are not.
use crate::engine::bounds::{REFUSALS_PER_ADDRESS_MAX, REFUSALS_WINDOW, REFUSED_ADDRESSES_MAX};
use crate::{Instant, LoggedMore, Now, Timestamp};
use core::net::IpAddr;
use std::collections::BTreeMap;

/// What one address has of the present hour.
#[derive(Clone, Copy, Debug)]
struct Share {
    since: Now,
    logged: u32,
    unlogged: u64,
}

impl Share {
    fn end(&self) -> Instant {
        self.since.instant.after(REFUSALS_WINDOW)
    }
}

/// See the module. Addresses that are not known, or for which there is no room, have one share together: that of `None`.
#[derive(Debug, Default)]
pub(crate) struct LogShares {
    by_address: BTreeMap<Option<IpAddr>, Share>,
}

impl LogShares {
    /// Whether another refusal there is to be logged; one that is not is counted.
    pub(crate) fn has_left(&mut self, now: Now, address: Option<IpAddr>) -> bool {
        let name = self.name(now.instant, address);
        let share = self.by_address.entry(name).or_insert(Share { since: now, logged: 0, unlogged: 0 });
        if share.logged < REFUSALS_PER_ADDRESS_MAX {
            return true;
        }
        share.unlogged = share.unlogged.saturating_add(1);
        false
    }

    /// One was logged.
    pub(crate) fn take(&mut self, address: Option<IpAddr>) {
        let name = address.filter(|address| self.by_address.contains_key(&Some(*address)));
        if let Some(share) = self.by_address.get_mut(&name) {
            share.logged = share.logged.saturating_add(1);
        }
    }

    /// Forgets shares whose hour is over; what was not logged of them.
    pub(crate) fn take_over(&mut self, now: Instant) -> Vec<LoggedMore> {
        let mut unlogged = Vec::new();
        self.by_address.retain(|address, share| {
            let over = share.end() <= now;
            if over && share.unlogged > 0 {
                let since: Timestamp = share.since.wall;
                unlogged.push(LoggedMore { address: *address, count: share.unlogged, since });
            }
            !over
        });
        unlogged
    }

    /// When the first hour is over of which something was not logged.
    pub(crate) fn next_over(&self) -> Option<Instant> {
        self.by_address.values().filter(|share| share.unlogged > 0).map(Share::end).min()
    }

    /// Under what an address is counted. Hours that are over, and have nothing to be told, make room.
    fn name(&mut self, now: Instant, address: Option<IpAddr>) -> Option<IpAddr> {
        if self.by_address.contains_key(&address) {
            return address;
        }
        if self.by_address.len() >= REFUSED_ADDRESSES_MAX {
            self.by_address.retain(|_, share| share.unlogged > 0 || now < share.end());
        }
        address.filter(|_| self.by_address.len() < REFUSED_ADDRESSES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::belief::fixture::WALL;

    fn at(instant: Instant) -> Now {
        Now { instant, wall: WALL }
    }

    fn address(number: u32) -> Option<IpAddr> {
        Some(IpAddr::V4((0x0a00_0000 + number).into()))
    }

    /// How many of so many refusals are logged.
    fn logged(shares: &mut LogShares, now: Now, address: Option<IpAddr>, refusals: u32) -> u32 {
        let mut logged = 0;
        for _ in 0..refusals {
            if shares.has_left(now, address) {
                shares.take(address);
                logged += 1;
            }
        }
        logged
    }

    #[test]
    fn an_address_has_its_share_of_an_hour_and_what_goes_beyond_is_told_once() {
        let (mut shares, start) = (LogShares::default(), at(Instant::ZERO));
        assert_eq!(
            logged(&mut shares, start, address(1), REFUSALS_PER_ADDRESS_MAX),
            REFUSALS_PER_ADDRESS_MAX
        );
        assert_eq!(shares.next_over(), None, "nothing was left out");
        assert_eq!(logged(&mut shares, start, address(1), 7), 0);
        assert_eq!(logged(&mut shares, start, address(2), 3), 3, "another address has its own");
        let end = Instant::ZERO.after(REFUSALS_WINDOW);
        assert_eq!(shares.next_over(), Some(end));
        assert!(shares.take_over(Instant::from_micros(end.as_micros() - 1)).is_empty());
        assert_eq!(shares.take_over(end), [LoggedMore { address: address(1), count: 7, since: WALL }]);
        assert!(shares.by_address.is_empty());
        assert_eq!((shares.take_over(end), shares.next_over()), (Vec::new(), None));
        assert_eq!(logged(&mut shares, at(end), address(1), 1), 1);
    }

    #[test]
    fn addresses_beyond_those_counted_apart_have_one_share_together() {
        let (mut shares, start) = (LogShares::default(), at(Instant::ZERO));
        let most = u32::try_from(REFUSED_ADDRESSES_MAX).unwrap();
        assert!((0..most).all(|number| logged(&mut shares, start, address(number), 1) == 1));
        let others =
            (most..2 * most).map(|number| logged(&mut shares, start, address(number), 1)).sum::<u32>();
        assert_eq!(others, REFUSALS_PER_ADDRESS_MAX);
        assert_eq!(shares.by_address.len(), REFUSED_ADDRESSES_MAX + 1);
        let count = u64::from(most - REFUSALS_PER_ADDRESS_MAX);
        let end = Instant::ZERO.after(REFUSALS_WINDOW);
        assert_eq!(shares.take_over(end), [LoggedMore { address: None, count, since: WALL }]);
    }

    #[test]
    fn hours_that_are_over_make_room() {
        let (mut shares, start) = (LogShares::default(), at(Instant::ZERO));
        for number in 0..u32::try_from(REFUSED_ADDRESSES_MAX).unwrap() {
            logged(&mut shares, start, address(number), 1);
        }
        let end = at(Instant::ZERO.after(REFUSALS_WINDOW));
        assert_eq!(logged(&mut shares, end, address(1 << 20), 1), 1);
        assert_eq!(shares.by_address.len(), 1);
    }
}
