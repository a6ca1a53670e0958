//! Which words of a source stand out? One pass from left to right over any text, without going back, so that no text takes longer
//! than its length; it knows as much of each language as a reader's eye needs. Colours are classes of `assets/hub.css`.

mod languages;

use self::languages::{Grammar, grammar};

/// A stretch of a line in one colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// A class of ours, or nothing.
    pub(super) style: &'static str,
    /// Text; templates escape it.
    pub(super) text: String,
}

const COMMENT: &str = "hc";
const KEYWORD: &str = "hk";
const NAME: &str = "hf";
const NUMBER: &str = "hn";
const ODD: &str = "odd";
const STRING: &str = "hs";
const VARIABLE: &str = "hv";

/// The lines of a file, in colours that fit its name.
pub(super) fn lines(path: &str, text: &str) -> Vec<Vec<Piece>> {
    coloured(grammar(path), text)
}

/// The lines of a text in a language by its name, such as a code block of a readme says it.
pub(super) fn lines_of(language: &str, text: &str) -> Vec<Vec<Piece>> {
    coloured(languages::named(language), text)
}

fn coloured(grammar: Option<&'static Grammar>, text: &str) -> Vec<Vec<Piece>> {
    let mut page = Page { lines: vec![Vec::new()] };
    match grammar {
        Some(grammar) => {
            Scanner { grammar, rest: text, before: '\n', last_word: "", starts_line: true }.run(&mut page);
        }
        None => page.put("", text),
    }
    if text.is_empty() || text.ends_with('\n') {
        page.lines.pop();
    }
    page.lines
}

/// What is written so far.
struct Page {
    lines: Vec<Vec<Piece>>,
}

impl Page {
    /// Adds text of one colour. What turns the direction of writing or cannot be seen is named instead: code must not look like
    /// what it is not.
    fn put(&mut self, style: &'static str, text: &str) {
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.lines.push(Vec::new());
            }
            let line = line.strip_suffix('\r').unwrap_or(line);
            let mut start = 0;
            for (here, c) in line.char_indices().filter(|(_, c)| is_odd(*c)) {
                self.add(style, line.get(start..here).unwrap_or_default());
                self.add(ODD, &format!("U+{:04X}", u32::from(c)));
                start = here + c.len_utf8();
            }
            self.add(style, line.get(start..).unwrap_or_default());
        }
    }

    fn add(&mut self, style: &'static str, text: &str) {
        let Some(line) = self.lines.last_mut().filter(|_| !text.is_empty()) else { return };
        match line.last_mut().filter(|last| last.style == style && style != ODD) {
            Some(last) => last.text.push_str(text),
            None => line.push(Piece { style, text: text.to_owned() }),
        }
    }
}

fn is_odd(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Where the one pass is.
struct Scanner<'a> {
    grammar: &'static Grammar,
    rest: &'a str,
    /// The character before `rest`.
    before: char,
    last_word: &'a str,
    /// Whether only blanks, and what begins an item of a list, stand before `rest` in its line.
    starts_line: bool,
}

