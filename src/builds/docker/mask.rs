//! How are the values of build variables kept out of what people read? Every spelling that tools print by themselves
//! is replaced by `****`; whole lines go in, so that no chunk boundary can hide half of a value.

use std::{borrow::Cow, collections::BTreeSet, fmt::Write as _};

use aho_corasick::AhoCorasick;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::BuildEnv;

/// What stands where a value stood.
pub const MASK: &str = "****";

/// Values below this length cannot be told from ordinary text.
const MIN_VALUE: usize = 4;
/// Encoded pieces below this length turn up by chance.
const MIN_ENCODED: usize = 8;
/// Words that people pass as switches; masking them would only garble the log.
const ORDINARY: [&str; 5] = ["true", "false", "none", "null", "None"];
/// What URLs and Python's `quote` leave alone.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const UNRESERVED_OR_SLASH: AsciiSet = UNRESERVED.remove(b'/');
/// Widths at which `base64` and Python's `encodebytes` or PEM break their lines.
const WRAPS: [usize; 2] = [76, 64];

/// Finds the values of one build's variables.
#[derive(Debug)]
pub struct Masker {
    patterns: Option<AhoCorasick>,
    longest: usize,
}

impl Masker {
    /// A masker for all values of `env`.
    pub fn new(env: &BuildEnv) -> Self {
        let mut patterns = BTreeSet::new();
        for (_, value) in env.variables() {
            let value = value.expose();
            patterns.extend(lines_of(value).flat_map(printed_forms));
            patterns.extend(printed_forms(value));
        }
        let longest = patterns.iter().map(String::len).max().unwrap_or(0);
        // Building fails only beyond sizes that `BuildEnv` cannot have; then everything is masked, never nothing.
        let patterns =
            (!patterns.is_empty()).then(|| AhoCorasick::new(&patterns).or_else(|_| AhoCorasick::new([""])));
        Self { patterns: patterns.and_then(Result::ok), longest }
    }

    /// Bytes of the longest spelling: who cuts a text must keep that much more until it was masked.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// `text` without any value. Overlapping values are covered together.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(patterns) = &self.patterns else { return Cow::Borrowed(text) };
        let mut spans: Vec<(usize, usize)> =
            patterns.find_overlapping_iter(text).map(|found| (found.start(), found.end())).collect();
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        spans.sort_unstable();
        let mut masked = String::with_capacity(text.len());
        let mut shown = 0;
        for (start, end) in spans {
            if start >= shown {
                masked.push_str(text.get(shown..start).unwrap_or_default());
                // Values that touch each other make one mask.
                if start > shown || shown == 0 {
                    masked.push_str(MASK);
                }
            }
            shown = shown.max(end);
        }
        masked.push_str(text.get(shown..).unwrap_or_default());
        Cow::Owned(masked)
    }
}

/// The spellings of `value` that are looked for in an image: as it is, and as URLs, base64 and hex carry it. Values
/// below `min_bytes` have none.
pub fn stored_forms(value: &str, min_bytes: usize) -> BTreeSet<Vec<u8>> {
    if value.len() < min_bytes {
        return BTreeSet::new();
    }
    let mut forms = BTreeSet::from([value.to_owned()]);
    forms.extend(url_forms(value));
    forms.extend(base64_cores(value));
    forms.extend([hex::encode(value), hex::encode_upper(value)]);
    forms.into_iter().map(String::into_bytes).collect()
}

fn printed_forms(value: &str) -> BTreeSet<String> {
    if value.len() < MIN_VALUE || ORDINARY.contains(&value) {
        return BTreeSet::new();
    }
    let mut forms = BTreeSet::from([value.to_owned(), value.replace('\'', r"'\''")]);
    forms.extend(url_forms(value));
    forms.insert(value.as_bytes().escape_ascii().to_string().replace("\\'", "'").replace("\\\"", "\""));
    if let Ok(quoted) = serde_json::to_string(value) {
        // The quotation marks around it, and not those at its own ends.
        let quoted = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&quoted);
        forms.extend([quoted.to_owned(), ascii_json(quoted), quoted.replace("\\\"", "\"")]);
    }
    let encoded = base64_cores(value).into_iter().chain([hex::encode(value), hex::encode_upper(value)]);
    forms.extend(encoded.filter(|form| form.len() >= MIN_ENCODED));
    let plain = STANDARD_NO_PAD.encode(value);
    for width in WRAPS.into_iter().filter(|width| plain.len() > *width) {
        let pieces = plain.as_bytes().chunks(width).filter(|piece| piece.len() >= MIN_ENCODED);
        forms.extend(pieces.filter_map(|piece| String::from_utf8(piece.to_vec()).ok()));
    }
    forms.retain(|form| form.len() >= MIN_VALUE);
    forms
}

