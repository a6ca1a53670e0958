//! What does somebody look for who types words? The words of their text, and which other words they may have meant.

/// Words of one text; more than anybody types.
const MAX_WORDS: usize = 12;
/// Characters that are looked at.
const MAX_CHARACTERS: usize = 200;

/// The text of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    text: String,
    words: Vec<String>,
}

impl Query {
    /// Reads a text; `None` when it holds no word at all.
    pub fn read(text: &str) -> Option<Self> {
        let text: String = text.trim().chars().take(MAX_CHARACTERS).collect::<String>().to_lowercase();
        let words: Vec<String> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .take(MAX_WORDS)
            .map(str::to_owned)
            .collect();
        if words.is_empty() { None } else { Some(Self { text, words }) }
    }

    /// What was typed, in lower case and without blanks around it: names are compared with that.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its words, of letters and digits only, in lower case.
    pub fn words(&self) -> &[String] {
        &self.words
    }
}

/// How many slips of the finger (a letter too much, too few, another, or two exchanged) lie between two words, when there
/// are no more than `most` of them.
pub fn slips(typed: &str, meant: &str, most: usize) -> Option<usize> {
    let (typed, meant): (Vec<char>, Vec<char>) = (typed.chars().collect(), meant.chars().collect());
    if typed.len().abs_diff(meant.len()) > most {
        return None;
    }
    // Rows of the table of distances, one for each typed letter: two back, the last, and the one in the making.
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=meant.len()).collect();
    for (i, &letter) in typed.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &other) in meant.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX - 1);
            let mut fewest = cell(&last, j) + usize::from(letter != other);
            fewest = fewest.min(cell(&last, j + 1) + 1).min(cell(&row, j) + 1);
            let exchanged =
                i > 0 && j > 0 && typed.get(i - 1) == Some(&other) && meant.get(j - 1) == Some(&letter);
            if exchanged {
                fewest = fewest.min(cell(&before, j - 1) + 1);
            }
            row.push(fewest);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_letters_and_digits_in_lower_case() {
        let query = Query::read("  CLIP-Encoder (v2)!").unwrap();
        assert_eq!(
            (query.text(), query.words()),
            ("clip-encoder (v2)!", ["clip", "encoder", "v2"].map(String::from).as_slice())
        );
        assert_eq!(Query::read(" '& |:* "), None);
        assert!(Query::read(&"word ".repeat(1000)).unwrap().words().len() <= MAX_WORDS);
    }

    #[test]
    fn slips_of_the_finger_are_counted() {
        for (typed, meant, distance) in [
            ("encoder", "encoder", Some(0)),
            ("enocder", "encoder", Some(1)),
            ("encodr", "encoder", Some(1)),
            ("eencoder", "encoder", Some(1)),
            ("enkoter", "encoder", Some(2)),
            ("", "ab", Some(2)),
            ("decoder", "encoder", Some(2)),
            ("image", "encoder", None),
        ] {
            assert_eq!(slips(typed, meant, 2), distance, "{typed} {meant}");
        }
    }
}
