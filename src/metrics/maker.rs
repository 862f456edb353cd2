//! Makes metrics: each is registered once, and described for the reference.

use prometheus::core::Collector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, Result,
};

/// What stands before every name.
const PREFIX: &str = "slotwise";

/// One metric, for the reference.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
}

#[derive(Default)]
pub(super) struct Maker {
    pub(super) registry: Registry,
    pub(super) described: Vec<Described>,
}

/// Name, labels and what it tells.
pub(super) type Told = (&'static str, &'static [&'static str], &'static str);

impl Maker {
    pub(super) fn counters(&mut self, told: Told) -> Result<IntCounterVec> {
        let made = IntCounterVec::new(opts(told), told.1)?;
        self.add("counter", told, made)
    }

    pub(super) fn counter(&mut self, told: Told) -> Result<IntCounter> {
        let made = IntCounter::with_opts(opts(told))?;
        self.add("counter", told, made)
    }

    pub(super) fn gauges(&mut self, told: Told) -> Result<IntGaugeVec> {
        let made = IntGaugeVec::new(opts(told), told.1)?;
        self.add("gauge", told, made)
    }

    pub(super) fn gauge(&mut self, told: Told) -> Result<IntGauge> {
        let made = IntGauge::with_opts(opts(told))?;
        self.add("gauge", told, made)
    }

    pub(super) fn seconds(&mut self, told: Told) -> Result<Gauge> {
        let made = Gauge::with_opts(opts(told))?;
        self.add("gauge", told, made)
    }

    pub(super) fn histogram(&mut self, told: Told, buckets: &[f64]) -> Result<Histogram> {
        let made = Histogram::with_opts(histogram_opts(told, buckets))?;
        self.add("histogram", told, made)
    }

    pub(super) fn histograms(&mut self, told: Told, buckets: &[f64]) -> Result<HistogramVec> {
        let made = HistogramVec::new(histogram_opts(told, buckets), told.1)?;
        self.add("histogram", told, made)
    }

    fn add<M: Collector + Clone + 'static>(
        &mut self,
        kind: &'static str,
        (name, labels, help): Told,
        metric: M,
    ) -> Result<M> {
        self.registry.register(Box::new(metric.clone()))?;
        self.described.push(Described {
            name: format!("{PREFIX}_{name}"),
            kind,
            labels,
            help,
        });
        Ok(metric)
    }
}

fn opts((name, _, help): Told) -> Opts {
    Opts::new(name, help).namespace(PREFIX)
}

fn histogram_opts((name, _, help): Told, buckets: &[f64]) -> HistogramOpts {
    HistogramOpts::new(name, help)
        .namespace(PREFIX)
        .buckets(buckets.to_vec())
}