impl Scanner<'_> {
    fn run(mut self, page: &mut Page) {
        while let Some(first) = self.rest.chars().next() {
            let (length, style) = self.next(first);
            let length = length.max(first.len_utf8());
            let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
            page.put(style, taken);
            self.before = taken.chars().next_back().unwrap_or(first);
            let is_blank =
                taken.chars().all(char::is_whitespace) || (self.grammar.keys.is_some() && taken == "-");
            self.starts_line = self.before == '\n' || (self.starts_line && is_blank);
            if !is_blank {
                self.last_word = taken;
            }
            self.rest = rest;
        }
    }

    /// How far the next piece goes, in bytes, and its colour.
    fn next(&self, first: char) -> (usize, &'static str) {
        if first.is_whitespace() {
            let end = self.rest.find(|c: char| !c.is_whitespace() || c == '\n').unwrap_or(self.rest.len());
            return (end, "");
        }
        if let Some((_, close)) = self.grammar.block_comment.filter(|(open, _)| self.rest.starts_with(open)) {
            return (self.up_to(2, close, true), COMMENT);
        }
        let may_begin = self.before.is_whitespace() || !self.grammar.comment_is_apart;
        if may_begin && self.grammar.line_comments.iter().any(|mark| self.rest.starts_with(mark)) {
            return (self.line(), COMMENT);
        }
        if let Some(length) = self.string(0) {
            let is_key = self.grammar.quoted_keys && self.is_followed_by(length, ':');
            return (length, if is_key { NAME } else { STRING });
        }
        if let (Some(mark), true) = (self.grammar.keys, self.starts_line)
            && let Some(length) = self.key(mark)
        {
            return (length, NAME);
        }
        match first {
            '$' if self.grammar.variables => (self.variable(), VARIABLE),
            '@' if self.grammar.decorators && self.starts_line => {
                (1 + word(self.rest.get(1..).unwrap_or_default()), NAME)
            }
            '[' if self.grammar.sections && self.starts_line => (self.line(), KEYWORD),
            c if c.is_ascii_digit() => {
                let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
                let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
                (end, NUMBER)
            }
            c if c == '_' || c.is_alphabetic() => self.word(),
            _ => (first.len_utf8(), ""),
        }
    }

    fn word(&self) -> (usize, &'static str) {
        let length = word(self.rest);
        let text = self.rest.get(..length).unwrap_or_default();
        if self.grammar.string_prefixes
            && length <= 2
            && text.chars().all(|c| "rbfuRBFU".contains(c))
            && let Some(string) = self.string(length)
        {
            return (string, STRING);
        }
        let fits = |words: &[&str]| words.contains(&text);
        let style = if self.grammar.first_words {
            if self.starts_line && fits(self.grammar.keywords) { KEYWORD } else { "" }
        } else if fits(self.grammar.keywords) {
            KEYWORD
        } else if fits(self.grammar.constants) {
            NUMBER
        } else if matches!(self.last_word, "def" | "class" | "function" | "fn") {
            NAME
        } else {
            ""
        };
        (length, style)
    }

    /// The length of a string that begins after `skip` bytes, its end included.
    fn string(&self, skip: usize) -> Option<usize> {
        let rest = self.rest.get(skip..)?;
        if skip == 0 && self.grammar.quotes_are_apart && self.before.is_alphanumeric() {
            return None;
        }
        let quote = self.grammar.strings.iter().find(|quote| rest.starts_with(quote.mark))?;
        Some(self.up_to(skip + quote.mark.len(), quote.mark, quote.many_lines))
    }

    /// Up to and with `close`, which a backslash before it hides; without one, to the end of the line or of the text.
    fn up_to(&self, from: usize, close: &str, many_lines: bool) -> usize {
        let rest = self.rest.get(from..).unwrap_or_default();
        let mut skips = false;
        for (at, c) in rest.char_indices() {
            if skips {
                skips = false;
            } else if c == '\\' {
                skips = true;
            } else if rest.get(at..).is_some_and(|here| here.starts_with(close)) {
                return from + at + close.len();
            }
            if c == '\n' && !many_lines {
                return from + at;
            }
        }
        self.rest.len()
    }

    fn line(&self) -> usize {
        self.rest.find('\n').unwrap_or(self.rest.len())
    }

    /// The length of a key at the beginning of a line, when one is there.
    fn key(&self, mark: char) -> Option<usize> {
        // A dash by itself begins an item; a row of them is not looked through at each.
        if !self.rest.starts_with(|c: char| c == '_' || c.is_alphanumeric()) {
            return None;
        }
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
        let end = self.rest.find(|c| !is_part(c))?;
        self.is_followed_by(end, mark).then_some(end)
    }

    /// Whether `mark` comes after `at`, with nothing but a few blanks between.
    fn is_followed_by(&self, at: usize, mark: char) -> bool {
        self.rest.get(at..).is_some_and(|rest| rest.chars().take(20).find(|c| *c != ' ') == Some(mark))
    }

    fn variable(&self) -> usize {
        if self.rest.starts_with("${") {
            return self.rest.find(['}', '\n']).map_or(self.rest.len(), |end| end + 1);
        }
        1 + word(self.rest.get(1..).unwrap_or_default())
    }
}

