//! Reads a metrics page as Prometheus does.

use std::net::SocketAddr;

use crate::http_client::HttpClient;
use crate::management::Management;
use crate::tidegate::Tidegate;
use crate::wait::wait_for;

/// The metrics page of one process.
#[derive(Clone, Debug)]
pub struct Metrics {
    page: String,
}

impl Metrics {
    /// Reads the page at this address.
    pub async fn at(address: SocketAddr) -> Metrics {
        let answer =
            HttpClient::connect(address, &address.to_string()).await.get("/metrics").await.expect(200);
        Metrics { page: answer.text() }
    }

    /// Reads the page of a control plane.
    pub async fn at_management(management: &Management) -> Metrics {
        Metrics { page: management.send("GET", "/metrics", &[], "").await.expect(200).text() }
    }

    /// Returns the sum of a metric's samples that have all of these labels, each written `name="value"`.
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let samples = self.page.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let has = |label: &&str| {
                series.contains(&format!("{{{label}")) || series.contains(&format!(",{label}"))
            };
            (series.split('{').next() == Some(name) && labels.iter().all(has)).then(|| value.parse::<f64>())
        });
        samples.map(|value| value.expect("a sample is a number")).sum()
    }

    /// The text of the page.
    pub fn page(&self) -> &str {
        &self.page
    }
}

impl Tidegate {
    /// Waits until `count` connected workers serve metrics, and returns the addresses.
    pub async fn metrics_targets(&self, count: usize) -> Vec<SocketAddr> {
        wait_for(&format!("{count} workers that show their metrics"), async || {
            let answer = self.management().send("GET", "/metrics/targets", &[], "").await.expect(200).json();
            let groups = answer.as_array().expect("service discovery gives a list").iter();
            let targets: Vec<SocketAddr> = groups
                .map(|group| group["targets"][0].as_str().expect("a target is text").parse())
                .collect::<Result<_, _>>()
                .expect("a target is an address");
            (targets.len() == count).then_some(targets)
        })
        .await
    }

    /// Waits until the metrics of the only worker fulfil a condition, and returns them. `what` describes the
    /// condition.
    pub async fn metrics_when(&self, what: &str, so: impl Fn(&Metrics) -> bool) -> Metrics {
        let address = self.metrics_targets(1).await[0];
        wait_for(&format!("the metrics to say that {what}"), async || {
            let metrics = Metrics::at(address).await;
            so(&metrics).then_some(metrics)
        })
        .await
    }
}
