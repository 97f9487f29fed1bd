//! What daemons and the machine count.

use crate::lan::Host;
use crate::stats::{float, ratio};
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A daemon that does not answer by then hangs.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

/// One of a daemon's metrics, summed over its labels; its address is one on this host.
pub(super) fn metric(host: &Host, address: &str, name: &str) -> io::Result<u64> {
    let page = host.run(|| scrape(address))?;
    let values = page.lines().filter(|line| is_of(line, name)).filter_map(|line| line.rsplit(' ').next());
    Ok(values.filter_map(|value| value.parse::<u64>().ok()).sum())
}

fn is_of(line: &str, name: &str) -> bool {
    line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']))
}

fn scrape(address: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SCRAPE_TIMEOUT))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}

/// What all cores of this machine have done since it started, in ticks of theirs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cores {
    idle: u64,
    all: u64,
}

impl Cores {
    pub(super) fn now() -> io::Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let first = stat.lines().next().unwrap_or_default();
        // Users, nice, system, idle, waiting, interrupts twice, stolen; guests are counted among users.
        let ticks: Vec<u64> =
            first.split_whitespace().skip(1).take(8).filter_map(|ticks| ticks.parse().ok()).collect();
        Ok(Self { idle: ticks.iter().skip(3).take(2).sum(), all: ticks.iter().sum() })
    }

    /// The share of their time in which they were busy since then, with whatever this machine does.
    pub(super) fn busy_since(self, before: Self) -> f64 {
        let (idle, all) = (self.idle.saturating_sub(before.idle), self.all.saturating_sub(before.all));
        1.0 - ratio(float(idle), float(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_told_from_those_that_begin_like_it() {
        assert!(is_of("served_total 7", "served_total"));
        assert!(is_of("served_total{class=\"node\"} 7", "served_total"));
        assert!(!is_of("served_total_more 7", "served_total"));
        assert!(!is_of("# HELP served_total 7", "served_total"));
    }

    #[test]
    fn cores_are_busy_where_they_do_not_idle() {
        let (before, after) = (Cores { idle: 100, all: 200 }, Cores { idle: 125, all: 300 });
        assert!((after.busy_since(before) - 0.75).abs() < 1e-9);
        assert!(Cores::now().unwrap().all > 0);
    }
}