/// As Python's `json.dumps` writes what is no ASCII.
fn ascii_json(quoted: &str) -> String {
    let mut ascii = String::with_capacity(quoted.len());
    for c in quoted.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    ascii
}

/// A value of several lines, such as a key file, is printed line by line.
fn lines_of(value: &str) -> impl Iterator<Item = &str> {
    value.lines().map(str::trim).filter(move |line| line.len() >= MIN_ENCODED && line.len() < value.len())
}

fn url_forms(value: &str) -> Vec<String> {
    let strict = utf8_percent_encode(value, &UNRESERVED).to_string();
    let with_slash = utf8_percent_encode(value, &UNRESERVED_OR_SLASH).to_string();
    let form = strict.replace("%20", "+");
    [strict, with_slash, form].into_iter().flat_map(|upper| [lower_escapes(&upper), upper]).collect()
}

/// `%2F` as `%2f`, the other letters as they are.
fn lower_escapes(encoded: &str) -> String {
    let mut lower = String::with_capacity(encoded.len());
    let mut escape = 0;
    for character in encoded.chars() {
        if character == '%' {
            escape = 3;
        }
        lower.push(if escape > 0 { character.to_ascii_lowercase() } else { character });
        escape = usize::saturating_sub(escape, 1);
    }
    lower
}

/// The part of the value's base64 that does not depend on its neighbours, for each of the three places that it can
/// have in a longer text (`user:value` in an `Authorization` header), in both alphabets.
fn base64_cores(value: &str) -> Vec<String> {
    let mut cores = Vec::new();
    for (shift, lead) in [(0, 0), (1, 2), (2, 3)] {
        let mut bytes = vec![0; shift];
        bytes.extend_from_slice(value.as_bytes());
        let encoded = STANDARD_NO_PAD.encode(&bytes);
        let open_end = usize::from(!bytes.len().is_multiple_of(3));
        let core = encoded.get(lead..encoded.len() - open_end).unwrap_or_default();
        cores.extend([core.to_owned(), core.replace('+', "-").replace('/', "_")]);
    }
    cores.retain(|core| !core.is_empty());
    cores
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    fn masker(json: &str) -> Masker {
        Masker::new(&BuildEnv::parse(json).expect("good variables"))
    }

    #[test]
    fn every_usual_spelling_is_masked() {
        let value = "s3cr?t/tok en+>>ö";
        let masker = masker(&serde_json::json!({"TOKEN": value}).to_string());
        let spellings = [
            value.to_owned(),
            utf8_percent_encode(value, NON_ALPHANUMERIC).to_string().to_lowercase(),
            STANDARD.encode(format!("user:{value}")),
            STANDARD.encode(format!("me:{value}!")),
            URL_SAFE.encode(value),
            hex::encode(value),
        ];
        for spelling in &spellings {
            let line = format!("before {spelling} after");
            let shown = masker.mask(&line);
            assert!(shown.contains(MASK), "{shown}");
            // What is left is at most what stood beside the value in the same base64 groups.
            assert!(shown.len() <= "before **** after".len() + 10, "{shown}");
        }
    }

    #[test]
    fn ordinary_lines_are_left_alone() {
        let masker = masker(r#"{"A": "true", "B": "1", "C": "xyz", "D": ""}"#);
        let line = "Collecting true xyz 1 (from -r requirements.txt)";
        assert!(matches!(masker.mask(line), Cow::Borrowed(text) if text == line));
    }

    #[test]
    fn overlapping_values_leave_no_tail() {
        let masker = masker(r#"{"A": "abcdef", "B": "defghi"}"#);
        assert_eq!(masker.mask("x abcdefghi y"), "x **** y");
        assert_eq!(masker.mask("abcdef defghi"), "**** ****");
    }

    #[test]
    fn lines_of_a_long_value_are_masked_one_by_one() {
        let masker = masker(r#"{"KEY": "-----BEGIN-----\nMIIEpAIBAAKCAQEA\nq2J9\n-----END-----\n"}"#);
        assert_eq!(masker.mask("MIIEpAIBAAKCAQEA"), MASK);
    }

    #[test]
    fn wrapped_base64_is_masked() {
        let value: String = ('a'..='z').cycle().take(120).collect();
        let masker = masker(&serde_json::json!({"KEY": value}).to_string());
        let encoded = STANDARD.encode(&value);
        assert_eq!(masker.mask(&encoded[..76]), MASK);
        assert!(masker.mask(&encoded[76..152]).starts_with(MASK));
    }
}
