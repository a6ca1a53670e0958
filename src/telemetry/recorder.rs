//! What do the metrics macros write to, and how is that read? Numbers in memory, written out as Prometheus' text. A series
//! that would be one too many is dropped, so that no client can fill the memory with labels.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use metrics::{
    Counter, Gauge, GaugeFn as _, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString,
    Unit,
};

use super::metrics::{Kind, METRICS, find};

/// Series of one figure.
const MOST_SERIES: usize = 2000;

/// The labels of a series, as they are written: `{route="/livez"}` without the braces.
type Labels = String;

#[derive(Debug, Clone)]
enum Series {
    Counter(Arc<AtomicU64>),
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Buckets>),
}

/// The figures of this process.
#[derive(Debug, Clone, Default)]
pub struct Figures(Arc<RwLock<BTreeMap<&'static str, BTreeMap<Labels, Series>>>>);

impl Figures {
    /// Those that the macros write to. The first call makes them so.
    pub fn of_process() -> &'static Self {
        static FIGURES: OnceLock<Figures> = OnceLock::new();
        FIGURES.get_or_init(|| {
            let figures = Self::default();
            // It fails only where somebody else was first, and nobody else does it.
            let _ = metrics::set_global_recorder(figures.clone());
            figures
        })
    }

    /// All series in Prometheus' text format, version 0.0.4.
    pub fn write(&self) -> String {
        let figures = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for metric in METRICS {
            let Some(series) = figures.get(metric.name) else { continue };
            let kind = match metric.kind {
                Kind::Counter | Kind::Total => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram(_) => "histogram",
            };
            let name = metric.name;
            let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help);
            for (labels, series) in series {
                write_series(&mut text, name, labels, series);
            }
        }
        text
    }

    /// Takes all series of a figure away, for one whose labels may be gone.
    pub fn forget(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn series(&self, key: &Key, make: impl FnOnce(Kind) -> Option<Series>) -> Option<Series> {
        let metric = find(key.name())?;
        let labels = written(key);
        {
            let figures = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(series) = figures.get(metric.name).and_then(|series| series.get(&labels)) {
                return Some(series.clone());
            }
        }
        let mut figures = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let of_metric = figures.entry(metric.name).or_default();
        if of_metric.len() >= MOST_SERIES && !of_metric.contains_key(&labels) {
            return None;
        }
        if let Some(series) = of_metric.get(&labels) {
            return Some(series.clone());
        }
        let series = make(metric.kind)?;
        of_metric.insert(labels, series.clone());
        Some(series)
    }
}

impl Recorder for Figures {
    fn describe_counter(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn describe_gauge(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn describe_histogram(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        let make = |kind| (kind == Kind::Counter).then(|| Series::Counter(Arc::default()));
        match self.series(key, make) {
            Some(Series::Counter(counter)) => Counter::from_arc(counter),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        let make = |kind| matches!(kind, Kind::Gauge | Kind::Total).then(|| Series::Gauge(Arc::default()));
        match self.series(key, make) {
            Some(Series::Gauge(gauge)) => Gauge::from_arc(gauge),
            _ => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        let make = |kind| match kind {
            Kind::Histogram(bounds) => Some(Series::Histogram(Arc::new(Buckets::new(bounds)))),
            _ => None,
        };
        match self.series(key, make) {
            Some(Series::Histogram(buckets)) => Histogram::from_arc(buckets),
            _ => Histogram::noop(),
        }
    }
}

/// How many values fell between two bounds.
#[derive(Debug)]
struct Buckets {
    bounds: &'static [f64],
    /// One more than there are bounds.
    counts: Vec<AtomicU64>,
    /// The bits of a float.
    sum: AtomicU64,
}

impl Buckets {
    fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0f64.to_bits()) }
    }
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.increment(value);
    }
}

fn written(key: &Key) -> Labels {
    let escaped = |text: &str| text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    let labels: Vec<String> =
        key.labels().map(|label| format!("{}=\"{}\"", label.key(), escaped(label.value()))).collect();
    labels.join(",")
}

fn write_series(text: &mut String, name: &str, labels: &str, series: &Series) {
    let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    // Writing to a string cannot fail.
    let _ = match series {
        Series::Counter(value) => writeln!(text, "{name}{braced} {}", value.load(Ordering::Relaxed)),
        Series::Gauge(value) => {
            writeln!(text, "{name}{braced} {}", f64::from_bits(value.load(Ordering::Relaxed)))
        }
        Series::Histogram(buckets) => {
            let mut count = 0;
            let more = if labels.is_empty() { String::new() } else { format!("{labels},") };
            for (at, bucket) in buckets.counts.iter().enumerate() {
                count += bucket.load(Ordering::Relaxed);
                let bound = buckets.bounds.get(at).map_or_else(|| "+Inf".to_owned(), ToString::to_string);
                let _ = writeln!(text, "{name}_bucket{{{more}le=\"{bound}\"}} {count}");
            }
            let sum = f64::from_bits(buckets.sum.load(Ordering::Relaxed));
            writeln!(text, "{name}_sum{braced} {sum}\n{name}_count{braced} {count}")
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_prometheus_reads_them() {
        let figures = Figures::default();
        metrics::with_local_recorder(&figures, || {
            metrics::counter!("hub_pushes_total", "outcome" => "a\"b").increment(2);
            metrics::gauge!("hub_ready").set(0.5);
            let seconds =
                metrics::histogram!("hub_http_request_duration_seconds", "route" => "/", "method" => "GET");
            seconds.record(0.005);
            seconds.record(0.02);
            seconds.record(1000.0);
            metrics::counter!("hub_nobody_knows_total").increment(1);
            metrics::gauge!("hub_pulls_total").set(1.0);
        });
        let text = figures.write();
        let has = |line: &str| assert!(text.lines().any(|other| other == line), "{line} in\n{text}");
        has("# TYPE hub_pushes_total counter");
        has(r#"hub_pushes_total{outcome="a\"b"} 2"#);
        has("hub_ready 0.5");
        let of = r#"hub_http_request_duration_seconds_bucket{route="/",method="GET",le="#;
        has(&format!(r#"{of}"0.005"}} 1"#));
        has(&format!(r#"{of}"0.01"}} 1"#));
        has(&format!(r#"{of}"0.025"}} 2"#));
        has(&format!(r#"{of}"+Inf"}} 3"#));
        has(r#"hub_http_request_duration_seconds_count{route="/",method="GET"} 3"#);
        assert!(!text.contains("hub_nobody_knows") && !text.contains("hub_pulls_total "), "{text}");
    }

    #[test]
    fn labels_cannot_fill_the_memory() {
        let figures = Figures::default();
        metrics::with_local_recorder(&figures, || {
            for number in 0..MOST_SERIES + 10 {
                metrics::counter!("hub_pushes_total", "outcome" => number.to_string()).increment(1);
            }
        });
        assert_eq!(figures.write().lines().filter(|line| !line.starts_with('#')).count(), MOST_SERIES);
    }
}
