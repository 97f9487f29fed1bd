//! Samples, and how they are written: Prometheus' text format, version 0.0.4.

use super::histogram::Histogram;
use super::table::{Kind, Metric};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;
use std::time::Duration;

/// What a page is served as.
pub(super) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// A value.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Whole(u64),
    Seconds(f64),
    Durations(Box<Histogram>),
}

/// A value under its labels.
#[derive(Clone, Debug, PartialEq)]
struct Sample {
    labels: Vec<(&'static str, String)>,
    value: Value,
}

/// A metric with its samples.
#[derive(Debug)]
struct Family {
    metric: &'static Metric,
    samples: Vec<Sample>,
}

/// All that is scraped at one time.
#[derive(Debug, Default)]
pub(super) struct Page {
    families: Vec<Family>,
}

impl Page {
    /// A metric without labels.
    pub(super) fn whole(&mut self, metric: &'static Metric, value: u64) {
        self.add(metric, vec![Sample { labels: Vec::new(), value: Value::Whole(value) }]);
    }

    /// Seconds since the Unix epoch.
    pub(super) fn moment(&mut self, metric: &'static Metric, millis: u64) {
        self.add(metric, vec![Sample { labels: Vec::new(), value: seconds(millis) }]);
    }

    /// How long things took.
    pub(super) fn durations(&mut self, metric: &'static Metric, durations: Histogram) {
        let value = Value::Durations(Box::new(durations));
        self.add(metric, vec![Sample { labels: Vec::new(), value }]);
    }

    /// Values under the metric's one label.
    pub(super) fn each<L: Into<String>>(
        &mut self,
        metric: &'static Metric,
        values: impl IntoIterator<Item = (L, u64)>,
    ) {
        self.labelled(metric, values.into_iter().map(|(label, value)| (label.into(), Value::Whole(value))));
    }

    /// Seconds since the Unix epoch under the metric's one label.
    pub(super) fn moments<L: Into<String>>(
        &mut self,
        metric: &'static Metric,
        values: impl IntoIterator<Item = (L, u64)>,
    ) {
        self.labelled(metric, values.into_iter().map(|(label, millis)| (label.into(), seconds(millis))));
    }

    /// 1, and the facts as labels.
    pub(super) fn facts(&mut self, metric: &'static Metric, facts: &[&str]) {
        let labels = metric.labels.iter().copied().zip(facts.iter().map(|fact| (*fact).to_owned()));
        self.add(metric, vec![Sample { labels: labels.collect(), value: Value::Whole(1) }]);
    }

    fn labelled(&mut self, metric: &'static Metric, values: impl Iterator<Item = (String, Value)>) {
        let label = metric.labels.first().copied().unwrap_or_default();
        let sample = |(name, value)| Sample { labels: vec![(label, name)], value };
        self.add(metric, values.map(sample).collect());
    }

    fn add(&mut self, metric: &'static Metric, samples: Vec<Sample>) {
        self.families.push(Family { metric, samples });
    }

    /// The text.
    pub(super) fn render(self) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        registry.register_collector(Box::new(self));
        // Writing to a string does not fail.
        if prometheus_text::encode(&mut text, &registry).is_err() {
            text.clear();
        }
        text
    }
}

fn seconds(millis: u64) -> Value {
    Value::Seconds(Duration::from_millis(millis).as_secs_f64())
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.families.iter().try_for_each(|family| family.encode(&mut encoder))
    }
}

impl Family {
    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Metric { name, kind, help, .. } = self.metric;
        let (name, kind) = match kind {
            // The library says `_total` itself.
            Kind::Counter => (name.strip_suffix("_total").unwrap_or(name), MetricType::Counter),
            Kind::Gauge => (*name, MetricType::Gauge),
            Kind::Histogram => (*name, MetricType::Histogram),
        };
        let mut encoder = encoder.encode_descriptor(name, help, None, kind)?;
        self.samples.iter().try_for_each(|sample| sample.encode(&mut encoder, self.metric.kind))
    }
}

impl Sample {
    fn encode(&self, encoder: &mut MetricEncoder<'_>, kind: Kind) -> fmt::Result {
        if self.labels.is_empty() {
            return self.value.encode(encoder, kind);
        }
        self.value.encode(&mut encoder.encode_family(&self.labels)?, kind)
    }
}

impl Value {
    fn encode(&self, encoder: &mut MetricEncoder<'_>, kind: Kind) -> fmt::Result {
        match self {
            Self::Whole(value) if kind == Kind::Counter => {
                encoder.encode_counter::<NoLabelSet, u64, u64>(value, None)
            }
            Self::Whole(value) => encoder.encode_gauge(value),
            Self::Seconds(value) => encoder.encode_gauge(value),
            Self::Durations(found) => {
                encoder.encode_histogram::<NoLabelSet>(found.sum(), found.count(), &found.buckets(), None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    #[test]
    fn a_page_is_written_so() {
        let mut page = Page::default();
        page.whole(table::HITS, 3);
        page.each(table::MISSES, [("yanked", 1), ("too-slow", 0)]);
        page.moment(table::ROOT_EXPIRY, 1_700_000_000_500);
        page.facts(table::BUILD_INFO, &["0.1.0", "seed"]);
        page.each(table::SHARE_BYTES, [("a\"b\\c\nd", u64::MAX)]);
        let expected = "\
# HELP pollux_hits_total Questions of jobs that were answered with a cache.
# TYPE pollux_hits_total counter
pollux_hits_total 3
# HELP pollux_misses_total Questions of jobs that were answered with a miss, by its reason.
# TYPE pollux_misses_total counter
pollux_misses_total{reason=\"yanked\"} 1
pollux_misses_total{reason=\"too-slow\"} 0
# HELP pollux_root_expiry_timestamp_seconds When the root expires.
# TYPE pollux_root_expiry_timestamp_seconds gauge
pollux_root_expiry_timestamp_seconds 1700000000.5
# HELP pollux_build_info 1, with the program's version and role.
# TYPE pollux_build_info gauge
pollux_build_info{version=\"0.1.0\",role=\"seed\"} 1
# HELP pollux_publisher_share_bytes Bytes of this seed's disk that a publisher's caches take.
# TYPE pollux_publisher_share_bytes gauge
pollux_publisher_share_bytes{publisher=\"a\\\"b\\\\c\\nd\"} 18446744073709551615
";
        assert_eq!(page.render(), expected);
    }

    #[test]
    fn durations_are_written_so() {
        let (mut page, mut durations) = (Page::default(), Histogram::default());
        for millis in [3, 40, 200_000] {
            durations.observe(Duration::from_millis(millis));
        }
        page.durations(table::ANSWER_SECONDS, durations);
        let text = page.render();
        for line in [
            "# TYPE pollux_answer_seconds histogram",
            "pollux_answer_seconds_bucket{le=\"0.005\"} 1",
            "pollux_answer_seconds_bucket{le=\"0.05\"} 2",
            "pollux_answer_seconds_bucket{le=\"+Inf\"} 3",
            "pollux_answer_seconds_sum 200.043",
            "pollux_answer_seconds_count 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
