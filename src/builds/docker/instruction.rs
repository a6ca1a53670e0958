//! Where does each instruction of a Dockerfile begin and end? Reads continuations, comments, the escape directive and
//! heredocs as BuildKit does; whatever two releases of BuildKit read differently is refused, so that nothing can be an
//! instruction to the engine that was text to us.

/// One instruction, its continuation lines joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// The line where it begins, from 1.
    pub line: usize,
    /// The keyword in capitals.
    pub keyword: String,
    /// What follows the keyword, on one line.
    pub rest: String,
    /// The texts that follow it.
    pub heredocs: Vec<Heredoc>,
}

/// A text that an instruction carries in the lines after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// Its lines, without the terminator.
    pub body: Vec<String>,
    /// The line that ends it, as written.
    pub terminator: String,
}

/// A Dockerfile that the Hub does not build, with the line that is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Line {line} of the Dockerfile {reason}")]
pub struct Rejected {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to write instead; continues the sentence "Line 7 of the Dockerfile …".
    pub reason: String,
}

impl Rejected {
    pub(super) fn new(line: usize, reason: impl Into<String>) -> Self {
        Self { line, reason: reason.into() }
    }
}

/// The instructions of a Dockerfile, and the escape character that they are written with.
#[derive(Debug)]
pub struct Script {
    /// `\`, or what the escape directive names.
    pub escape: char,
    /// In order.
    pub instructions: Vec<Instruction>,
}

const KEYWORDS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Whether the engine's BuildKit reads heredocs (its releases since Docker 23.0 do).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heredocs {
    /// It does.
    Known,
    /// It takes their lines for instructions.
    Unknown,
}

/// Splits a Dockerfile into its instructions.
pub fn read(text: &str, heredocs: Heredocs) -> Result<Script, Rejected> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(&text).split('\n').collect();
    if let Some(at) = lines.iter().position(|line| line.contains(['\r', '\0'])) {
        return Err(Rejected::new(at + 1, "holds a control character. Remove it."));
    }
    let escape = escape_of(&lines)?;
    let mut reader = Reader { lines: &lines, at: 0, escape, heredocs };
    let mut instructions = Vec::new();
    while let Some(instruction) = reader.next_instruction()? {
        instructions.push(instruction);
    }
    Ok(Script { escape, instructions })
}

/// The arguments of an exec form (`["a", "b"]`), or `None` for a shell form.
pub fn exec_form(instruction: &Instruction, rest: &str) -> Result<Option<Vec<String>>, Rejected> {
    if !rest.starts_with('[') {
        return Ok(None);
    }
    // BuildKit reads one JSON value and drops what follows it, a strict parser does not: such lines are ambiguous.
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Vec<String>>();
    match values.next() {
        Some(Ok(arguments))
            if rest.get(values.byte_offset()..).is_some_and(|tail| tail.trim().is_empty()) =>
        {
            Ok(Some(arguments))
        }
        Some(Ok(_)) => Err(Rejected::new(
            instruction.line,
            "has text after the closing bracket of its list, which would be ignored. Remove one or the other.",
        )),
        // Go's JSON reader takes some texts that ours refuses, and then sees no heredoc.
        _ if !instruction.heredocs.is_empty() => Err(Rejected::new(
            instruction.line,
            "begins with '[' and carries a heredoc. Write it in one form.",
        )),
        _ => Ok(None),
    }
}

/// Directives stand at the very top; only `escape` matters here, since `syntax` would fetch another frontend.
fn escape_of(lines: &[&str]) -> Result<char, Rejected> {
    let mut escape = '\\';
    for (at, line) in lines.iter().enumerate() {
        let Some((name, value)) = line.trim().strip_prefix('#').and_then(|line| line.split_once('=')) else {
            break;
        };
        let name = name.trim();
        if name.is_empty() || !name.chars().all(|character| character.is_ascii_alphanumeric()) {
            break;
        }
        if name.eq_ignore_ascii_case("escape") {
            escape = match value.trim() {
                "\\" => '\\',
                "`" => '`',
                _ => return Err(Rejected::new(at + 1, "names no escape character: it can be \\ or `.")),
            };
        }
    }
    Ok(escape)
}

struct Reader<'l> {
    lines: &'l [&'l str],
    at: usize,
    escape: char,
    heredocs: Heredocs,
}

