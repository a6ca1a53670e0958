//! How is the difference of two texts shown? Line by line, what stayed the same folded away, in bounded time and length.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

/// Lines that stay around each change.
const AROUND: usize = 3;
/// What comparing two texts may take; after that the difference is coarser, never wrong.
const TIME: Duration = Duration::from_millis(300);

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// `added`, `removed`, or nothing; also its class.
    pub(super) style: &'static str,
    /// What those hear or copy who see no colours.
    pub(super) sign: &'static str,
    /// Its number before, where it was there.
    pub(super) before: Option<usize>,
    /// Its number after, where it is there.
    pub(super) after: Option<usize>,
    /// Its text; templates escape it.
    pub(super) text: String,
}

/// The difference of two texts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// Lines that belong together, with lines left out between one group and the next.
    pub(super) groups: Vec<Vec<Line>>,
    /// Lines that were added.
    pub(super) added: usize,
    /// Lines that were removed.
    pub(super) removed: usize,
    /// Whether lines were left out at the end.
    pub(super) is_cut: bool,
}

/// What changed from `before` to `after`, in at most `most` lines. May take a third of a second.
pub(super) fn between(before: &str, after: &str, most: usize) -> Difference {
    let differ = TextDiff::configure().timeout(TIME).diff_lines(before, after);
    let mut found = Difference::default();
    let mut shown = 0;
    for group in differ.grouped_ops(AROUND) {
        let mut lines = Vec::new();
        for change in group.iter().flat_map(|op| differ.iter_changes(op)) {
            let (style, sign) = match change.tag() {
                ChangeTag::Equal => ("", " "),
                ChangeTag::Insert => ("added", "+"),
                ChangeTag::Delete => ("removed", "-"),
            };
            found.added += usize::from(style == "added");
            found.removed += usize::from(style == "removed");
            shown += 1;
            if shown > most {
                found.is_cut = true;
                continue;
            }
            let number = |at: Option<usize>| at.map(|at| at + 1);
            let text = change.value().trim_end_matches(['\n', '\r']).to_owned();
            let (before, after) = (number(change.old_index()), number(change.new_index()));
            lines.push(Line { style, sign, before, after, text });
        }
        if !lines.is_empty() {
            found.groups.push(lines);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_shown_with_their_surroundings() {
        let before: String =
            (1..=30).flat_map(|n| ["line ".to_owned(), n.to_string(), "\n".to_owned()]).collect();
        let after = before.replace("line 15\n", "fifteen\n").replace("line 28\n", "");
        let found = between(&before, &after, 1000);
        assert_eq!((found.groups.len(), found.added, found.removed, found.is_cut), (2, 1, 2, false));
        let first: Vec<String> =
            found.groups[0].iter().map(|line| format!("{}{}", line.sign, line.text)).collect();
        assert_eq!(
            first,
            [" line 12", " line 13", " line 14", "-line 15", "+fifteen", " line 16", " line 17", " line 18"]
        );
        assert_eq!((found.groups[0][3].before, found.groups[0][3].after), (Some(15), None));
        assert_eq!((found.groups[0][4].before, found.groups[0][4].after), (None, Some(15)));
        assert_eq!(between("a\n", "a\n", 10), Difference::default());
        assert!(between(&before, "", 10).is_cut);
    }

    #[test]
    fn texts_that_are_hard_to_compare_take_bounded_time() {
        let noise = |seed: u64| -> String {
            let mut state = seed;
            (0..20_000)
                .flat_map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    [(state >> 60).to_string(), "\n".to_owned()]
                })
                .collect()
        };
        let started = std::time::Instant::now();
        let found = between(&noise(1), &noise(2), 100);
        assert!(found.is_cut && started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    }
}
