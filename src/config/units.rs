//! How are sizes, durations and networks written in the configuration? As people say them: "16MiB", "30s", "10.0.0.0/8".

use std::{
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
    time::Duration,
};

use serde::Deserialize;

/// A number of bytes: "512", "16KiB", "2GiB".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Bytes(pub u64);

/// A duration: "250ms", "30s", "10m", "1h", "7d".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units =
            [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("B", 1), ("", 1)];
        parse(text, &units).map(Self).ok_or_else(|| format!("{text:?} is no size; write it like \"16MiB\""))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
        let milliseconds = parse(text, &units);
        milliseconds
            .map(|milliseconds| Self(Duration::from_millis(milliseconds)))
            .ok_or_else(|| format!("{text:?} is no duration; write it like \"30s\" or \"10m\""))
    }
}

/// Addresses with the same first bits: `10.0.0.0/8`, `fd00::/8`, or a single `192.0.2.7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    bits: u128,
    mask: u128,
}

impl Network {
    /// Whether these are all addresses, of one kind at least.
    pub fn is_everything(&self) -> bool {
        let ipv4 = u128::MAX << 32;
        self.mask == 0 || (self.mask == ipv4 && self.bits == as_bits(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }

    /// Whether the address is one of these.
    pub fn contains(&self, address: IpAddr) -> bool {
        as_bits(address) & self.mask == self.bits
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is no network; write it like \"10.0.0.0/8\" or \"192.0.2.7\"");
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.trim().parse().map_err(|_| bad())?;
        let width: u32 = if address.is_ipv4() { 32 } else { 128 };
        let prefix: u32 = prefix.map_or(Ok(width), |prefix| prefix.trim().parse().map_err(|_| bad()))?;
        let hosts = width.checked_sub(prefix).ok_or_else(bad)?;
        let mask = u128::MAX.checked_shl(hosts).unwrap_or(0);
        Ok(Self { bits: as_bits(address) & mask, mask })
    }
}

/// IPv4 as it is mapped into IPv6, so that an address is the same whichever way it was written.
fn as_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()))?.1;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_own_addresses_only() {
        let contains = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse().unwrap())
        };
        assert!(contains("10.0.0.0/8", "10.9.8.7") && contains("10.0.0.0/8", "::ffff:10.9.8.7"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("192.0.2.7", "192.0.2.7") && !contains("192.0.2.7", "192.0.2.8"));
        assert!(contains("fd00::/8", "fdab::1") && !contains("fd00::/8", "fe80::1"));
        assert!(contains("::/0", "10.0.0.1") && contains("0.0.0.0/0", "10.0.0.1"));
        assert!(!contains("0.0.0.0/0", "fe80::1"));
        let is_everything = |network: &str| network.parse::<Network>().unwrap().is_everything();
        assert!(is_everything("0.0.0.0/0") && is_everything("::/0"));
        assert!(!is_everything("10.0.0.0/8") && !is_everything("0.0.0.0/1") && !is_everything("fd00::/8"));
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/-1", "localhost"] {
            assert!(bad.parse::<Network>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sizes_and_durations_are_read_as_written() {
        assert_eq!("2GiB".parse(), Ok(Bytes(2 << 30)));
        assert_eq!("512".parse(), Ok(Bytes(512)));
        assert_eq!("250ms".parse(), Ok(Span(Duration::from_millis(250))));
        assert_eq!("7 d".parse(), Ok(Span(Duration::from_hours(7 * 24))));
        for bad in ["", "s", "-1s", "1w", "99999999999999999999s", "18446744073709551615h"] {
            assert!(bad.parse::<Span>().is_err(), "{bad:?}");
        }
    }
}