impl<'l> Reader<'l> {
    fn take(&mut self) -> Option<&'l str> {
        let line = self.lines.get(self.at)?;
        self.at += 1;
        Some(line)
    }

    fn next_instruction(&mut self) -> Result<Option<Instruction>, Rejected> {
        let first = loop {
            match self.take() {
                None => return Ok(None),
                Some(line) if is_blank(line) => {}
                Some(line) => break line.trim_start(),
            }
        };
        let number = self.at;
        let mut joined = String::new();
        let mut open = self.append(first, &mut joined)?;
        while open && let Some(line) = self.take() {
            if !is_blank(line) {
                open = self.append(line, &mut joined)?;
            }
        }
        let joined = joined.trim();
        let (keyword, rest) = joined.split_once(['\t', '\x0b', '\x0c', ' ']).unwrap_or((joined, ""));
        let keyword = keyword.to_ascii_uppercase();
        if !KEYWORDS.contains(&keyword.as_str()) {
            let shown: String = keyword.chars().take(40).collect();
            return Err(Rejected::new(number, format!("begins with '{shown}', which is no instruction.")));
        }
        let mut instruction =
            Instruction { line: number, keyword, rest: rest.trim().to_owned(), heredocs: Vec::new() };
        self.read_heredocs(&mut instruction)?;
        Ok(Some(instruction))
    }

    /// Adds `line` to `joined`; answers whether the next line continues it.
    fn append(&self, line: &str, joined: &mut String) -> Result<bool, Rejected> {
        let Some(head) = line.trim_end_matches([' ', '\t']).strip_suffix(self.escape) else {
            joined.push_str(line);
            return Ok(false);
        };
        if head.ends_with(self.escape) {
            return Err(Rejected::new(
                self.at,
                format!(
                    "ends with two '{}', which engines read differently. Write the command otherwise.",
                    self.escape
                ),
            ));
        }
        joined.push_str(head);
        Ok(true)
    }

    fn read_heredocs(&mut self, instruction: &mut Instruction) -> Result<(), Rejected> {
        let Some(carrier) = heredoc_carrier(instruction) else { return Ok(()) };
        for marker in markers(instruction.line, carrier)? {
            if instruction.keyword == "ONBUILD" {
                return Err(Rejected::new(
                    instruction.line,
                    "has a heredoc in a trigger. Put the commands into a file.",
                ));
            }
            if self.heredocs == Heredocs::Unknown {
                return Err(Rejected::new(
                    instruction.line,
                    "begins a heredoc, which the Hub's Docker Engine is too old to read. Join the commands with \
                     '&& \\', or put them into a file.",
                ));
            }
            let mut body = Vec::new();
            let terminator = loop {
                let Some(line) = self.take() else {
                    let reason = format!("begins a heredoc that no line '{}' ends.", marker.name);
                    return Err(Rejected::new(instruction.line, reason));
                };
                let candidate = if marker.strips_tabs { line.trim_start_matches('\t') } else { line };
                if candidate == marker.name {
                    break line.to_owned();
                }
                body.push(line.to_owned());
            };
            instruction.heredocs.push(Heredoc { body, terminator });
        }
        Ok(())
    }
}

fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The text of an instruction in which BuildKit looks for heredocs.
fn heredoc_carrier(instruction: &Instruction) -> Option<&str> {
    let (keyword, rest) = match instruction.keyword.as_str() {
        "ONBUILD" => instruction.rest.split_once(char::is_whitespace)?,
        keyword => (keyword, instruction.rest.as_str()),
    };
    let may_carry = ["ADD", "COPY", "RUN"].iter().any(|known| keyword.eq_ignore_ascii_case(known));
    (may_carry && rest.contains("<<")).then_some(rest)
}

struct Marker {
    name: String,
    strips_tabs: bool,
}

/// The heredoc markers of a line. A text that may or may not hold one, depending on how quotes are read, is refused:
/// the lines after it would be instructions to one reader and text to the other.
fn markers(line: usize, text: &str) -> Result<Vec<Marker>, Rejected> {
    let ambiguous = || {
        Rejected::new(
            line,
            "has '<<' in a place where it may or may not begin a heredoc. Quote or place it otherwise.",
        )
    };
    if text.trim_start().starts_with('[') {
        return match serde_json::from_str::<Vec<String>>(text) {
            Ok(_) => Ok(Vec::new()),
            Err(_) => Err(ambiguous()),
        };
    }
    let plain_words = text.split_whitespace().filter(|word| may_be_marker(word));
    let quoted_words = quoted_words(text);
    let words: Vec<&str> =
        quoted_words.iter().map(String::as_str).filter(|word| may_be_marker(word)).collect();
    if !plain_words.eq(words.iter().copied()) {
        return Err(ambiguous());
    }
    words.into_iter().map(|word| marker(word).ok_or_else(ambiguous)).collect()
}

