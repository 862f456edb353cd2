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

/// Name, labels and help.
pub(super) type Spec = (&'static str, &'static [&'static str], &'static str);

impl Maker {
    pub(super) fn counters(&mut self, spec: Spec) -> Result<IntCounterVec> {
        let made = IntCounterVec::new(opts(spec), spec.1)?;
        self.add("counter", spec, made)
    }

    pub(super) fn counter(&mut self, spec: Spec) -> Result<IntCounter> {
        let made = IntCounter::with_opts(opts(spec))?;
        self.add("counter", spec, made)
    }

    pub(super) fn gauges(&mut self, spec: Spec) -> Result<IntGaugeVec> {
        let made = IntGaugeVec::new(opts(spec), spec.1)?;
        self.add("gauge", spec, made)
    }

    pub(super) fn gauge(&mut self, spec: Spec) -> Result<IntGauge> {
        let made = IntGauge::with_opts(opts(spec))?;
        self.add("gauge", spec, made)
    }

    pub(super) fn seconds(&mut self, spec: Spec) -> Result<Gauge> {
        let made = Gauge::with_opts(opts(spec))?;
        self.add("gauge", spec, made)
    }

    pub(super) fn histogram(&mut self, spec: Spec, buckets: &[f64]) -> Result<Histogram> {
        let made = Histogram::with_opts(histogram_opts(spec, buckets))?;
        self.add("histogram", spec, made)
    }

    pub(super) fn histograms(&mut self, spec: Spec, buckets: &[f64]) -> Result<HistogramVec> {
        let made = HistogramVec::new(histogram_opts(spec, buckets), spec.1)?;
        self.add("histogram", spec, made)
    }

    fn add<M: Collector + Clone + 'static>(
        &mut self,
        kind: &'static str,
        (name, labels, help): Spec,
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

fn opts((name, _, help): Spec) -> Opts {
    Opts::new(name, help).namespace(PREFIX)
}

fn histogram_opts((name, _, help): Spec, buckets: &[f64]) -> HistogramOpts {
    HistogramOpts::new(name, help)
        .namespace(PREFIX)
        .buckets(buckets.to_vec())
}
