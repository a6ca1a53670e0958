//! How is a line of a terminal shown on a page? Its colours as classes, its text as text; whatever else a terminal would obey is
//! left out, and so is what turns the direction of writing: a log must not look like what it is not.

/// A stretch of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Classes of `assets/hub.css`: words of our own, never of the line's.
    pub(super) style: String,
    /// Text; templates escape it.
    pub(super) text: String,
}

/// The line in pieces.
pub(super) fn pieces(line: &str) -> Vec<Piece> {
    let mut found: Vec<Piece> = Vec::new();
    let mut style = Style::default();
    let mut text = String::new();
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            if is_shown(c) {
                text.push(c);
            }
            continue;
        }
        match rest.next() {
            Some('[') => {
                let (parameters, last) = control_sequence(&mut rest);
                if last == Some('m') && !parameters.starts_with(['?', '<', '=', '>']) {
                    push(&mut found, &style, &mut text);
                    style.obey(&parameters);
                }
            }
            // Texts for the terminal itself, such as a title or a link: up to BEL or ESC \.
            Some(']' | 'P' | 'X' | '^' | '_') => {
                while let Some(c) = rest.next_if(|c| *c != '\u{1b}') {
                    if c == '\u{7}' {
                        break;
                    }
                }
            }
            // ESC \ and other short orders, some with letters between.
            Some(' '..='/') => {
                while rest.next_if(|c| matches!(c, ' '..='/')).is_some() {}
                let _ = rest.next_if(|c| matches!(c, '0'..='~'));
            }
            _ => {}
        }
    }
    push(&mut found, &style, &mut text);
    found
}

/// The line without anything that a terminal would obey.
pub(super) fn plain(line: &str) -> String {
    pieces(line).into_iter().map(|piece| piece.text).collect()
}

fn push(found: &mut Vec<Piece>, style: &Style, text: &mut String) {
    if !text.is_empty() {
        found.push(Piece { style: style.classes(), text: std::mem::take(text) });
    }
}

fn is_shown(c: char) -> bool {
    let turns_around =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c == '\t' || !(c.is_control() || turns_around)
}

/// Parameters and last letter of a control sequence whose beginning was read.
fn control_sequence(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> (String, Option<char>) {
    let mut parameters = String::new();
    while let Some(c) = rest.next_if(|c| matches!(c, ' '..='?')) {
        parameters.push(c);
    }
    (parameters, rest.next_if(|c| matches!(c, '@'..='~')))
}

#[derive(Debug, Default)]
struct Style {
    marks: Vec<&'static str>,
    colour: Option<u8>,
}

impl Style {
    fn mark(&mut self, class: &'static str) {
        self.unmark(class);
        self.marks.push(class);
    }

    fn unmark(&mut self, class: &str) {
        self.marks.retain(|mark| *mark != class);
    }

    fn obey(&mut self, parameters: &str) {
        let mut codes = parameters.split([';', ':']).map(|code| code.trim().parse::<u16>().unwrap_or(0));
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Self::default(),
                1 => self.mark("b"),
                2 => self.mark("d"),
                3 => self.mark("i"),
                4 => self.mark("u"),
                22 => {
                    self.unmark("b");
                    self.unmark("d");
                }
                23 => self.unmark("i"),
                24 => self.unmark("u"),
                30..=37 => self.colour = u8::try_from(code - 30).ok(),
                90..=97 => self.colour = u8::try_from(code - 82).ok(),
                39 => self.colour = None,
                // Of 256 colours the first sixteen are these; of the millions, none.
                38 | 48 => {
                    let colour = if codes.next() == Some(2) {
                        let _ = codes.by_ref().nth(2);
                        None
                    } else {
                        codes
                            .next()
                            .and_then(|colour| u8::try_from(colour).ok())
                            .filter(|colour| *colour < 16)
                    };
                    if code == 38 {
                        self.colour = colour;
                    }
                }
                _ => {}
            }
        }
    }

    fn classes(&self) -> String {
        let mut classes: Vec<String> = self.marks.iter().map(|mark| (*mark).to_owned()).collect();
        classes.extend(self.colour.map(|colour| format!("c{colour}")));
        classes.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> Vec<(String, String)> {
        pieces(line).into_iter().map(|piece| (piece.style, piece.text)).collect()
    }

    #[test]
    fn colours_become_classes() {
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(style, text)| ((*style).to_owned(), (*text).to_owned())).collect()
        };
        assert_eq!(shown("a\x1b[1;31mb\x1b[0mc"), own(&[("", "a"), ("b c1", "b"), ("", "c")]));
        assert_eq!(shown("\x1b[38;5;9mx\x1b[39my"), own(&[("c9", "x"), ("", "y")]));
        assert_eq!(shown("\x1b[38;2;1;2;3;4mx"), own(&[("u", "x")]));
        assert_eq!(shown("\x1b[mx"), own(&[("", "x")]));
    }

    #[test]
    fn nothing_else_that_a_terminal_obeys_is_left() {
        for (line, text) in [
            ("\x1b]0;title\x07after", "after"),
            ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
            ("\x1b[2J\x1b[1;1Hx", "x"),
            ("\x1b[?25lx", "x"),
            ("\x1b(Bx", "x"),
            ("a\x08\x07\rb\tc", "ab\tc"),
            ("\u{202e}gpj.exe", "gpj.exe"),
            ("\u{9b}31mx", "31mx"),
            ("\x1b", ""),
            ("\x1b[", ""),
            ("\x1b[31", ""),
            ("<b>&", "<b>&"),
        ] {
            assert_eq!(plain(line), text, "{line:?}");
            assert!(!plain(line).chars().any(|c| c.is_control() && c != '\t'));
        }
    }
}