/// Digits, `<<`, and something without another `<`: what BuildKit takes for a marker.
fn may_be_marker(word: &str) -> bool {
    word.trim_start_matches(|character: char| character.is_ascii_digit())
        .strip_prefix("<<")
        .is_some_and(|rest| !rest.trim_start_matches('-').is_empty() && !rest.contains('<'))
}

fn marker(word: &str) -> Option<Marker> {
    let name = word.split_once("<<")?.1;
    let (strips_tabs, name) = name.strip_prefix('-').map_or((false, name), |name| (true, name));
    let name =
        ['"', '\''].iter().find_map(|quote| name.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(name);
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    plain.then(|| Marker { name: name.to_owned(), strips_tabs })
}

/// Words as a shell sees them, quotes kept.
fn quoted_words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if quote.is_none() && character.is_whitespace() {
            words.push(String::new());
            continue;
        }
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
        if let Some(word) = words.last_mut() {
            word.push(character);
            if character == '\\' && quote != Some('\'') {
                word.extend(characters.next());
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keywords(text: &str) -> Vec<(usize, String, String)> {
        let script = read(text, Heredocs::Known).expect("a good Dockerfile");
        script.instructions.into_iter().map(|one| (one.line, one.keyword, one.rest)).collect()
    }

    #[test]
    fn continuations_are_joined_and_comments_in_them_dropped() {
        let text = "# note\nFROM a\nrun one \\  \n  # inner\n\n  two \\\n three\nCMD x\\";
        assert_eq!(
            keywords(text),
            [
                (2, "FROM".into(), "a".into()),
                (3, "RUN".into(), "one   two  three".into()),
                (8, "CMD".into(), "x".into()),
            ]
        );
    }

    #[test]
    fn the_escape_directive_is_honoured_only_at_the_top() {
        assert_eq!(keywords("# escape=`\nRUN a `\n b\\\nCMD x").len(), 2);
        assert_eq!(read("# hello\n# escape=`\nRUN a", Heredocs::Known).expect("fine").escape, '\\');
        assert_eq!(read("# escape=x\n", Heredocs::Known).unwrap_err().line, 1);
    }

    #[test]
    fn heredoc_lines_are_no_instructions() {
        let text = "RUN cat <<EOF > /x && cat <<-'E2'\nRUN not this\nEOF\n\tnor this\n\tE2\nCMD x";
        let script = read(text, Heredocs::Known).expect("fine");
        assert_eq!(script.instructions.len(), 2);
        assert_eq!(script.instructions[0].heredocs[0].body, ["RUN not this"]);
        assert_eq!(script.instructions[0].heredocs[1].terminator, "\tE2");
        assert_eq!(script.instructions[1].line, 6);
    }

    #[test]
    fn what_engines_may_read_differently_is_refused() {
        for text in [
            "RUN echo \"a <<EOF b\"\nCOPY --from=x / /\nEOF",
            "RUN echo 'a\nRUN b <<EOF'\nEOF",
            "RUN [\"a\"] <<EOF\nCOPY --from=x / /\nEOF",
            "RUN [\"a\", 1] <<EOF\nCOPY --from=x / /\nEOF",
            "RUN echo a\\\\\nRUN b",
            "RUN cat <<E\\OF\nEOF\nE\\OF",
            "RUN a\rRUN b",
            "RUN cat <<EOF\nnever ended",
        ] {
            assert!(read(text, Heredocs::Known).is_err(), "{text:?} was taken");
        }
        assert_eq!(read("FROM a\nRUN <<EOF\nEOF", Heredocs::Unknown).unwrap_err().line, 2);
    }

    #[test]
    fn shell_words_that_only_look_like_heredocs_pass() {
        for text in [
            "RUN echo $((1 << 3))",
            "RUN grep x <<< y",
            "RUN python3 -c 'print(1<<3)'",
            "RUN [\"echo\", \"<<EOF\"]",
        ] {
            let script = read(text, Heredocs::Unknown).expect(text);
            assert!(script.instructions[0].heredocs.is_empty());
        }
    }

    #[test]
    fn unknown_words_are_no_instructions() {
        assert_eq!(read("FROM a\n\nRUNN x", Heredocs::Known).unwrap_err().line, 3);
        assert!(read("// syntax=evil/frontend\nFROM a", Heredocs::Known).is_err());
    }
}
