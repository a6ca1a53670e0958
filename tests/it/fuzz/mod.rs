//! Do the promises of `targets` hold for inputs that nobody thought of? The seeds of the fuzzers, spoilt at random from a
//! fixed start: always the same inputs, on every machine. `scripts/fuzz.sh` searches further.

mod targets;

use std::{fs, path::Path};

use targets::TARGETS;

/// Words that parsers look for; a random byte would not find them.
const WORDS: [&str; 24] = [
    "PK\x03\x04",
    "PK\x01\x02",
    "PK\x05\x06",
    "---\n",
    "!Mine",
    "&a",
    "*a",
    "<<: ",
    "jtype",
    "class Mine(",
    "import ",
    "from . import ",
    "\"\"\"",
    "${TOKEN}",
    "git+",
    "-r ",
    "\\\n",
    "FROM ",
    "RUN <<EOF\n",
    "--",
    "\r\n",
    "\u{feff}",
    "%2F",
    "../",
];

/// A generator with a fixed start (Vigna's xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % sides.max(1)
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

fn spoil(input: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = dice.roll(input.len() + 1);
    let length = dice.roll(16).min(input.len() - at);
    match dice.roll(8) {
        0 if at < input.len() => input[at] ^= 1 << dice.roll(8),
        1 if at < input.len() => input[at] = u8::try_from(dice.roll(256)).unwrap(),
        2 => drop(input.drain(at..at + length)),
        3 => {
            let copy = input[at..at + length].to_vec();
            let to = dice.roll(input.len() + 1);
            input.splice(to..to, copy);
        }
        4 => input.truncate(at),
        5 => {
            let from = dice.roll(other.len() + 1);
            let piece = other[from..(from + dice.roll(64)).min(other.len())].to_vec();
            input.splice(at..at + length, piece);
        }
        6 => {
            let piece = u8::try_from(dice.roll(256)).unwrap();
            input.splice(at..at, std::iter::repeat_n(piece, dice.roll(40)));
        }
        _ => drop(input.splice(at..at, WORDS[dice.roll(WORDS.len())].bytes())),
    }
}

/// Says which input it was, should a target panic.
struct Witness<'a>(&'a str, &'a [u8]);

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the target {} fails for the input {}", self.0, self.1.escape_ascii());
        }
    }
}

fn search(target: &str, tries: usize) {
    let (_, run) = TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    let seeds = seeds(target);
    assert!(seeds.len() >= 5, "{target} has seeds");
    let mut dice = Dice(0x00c0_ffee_0000_0001);
    for seed in &seeds {
        let _witness = Witness(target, seed);
        run(seed);
    }
    for _ in 0..tries {
        let mut input = seeds[dice.roll(seeds.len())].clone();
        for _ in 0..=dice.roll(6) {
            let other = &seeds[dice.roll(seeds.len())];
            spoil(&mut input, other, &mut dice);
        }
        let _witness = Witness(target, &input);
        run(&input);
    }
}

#[test]
fn spoilt_zips_break_no_promise() {
    search("zip", 4000);
}

#[test]
fn spoilt_configurations_break_no_promise() {
    search("yaml", 3000);
}

#[test]
fn spoilt_sources_break_no_promise() {
    search("python", 2000);
}

#[test]
fn spoilt_requirements_break_no_promise() {
    search("requirements", 3000);
}

#[test]
fn spoilt_dockerfiles_break_no_promise() {
    search("dockerfile", 3000);
}

#[test]
fn spoilt_requests_break_no_promise() {
    search("form", 2000);
}

#[test]
fn spoilt_addresses_break_no_promise() {
    search("uri", 1000);
}
