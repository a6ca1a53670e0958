//! Which YAML 1.1 type does an unquoted scalar have? As `PyYAML`'s implicit resolvers decide: `yes` is a boolean, `010`
//! an octal number, `1:30` ninety.

/// The type of an unquoted scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::inspect) enum Kind {
    Null,
    Bool,
    Int,
    Float,
    Timestamp,
    /// `<<`, which merges another mapping.
    Merge,
    /// `=`, which `PyYAML` knows but cannot construct.
    Default,
    Text,
}

impl Kind {
    /// The type of `text` when it stands unquoted and without a tag.
    pub(in crate::inspect) fn of(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Self::Null,
            "yes" | "Yes" | "YES" | "no" | "No" | "NO" | "true" | "True" | "TRUE" | "false" | "False"
            | "FALSE" | "on" | "On" | "ON" | "off" | "Off" | "OFF" => Self::Bool,
            "<<" => Self::Merge,
            "=" => Self::Default,
            _ if is_int(text) => Self::Int,
            _ if is_float(text) => Self::Float,
            _ if is_timestamp(text) => Self::Timestamp,
            _ => Self::Text,
        }
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn all(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allowed)
}

fn is_digit_or_line(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

fn is_int(text: &str) -> bool {
    let digits = unsigned(text);
    if let Some(binary) = digits.strip_prefix("0b") {
        return all(binary, |b| matches!(b, b'0' | b'1' | b'_'));
    }
    if let Some(hex) = digits.strip_prefix("0x") {
        return all(hex, |b| b.is_ascii_hexdigit() || b == b'_');
    }
    if let Some(octal) = digits.strip_prefix('0') {
        return octal.bytes().all(|b| matches!(b, b'0'..=b'7' | b'_'));
    }
    let (first, rest) = digits.split_once(':').map_or((digits, None), |(first, rest)| (first, Some(rest)));
    first.starts_with(|c: char| c.is_ascii_digit())
        && all(first, is_digit_or_line)
        && rest.is_none_or(|rest| rest.split(':').all(is_sixtieth))
}

/// A step of a base-60 number: one digit, or two below sixty.
fn is_sixtieth(step: &str) -> bool {
    match step.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => matches!(ten, b'0'..=b'5') && one.is_ascii_digit(),
        _ => false,
    }
}

fn is_float(text: &str) -> bool {
    let number = unsigned(text);
    if matches!(number, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let Some((whole, fraction)) = number.split_once('.') else { return false };
    if whole.is_empty() {
        // A sign before a bare point makes a text, and so does a point without a digit.
        let (digits, exponent) = split_exponent(fraction);
        return number == text
            && digits.starts_with(|c: char| c.is_ascii_digit())
            && all(digits, is_digit_or_line)
            && exponent.is_none_or(is_exponent);
    }
    if let Some((first, rest)) = whole.split_once(':') {
        return first.starts_with(|c: char| c.is_ascii_digit())
            && all(first, is_digit_or_line)
            && rest.split(':').all(is_sixtieth)
            && fraction.bytes().all(is_digit_or_line);
    }
    let (digits, exponent) = split_exponent(fraction);
    whole.starts_with(|c: char| c.is_ascii_digit())
        && all(whole, is_digit_or_line)
        && digits.bytes().all(is_digit_or_line)
        && exponent.is_none_or(is_exponent)
}

fn split_exponent(text: &str) -> (&str, Option<&str>) {
    text.split_once(['e', 'E']).map_or((text, None), |(digits, exponent)| (digits, Some(exponent)))
}

/// YAML 1.1 demands the sign.
fn is_exponent(text: &str) -> bool {
    text.strip_prefix(['-', '+']).is_some_and(|digits| all(digits, |b| b.is_ascii_digit()))
}

fn is_timestamp(text: &str) -> bool {
    let mut rest = text;
    let Some(()) = digits(&mut rest, 4, 4).and_then(|()| literal(&mut rest, "-")) else { return false };
    let month_and_day = rest;
    if digits(&mut rest, 2, 2)
        .and_then(|()| literal(&mut rest, "-"))
        .and_then(|()| digits(&mut rest, 2, 2))
        .is_some()
        && rest.is_empty()
    {
        return true;
    }
    rest = month_and_day;
    time_of_day(&mut rest).is_some() && rest.is_empty()
}

fn time_of_day(rest: &mut &str) -> Option<()> {
    digits(rest, 1, 2)?;
    literal(rest, "-")?;
    digits(rest, 1, 2)?;
    let blank = rest.trim_start_matches([' ', '\t']);
    if blank.len() < rest.len() {
        *rest = blank;
    } else {
        *rest = rest.strip_prefix(['T', 't'])?;
    }
    digits(rest, 1, 2)?;
    literal(rest, ":")?;
    digits(rest, 2, 2)?;
    literal(rest, ":")?;
    digits(rest, 2, 2)?;
    if let Some(fraction) = rest.strip_prefix('.') {
        *rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    let zone = rest.trim_start_matches([' ', '\t']);
    if let Some(after) = zone.strip_prefix('Z') {
        *rest = after;
    } else if let Some(after) = zone.strip_prefix(['-', '+']) {
        *rest = after;
        digits(rest, 1, 2)?;
        if literal(rest, ":").is_some() {
            digits(rest, 2, 2)?;
        }
    }
    Some(())
}

/// Takes as many digits as there are, up to `most`.
fn digits(rest: &mut &str, least: usize, most: usize) -> Option<()> {
    let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    *rest = rest.get(count..)?;
    (count >= least).then_some(())
}

fn literal(rest: &mut &str, expected: &str) -> Option<()> {
    *rest = rest.strip_prefix(expected)?;
    Some(())
}
