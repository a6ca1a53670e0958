//! Does a path match a pattern? `*` and `?` stay inside one folder, `**` crosses folders; time grows only with
//! the product of both lengths, whatever the pattern.

/// A pattern in the spelling of `.dockerignore`: `*`, `?`, `[a-z]`, `[^a-z]`, `**`, and `\` before a plain character.
#[derive(Debug, Clone)]
pub struct Glob {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone)]
enum Token {
    Literal(char),
    /// `?`: one character of a name.
    One,
    /// `*`: any characters of a name.
    Star,
    /// `**`: any characters, folders included.
    Deep,
    /// `**/`: nothing, or any folders with their last slash.
    DeepFolder,
    /// `[…]`: one character out of ranges, or none of them.
    Class {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
}

impl Glob {
    /// Reads a pattern; `None` when a bracket or a backslash is left open.
    pub fn new(pattern: &str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut rest = pattern.chars().peekable();
        while let Some(character) = rest.next() {
            tokens.push(match character {
                '?' => Token::One,
                '\\' => Token::Literal(rest.next()?),
                '[' => read_class(&mut rest)?,
                '*' if rest.next_if_eq(&'*').is_some() => {
                    while rest.next_if_eq(&'*').is_some() {}
                    if rest.next_if_eq(&'/').is_some() { Token::DeepFolder } else { Token::Deep }
                }
                '*' => Token::Star,
                other => Token::Literal(other),
            });
        }
        Some(Self { tokens })
    }

    /// Whether the whole of `path` matches.
    pub fn matches(&self, path: &str) -> bool {
        let mut now = vec![false; self.tokens.len() + 1];
        self.enter(0, &mut now);
        for character in path.chars() {
            let mut next = vec![false; self.tokens.len() + 1];
            for (at, token) in self.tokens.iter().enumerate().filter(|(at, _)| now.get(*at) == Some(&true)) {
                match token {
                    Token::Star if character != '/' => self.enter(at, &mut next),
                    Token::Deep => self.enter(at, &mut next),
                    Token::DeepFolder => {
                        // Inside the folders the token can only be left at a slash.
                        set(at, &mut next);
                        if character == '/' {
                            self.enter(at + 1, &mut next);
                        }
                    }
                    token if token.takes(character) => self.enter(at + 1, &mut next),
                    _ => {}
                }
            }
            if !next.contains(&true) {
                return false;
            }
            now = next;
        }
        now.last() == Some(&true)
    }

    /// Marks `at`, and what can be reached from there without a character.
    fn enter(&self, at: usize, states: &mut [bool]) {
        let mut at = at;
        loop {
            set(at, states);
            match self.tokens.get(at) {
                Some(Token::Star | Token::Deep | Token::DeepFolder) => at += 1,
                _ => return,
            }
        }
    }
}

impl Token {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Literal(own) => *own == character,
            Self::One => character != '/',
            Self::Class { ranges, negated } => {
                character != '/'
                    && ranges.iter().any(|(low, high)| (low..=high).contains(&&character)) != *negated
            }
            Self::Star | Self::Deep | Self::DeepFolder => false,
        }
    }
}

fn set(at: usize, states: &mut [bool]) {
    if let Some(state) = states.get_mut(at) {
        *state = true;
    }
}

fn read_class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let negated = rest.next_if(|character| matches!(character, '^' | '!')).is_some();
    let mut ranges = Vec::new();
    loop {
        let low = match rest.next()? {
            ']' if !ranges.is_empty() => return Some(Token::Class { ranges, negated }),
            '\\' => rest.next()?,
            other => other,
        };
        let high = if rest.next_if_eq(&'-').is_some() {
            match rest.next()? {
                '\\' => rest.next()?,
                other => other,
            }
        } else {
            low
        };
        ranges.push((low, high));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Glob::new(pattern).is_some_and(|glob| glob.matches(path))
    }

    #[test]
    fn stars_stay_inside_a_folder_and_double_stars_do_not() {
        assert!(matches("*.py", "executor.py"));
        assert!(!matches("*.py", "src/executor.py"));
        assert!(matches("**/*.py", "executor.py"));
        assert!(matches("**/*.py", "a/b/executor.py"));
        assert!(!matches("**/b", "ab"));
        assert!(matches("a/**", "a/b/c"));
        assert!(matches("a/**/c", "a/c"));
        assert!(matches("a?c", "abc"));
        assert!(!matches("a?c", "a/c"));
    }

    #[test]
    fn classes_and_escapes_are_read() {
        assert!(matches("[a-c]x", "bx"));
        assert!(!matches("[^a-c]x", "bx"));
        assert!(matches(r"\*", "*"));
        assert!(!matches(r"\*", "a"));
        assert!(Glob::new("[a").is_none());
        assert!(Glob::new("a\\").is_none());
    }

    #[test]
    fn a_pattern_of_many_stars_ends_soon() {
        assert!(!matches(&"*a".repeat(100), &"a".repeat(99)));
        assert!(!matches(&"**/a".repeat(100), &"/".repeat(1000)));
    }
}
