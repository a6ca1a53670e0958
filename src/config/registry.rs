//! Under which host are the Hub's images pulled? The one that the operator named first, else the Hub's own.

use super::Server;

impl Server {
    /// Hosts, with ports, for which Docker asks the clients' credential helper; never empty.
    pub fn image_hosts(&self) -> Vec<&str> {
        if self.image_registries.is_empty() {
            return vec![host(&self.external_url)];
        }
        self.image_registries.iter().map(String::as_str).collect()
    }

    /// What the names of the Hub's images begin with.
    pub fn image_host(&self) -> &str {
        self.image_registries.first().map_or_else(|| host(&self.external_url), String::as_str)
    }
}

/// Host and port of an address, as Docker writes them in its configuration.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn docker_knows_registries_by_host_and_port() {
        assert_eq!(host("http://127.0.0.1:8080"), "127.0.0.1:8080");
        assert_eq!(host("https://hub.example.com/base"), "hub.example.com");
    }
}
