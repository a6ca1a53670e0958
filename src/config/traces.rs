//! Where are traces sent? The settings of what listens to spans.

use serde::Deserialize;

/// `[traces]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traces {
    /// A collector that takes OTLP by gRPC; empty means none.
    pub otlp_endpoint: String,
    /// How many of a hundred requests and builds are traced.
    pub percent: u8,
}

impl Traces {
    /// A key whose value cannot be, and why not.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        let endpoint = &self.otlp_endpoint;
        if !(endpoint.is_empty() || endpoint.starts_with("http://") || endpoint.starts_with("https://")) {
            return Some(("traces.otlp_endpoint", "it must be an address such as http://127.0.0.1:4317"));
        }
        (self.percent > 100).then_some(("traces.percent", "it must be 100 or less"))
    }
}
