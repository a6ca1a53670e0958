//! How does a test get a machine of its own for a replica? As a network namespace with one cable to this one; gone when dropped.

use std::{
    net::Ipv4Addr,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// A network of its own.
pub struct Namespace {
    name: String,
    /// Its address, reachable from here.
    pub address: Ipv4Addr,
    /// This machine, as it is reachable from there.
    pub gateway: Ipv4Addr,
}

impl Namespace {
    /// `None` where nobody may make one.
    pub fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let own = std::process::id() % 10_000;
        let name = format!("hub{own}x{number}");
        // A /30 of 10.213.0.0/16 for each; those of another process are elsewhere with near certainty.
        let network = (own * 8 + number) % 16_384;
        let base = u32::from(Ipv4Addr::new(10, 213, 0, 0)) + network * 4;
        let (gateway, address) = (Ipv4Addr::from(base + 1), Ipv4Addr::from(base + 2));
        if !ip(&["netns", "add", &name]) {
            eprintln!("left out: network namespaces need root and iproute2 here");
            return None;
        }
        // From here on it is removed again, whatever fails.
        let namespace = Self { name, address, gateway };
        let name = &namespace.name;
        let (here, there) = (format!("{name}a"), format!("{name}b"));
        for arguments in [
            vec!["link", "add", &here, "type", "veth", "peer", "name", &there, "netns", name],
            vec!["addr", "add", &format!("{gateway}/30"), "dev", &here],
            vec!["link", "set", &here, "up"],
            vec!["-n", name, "addr", "add", &format!("{address}/30"), "dev", &there],
            vec!["-n", name, "link", "set", &there, "up"],
            vec!["-n", name, "link", "set", "lo", "up"],
        ] {
            assert!(ip(&arguments), "ip {}", arguments.join(" "));
        }
        Some(namespace)
    }

    /// Runs a program in it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> bool {
    let run = Command::new("ip").args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}
