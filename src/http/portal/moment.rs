//! How is a time told to people? As how long ago it was, with the exact time behind it, in a form that programs read too.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// A time on a page.
#[derive(Debug)]
pub(super) struct Moment {
    machine: String,
    exact: String,
    relative: String,
}

impl Moment {
    /// A time as seen at `now`.
    pub(super) fn of(at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        Self {
            machine: at.to_rfc3339_opts(SecondsFormat::Secs, true),
            exact: at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
            relative: relative(at, now),
        }
    }

    /// The same where order and distance of many times matter: the exact time itself.
    pub(super) fn exact_html(&self) -> String {
        let Self { machine, exact, relative } = self;
        format!("<time datetime=\"{machine}\" title=\"{relative}\">{exact}</time>")
    }

    /// The element. Digits and words of our own only: templates put it in as it is.
    pub(super) fn html(&self) -> String {
        let Self { machine, exact, relative } = self;
        format!("<time datetime=\"{machine}\" title=\"{exact}\">{relative}</time>")
    }
}

fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let distance = now - at;
    let (seconds, is_past) = (distance.num_seconds().abs(), distance >= TimeDelta::zero());
    let (count, unit) = match seconds {
        ..10 if is_past => return "just now".to_owned(),
        ..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        86_400..2_592_000 => (seconds / 86_400, "day"),
        2_592_000..31_536_000 => (seconds / 2_592_000, "month"),
        _ => (seconds / 31_536_000, "year"),
    };
    let plural = if count == 1 { "" } else { "s" };
    if is_past { format!("{count} {unit}{plural} ago") } else { format!("in {count} {unit}{plural}") }
}

/// How long something took.
pub(super) fn span(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let milliseconds = (to - from).num_milliseconds().max(0);
    let seconds = milliseconds / 1000;
    match seconds {
        ..10 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A number of bytes.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // Tenths of the unit, so that no float is needed: 1 KB is 1000 bytes.
    let (mut tenths, mut unit) = (bytes / 100, 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if tenths < 100 {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    } else {
        format!("{} {name}", tenths / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_largest_unit_that_fits() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (seconds, text) in [
            (0, "just now"),
            (59, "59 seconds ago"),
            (60, "1 minute ago"),
            (7_199, "1 hour ago"),
            (86_400 * 3, "3 days ago"),
            (86_400 * 400, "1 year ago"),
            (-30, "in 30 seconds"),
            (-86_400 * 2, "in 2 days"),
        ] {
            assert_eq!(Moment::of(now - TimeDelta::seconds(seconds), now).relative, text);
        }
        let moment = Moment::of(now, now);
        assert_eq!(
            (moment.machine.as_str(), moment.exact.as_str()),
            ("2027-01-15T08:00:00Z", "2027-01-15 08:00:00 UTC")
        );
    }

    #[test]
    fn sizes_and_spans_are_told_with_two_digits_at_least() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 KB"),
            (25_400, "25 KB"),
            (1_500_000, "1.5 MB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        let start = DateTime::UNIX_EPOCH;
        for (ms, text) in
            [(1_550, "1.5 s"), (59_900, "59 s"), (61_000, "1 min 1 s"), (7_260_000, "2 h 1 min")]
        {
            assert_eq!(span(start, start + TimeDelta::milliseconds(ms)), text);
        }
    }
}
