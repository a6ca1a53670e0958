//! What of a build's line may reach a terminal or a page? Colours where somebody wants them, and never what moves the cursor,
//! sets titles, or talks to the clipboard.

use std::borrow::Cow;

/// What is left of the escapes in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    /// Nothing: for pages, files, and programs.
    None,
    /// Colours and styles: for terminals.
    Colours,
}

/// `text` with the escapes of `keep` and no other control character but the tab.
pub fn filter(text: &str, keep: Escapes) -> Cow<'_, str> {
    if !text.chars().any(is_control) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_control) {
        let (plain, from) = rest.split_at(at);
        kept.push_str(plain);
        let length = sequence_length(from);
        let (sequence, after) = from.split_at(length);
        if keep == Escapes::Colours && is_colour(sequence) {
            kept.push_str(sequence);
        }
        rest = after;
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

fn is_control(c: char) -> bool {
    c.is_control() && c != '\t'
}

/// `ESC [ numbers m`, and nothing longer than any terminal has a use for.
fn is_colour(sequence: &str) -> bool {
    sequence.strip_prefix("\u{1b}[").and_then(|rest| rest.strip_suffix('m')).is_some_and(|codes| {
        codes.len() <= 32 && codes.bytes().all(|b| b.is_ascii_digit() || matches!(b, b';' | b':'))
    })
}

/// Bytes of the control sequence that `text` begins with (ECMA-48). One that does not end takes the rest with it.
fn sequence_length(text: &str) -> usize {
    let mut chars = text.char_indices();
    let first = chars.next().map(|(_, c)| c);
    let introducer = match first {
        Some('\u{1b}') => chars.next(),
        // The same in one character.
        Some('\u{9b}') => return control_sequence(text, chars),
        Some('\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}') => return control_string(text, chars),
        Some(c) => return c.len_utf8(),
        None => return 0,
    };
    match introducer {
        Some((_, '[')) => control_sequence(text, chars),
        Some((_, ']' | 'P' | 'X' | '^' | '_')) => control_string(text, chars),
        // Intermediates, then one final character.
        Some((_, ' '..='/')) => {
            chars.find(|(_, c)| !matches!(c, ' '..='/')).map_or(text.len(), |(at, c)| at + c.len_utf8())
        }
        Some((at, c @ '0'..='~')) => at + c.len_utf8(),
        Some((at, _)) => at,
        None => text.len(),
    }
}

fn control_sequence(text: &str, mut chars: std::str::CharIndices<'_>) -> usize {
    match chars.find(|(_, c)| !matches!(c, ' '..='?')) {
        Some((at, c @ '@'..='~')) => at + c.len_utf8(),
        // Broken off by something else, which is looked at by itself.
        Some((at, _)) => at,
        None => text.len(),
    }
}

fn control_string(text: &str, chars: std::str::CharIndices<'_>) -> usize {
    let mut was_escape = false;
    for (at, c) in chars {
        match c {
            '\u{7}' | '\u{9c}' => return at + c.len_utf8(),
            '\\' if was_escape => return at + 1,
            _ => was_escape = c == '\u{1b}',
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_stay_for_terminals_and_go_elsewhere() {
        let line = "\u{1b}[31;1mERROR\u{1b}[0m: no\tmatch";
        assert_eq!(filter(line, Escapes::Colours), line);
        assert_eq!(filter(line, Escapes::None), "ERROR: no\tmatch");
        assert!(matches!(filter("plain ö", Escapes::None), Cow::Borrowed("plain ö")));
    }

    #[test]
    fn nothing_else_reaches_a_terminal() {
        let hostile = [
            "\u{1b}]0;title\u{7}",
            "\u{1b}]52;c;cm0gLXJm\u{1b}\\",
            "\u{1b}[2J",
            "\u{1b}[10;10H",
            "\u{1b}[?1049h",
            "\u{1b}P+q544e\u{1b}\\",
            "\u{1b}c",
            "\u{1b}(0",
            "\u{1b}#8",
            "\u{9b}2J",
            "\u{9d}0;x\u{9c}",
            "\u{8}\u{8}\r\u{7f}\u{0}",
            "\u{1b}[38;5;1",
            "\u{1b}]never ends",
            "\u{1b}",
            "\u{1b}\u{1b}[2J",
        ];
        for text in hostile {
            for keep in [Escapes::None, Escapes::Colours] {
                let shown = filter(text, keep).into_owned();
                assert!(!shown.chars().any(char::is_control), "{text:?} became {shown:?}");
            }
        }
        assert_eq!(filter("a\u{1b}[2Jb\u{1b}[32mc", Escapes::Colours), "ab\u{1b}[32mc");
        assert_eq!(filter("a\u{1b}[3\u{1b}[1mb", Escapes::Colours), "a\u{1b}[1mb", "one breaks off another");
    }
}
