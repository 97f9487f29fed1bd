//! What both crowds are compared by.

use pollux_tests::crowd::Wave;
use pollux_tests::stats::{Summary, float, ratio};
use serde::Serialize;

/// Of one crowd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// From the beginning to the last job's end, in seconds.
    pub(crate) makespan: f64,
    /// Half of the jobs took no longer, in seconds.
    pub(crate) p50: f64,
    /// 99 of a hundred took no longer.
    pub(crate) p99: f64,
    /// What jobs got from the seed, in copies of the cache.
    pub(crate) from_seed: f64,
    /// What jobs got from peers, in copies.
    pub(crate) from_peers: f64,
    /// What left the seed, in copies: of real daemons, as its interface counts it, with everything that is not the cache.
    pub(crate) seed_sent: f64,
    /// What came to the nodes, in copies, with what came twice or too late; of real daemons, also what TCP sent again.
    pub(crate) came: f64,
}

impl Figures {
    pub(crate) fn of_wave(wave: &Wave) -> Self {
        let copies = |bytes| ratio(float(bytes), float(wave.copy_bytes()));
        let (seed, peers) = wave.sources();
        Self {
            makespan: wave.makespan.as_secs_f64(),
            p50: wave.percentile(50).as_secs_f64(),
            p99: wave.percentile(99).as_secs_f64(),
            from_seed: copies(seed),
            from_peers: copies(peers),
            seed_sent: copies(wave.seed_sent()),
            came: copies(wave.came()),
        }
    }

    /// None where nobody completed.
    pub(crate) fn of_model(report: &pollux_sim::Report) -> Option<Self> {
        let (took, traffic) = (report.completion?, &report.traffic);
        let copies = |bytes| ratio(float(bytes), float(traffic.copy_bytes));
        let wanted = traffic.seed_bytes + traffic.peer_bytes;
        let came = wanted + traffic.duplicate_bytes + traffic.late_bytes;
        let seconds = |micros| float(micros) / 1e6;
        Some(Self {
            makespan: seconds(took.makespan_us),
            p50: seconds(took.p50_us),
            p99: seconds(took.p99_us),
            from_seed: copies(traffic.seed_bytes),
            from_peers: copies(traffic.peer_bytes),
            seed_sent: copies(traffic.seed_given_bytes),
            came: copies(came),
        })
    }
}

/// One figure of both.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Compared {
    /// Which.
    pub(crate) what: &'static str,
    /// In the simulator: the median, the least and the most of all runs.
    pub(crate) model: Summary,
    /// With real daemons.
    pub(crate) real: Summary,
    /// How much more the simulator's median is, in per cent of the real one.
    pub(crate) error_percent: f64,
    /// What it may be off, in per cent; none: it is only told.
    pub(crate) bar_percent: Option<f64>,
}

impl Compared {
    fn new(
        (what, bar_percent): (&'static str, Option<f64>),
        model: &[Figures],
        real: &[Figures],
        of: fn(&Figures) -> f64,
    ) -> Self {
        let [model, real] = [model, real].map(|figures| Summary::of(figures.iter().map(of)));
        let error_percent = 100.0 * ratio(model.median - real.median, real.median);
        Self { what, model, real, error_percent, bar_percent }
    }

    pub(crate) fn is_within(&self) -> bool {
        self.bar_percent.is_none_or(|bar| self.error_percent.abs() <= bar)
    }
}

/// Every figure, with its bar.
pub(crate) fn compare(model: &[Figures], real: &[Figures]) -> Vec<Compared> {
    let compared = |what, bar, of| Compared::new((what, bar), model, real, of);
    vec![
        compared("makespan, s", Some(10.0), |f| f.makespan),
        compared("p50, s", Some(10.0), |f| f.p50),
        compared("p99, s", Some(20.0), |f| f.p99),
        compared("from the seed, copies", Some(5.0), |f| f.from_seed),
        compared("from peers, copies", Some(5.0), |f| f.from_peers),
        compared("seed's link, copies", None, |f| f.seed_sent),
        compared("nodes' links, copies", None, |f| f.came),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_of_the_median_and_has_a_sign() {
        let figures = |makespan, from_seed| Figures { makespan, from_seed, ..Figures::default() };
        let real = [figures(10.0, 2.0), figures(12.0, 2.0), figures(50.0, 2.0)];
        let compared = compare(&[figures(10.8, 2.2)], &real);
        let (makespan, seed) = (compared[0], compared[3]);
        assert!((makespan.error_percent + 10.0).abs() < 1e-9 && makespan.is_within(), "{makespan:?}");
        assert!((seed.error_percent - 10.0).abs() < 1e-9 && !seed.is_within(), "{seed:?}");
        assert!((makespan.real.most - 50.0).abs() < 1e-9);
    }
}
