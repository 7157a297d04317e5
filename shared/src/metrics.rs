//! Prometheus metrics of both planes: each family is described once, followed by its samples.
//!
//! The same description produces the metrics page and is compared with `docs/reference/metrics.md` by a test,
//! so that neither can lack what the other has. Each plane decides what it counts, and how.

use std::fmt;

pub use prometheus_client::collector::Collector as Source;
pub use prometheus_client::encoding::DescriptorEncoder as Encoder;
use prometheus_client::encoding::{MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

/// The content type of a [`page`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The type of a metric family, as Prometheus defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value that only grows until the process ends.
    Counter,
    /// A value that rises and falls.
    Gauge,
    /// A distribution of durations in seconds.
    Histogram,
}

/// A metric with all its label values.
#[derive(Debug)]
pub struct Family {
    /// The full name except for the `_total` of a counter.
    pub name: &'static str,
    /// The type of its samples.
    pub kind: Kind,
    /// The names of its labels, in the order in which samples give their values.
    pub labels: &'static [&'static str],
    /// The help text, a sentence.
    pub help: &'static str,
}

/// A distribution of durations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramValue {
    /// The sum of all durations in seconds.
    pub seconds: f64,
    /// The number of durations.
    pub count: u64,
    /// The upper bound of each bucket in seconds, ascending, the last one infinite; and the number of durations
    /// between it and the bound before.
    pub buckets: Vec<(f64, u64)>,
}

/// Writes the samples of one family.
#[derive(Debug)]
pub struct Samples<'a> {
    labels: &'static [&'static str],
    encoder: MetricEncoder<'a>,
}

impl Family {
    /// Writes the description, then the samples.
    ///
    /// # Errors
    /// A formatter error, which writing into a `String` never returns.
    pub fn write(
        &self,
        encoder: &mut Encoder<'_>,
        samples: impl FnOnce(&mut Samples<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let kind = match self.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
        };
        let units = [("_seconds", Unit::Seconds), ("_bytes", Unit::Bytes)];
        let unit = units.into_iter().find_map(|(end, unit)| Some((self.name.strip_suffix(end)?, unit)));
        let (name, unit) = unit.map_or((self.name, None), |(name, unit)| (name, Some(unit)));
        let encoder = encoder.encode_descriptor(name, self.help, unit.as_ref(), kind)?;
        samples(&mut Samples { labels: self.labels, encoder })
    }

    /// Returns the family's row in the table of `docs/reference/metrics.md`.
    pub fn row(&self) -> String {
        let (end, kind) = match self.kind {
            Kind::Counter => ("_total", "counter"),
            Kind::Gauge => ("", "gauge"),
            Kind::Histogram => ("", "histogram"),
        };
        let labels: Vec<String> = self.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "none".to_owned() } else { labels.join(", ") };
        format!("| `{}{end}` | {kind} | {labels} | {} |", self.name, self.help)
    }
}

impl Samples<'_> {
    /// Writes a sample of a counter. `values` has one entry for each label of the family.
    ///
    /// # Errors
    /// Like [`Family::write`].
    pub fn count(&mut self, values: &[&str], count: u64) -> fmt::Result {
        self.sample(values, |mut sample| sample.encode_counter::<NoLabelSet, _, u64>(&count, None))
    }

    /// Writes a sample of a gauge. `values` has one entry for each label of the family.
    ///
    /// # Errors
    /// Like [`Family::write`].
    pub fn gauge(&mut self, values: &[&str], value: f64) -> fmt::Result {
        self.sample(values, |mut sample| sample.encode_gauge(&value))
    }

    /// Writes a sample of a histogram. `values` has one entry for each label of the family.
    ///
    /// # Errors
    /// Like [`Family::write`].
    pub fn times(&mut self, values: &[&str], times: &HistogramValue) -> fmt::Result {
        let HistogramValue { seconds, count, buckets } = times;
        self.sample(values, |mut sample| {
            sample.encode_histogram::<NoLabelSet>(*seconds, *count, buckets, None)
        })
    }

    fn sample(
        &mut self,
        values: &[&str],
        write: impl FnOnce(MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        debug_assert_eq!(self.labels.len(), values.len());
        let labels: Vec<(&str, &str)> = self.labels.iter().copied().zip(values.iter().copied()).collect();
        write(self.encoder.encode_family(&labels)?)
    }
}

/// Writes the whole page that Prometheus scrapes, in the OpenMetrics text format.
pub fn page(metrics: impl Source) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(metrics));
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &registry)
        .expect("a text takes whatever is written");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: Family =
        Family { name: "a_bytes", kind: Kind::Counter, labels: &["x", "y"], help: "Bytes." };
    const LEVEL: Family = Family { name: "b", kind: Kind::Gauge, labels: &[], help: "Level." };
    const TIME: Family = Family { name: "c_seconds", kind: Kind::Histogram, labels: &["x"], help: "Time." };

    #[derive(Debug)]
    struct Example;

    impl Source for Example {
        fn encode(&self, mut encoder: Encoder<'_>) -> fmt::Result {
            COUNT.write(&mut encoder, |samples| samples.count(&["1", "say \"2\""], 3))?;
            LEVEL.write(&mut encoder, |samples| samples.gauge(&[], 0.5))?;
            let buckets = vec![(0.001, 1), (f64::INFINITY, 1)];
            let times = HistogramValue { seconds: 2.0, count: 2, buckets };
            TIME.write(&mut encoder, |samples| samples.times(&["1"], &times))
        }
    }

    #[test]
    fn a_page_is_what_prometheus_reads() {
        let expected = "\
            # HELP a_bytes Bytes.\n# TYPE a_bytes counter\n# UNIT a_bytes bytes\n\
            a_bytes_total{x=\"1\",y=\"say \\\"2\\\"\"} 3\n\
            # HELP b Level.\n# TYPE b gauge\nb{} 0.5\n\
            # HELP c_seconds Time.\n# TYPE c_seconds histogram\n# UNIT c_seconds seconds\n\
            c_seconds_sum{x=\"1\"} 2.0\nc_seconds_count{x=\"1\"} 2\n\
            c_seconds_bucket{le=\"0.001\",x=\"1\"} 1\nc_seconds_bucket{le=\"+Inf\",x=\"1\"} 2\n\
            # EOF\n";
        assert_eq!(page(Example), expected);
    }

    #[test]
    fn a_row_says_what_the_page_does() {
        assert_eq!(COUNT.row(), "| `a_bytes_total` | counter | `x`, `y` | Bytes. |");
        assert_eq!(LEVEL.row(), "| `b` | gauge | none | Level. |");
    }
}