/// The length of the word at the beginning of a text.
fn word(text: &str) -> usize {
    text.find(|c: char| !(c == '_' || c.is_alphanumeric())).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The coloured pieces, as `style:text`.
    fn seen(path: &str, text: &str) -> Vec<String> {
        let pieces = lines(path, text).into_iter().flatten();
        pieces
            .filter(|piece| !piece.style.is_empty())
            .map(|piece| format!("{}:{}", piece.style, piece.text))
            .collect()
    }

    fn whole(lines: &[Vec<Piece>]) -> String {
        let line = |line: &Vec<Piece>| line.iter().map(|piece| piece.text.as_str()).collect::<String>();
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn python_is_read_as_python() {
        let source = "@requests(on='/a')\nasync def f(self, x: int = 0x1F):  # why\n    \"\"\"Two\n    lines\"\"\"\n    return f'{x}' if x else None\n";
        assert_eq!(
            seen("executor.py", source),
            [
                "hf:@requests",
                "hs:'/a'",
                "hk:async",
                "hk:def",
                "hf:f",
                "hn:0x1F",
                "hc:# why",
                "hs:\"\"\"Two",
                "hs:    lines\"\"\"",
                "hk:return",
                "hs:f'{x}'",
                "hk:if",
                "hk:else",
                "hn:None"
            ]
        );
        assert_eq!(seen("a.py", "x = 'it\\'s' # y"), ["hs:'it\\'s'", "hc:# y"]);
        assert_eq!(seen("a.py", "'open\nreturn"), ["hs:'open", "hk:return"], "a string ends with its line");
    }

    #[test]
    fn what_executors_bring_besides_is_read_too() {
        assert_eq!(
            seen("config.yml", "# c\nmetas:\n  name: don't\n  - on: \"/a\"\nurl: http://a#b\n"),
            ["hc:# c", "hf:metas", "hf:name", "hf:on", "hs:\"/a\"", "hf:url"]
        );
        assert_eq!(seen("a.json", "{\"a\": [1, true, \"b\"]}"), ["hf:\"a\"", "hn:1", "hn:true", "hs:\"b\""]);
        assert_eq!(
            seen("pyproject.toml", "[project]\nname = \"x\"\n"),
            ["hk:[project]", "hf:name", "hs:\"x\""]
        );
        assert_eq!(
            seen("sub/Dockerfile.gpu", "FROM a\nRUN echo $HOME FROM\n"),
            ["hk:FROM", "hk:RUN", "hv:$HOME"]
        );
        assert_eq!(
            seen("run.sh", "if [ -n \"$A\" ]; then # x\n"),
            ["hk:if", "hs:\"$A\"", "hk:then", "hc:# x"]
        );
        assert_eq!(seen("requirements.txt", "numpy==1.2 # x\n"), ["hn:1.2", "hc:# x"]);
        assert_eq!(seen("notes.weird", "if x: 'y'"), [""; 0]);
        let python: Vec<_> = lines_of("python", "return 1").concat();
        assert_eq!(python.first().map(|piece| piece.style), Some("hk"));
    }

    #[test]
    fn every_line_is_there_and_what_cannot_be_seen_is_named() {
        for text in ["", "a", "a\n", "a\n\nb", "'''\n\n'", "# ü\n@", "${", "\"\\"] {
            for path in ["a.py", "a.yml", "a.json", "Dockerfile", "a.sh", "a.txt", "a.js", "a"] {
                let lines = lines(path, text);
                assert_eq!(whole(&lines), text.strip_suffix('\n').unwrap_or(text), "{path}: {text:?}");
            }
        }
        assert_eq!(seen("a", "x\u{202e}y\u{0}"), ["odd:U+202E", "odd:U+0000"]);
        assert_eq!(whole(&lines("a.py", "a\r\nb\r\n")), "a\nb");
    }

    #[test]
    fn no_text_takes_longer_than_its_length() {
        let started = std::time::Instant::now();
        for piece in
            ["'", "\"\"\"", "\"a\" ", "#", "/*", "${", "a:", "- ", "-", "\\", "[", "@", "\u{202e}", "f'"]
        {
            for path in ["a.py", "a.yml", "a.json", "Dockerfile", "a.sh", "a.js"] {
                let text = piece.repeat(100_000 / piece.len());
                assert_eq!(lines(path, &text).len(), 1, "{path}: {piece}");
            }
        }
        assert!(started.elapsed() < std::time::Duration::from_mins(1), "{:?}", started.elapsed());
    }
}
