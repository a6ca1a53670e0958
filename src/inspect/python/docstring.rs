//! What does a docstring say once the source's indentation is gone? As Python's own `inspect.cleandoc` sees it.

/// Cleans a docstring; `None` if nothing is left.
pub(super) fn clean(text: &str) -> Option<String> {
    let expanded = expand_tabs(text);
    let mut lines: Vec<&str> = expanded.split('\n').collect();
    let indent = |line: &&str| line.len() - line.trim_start_matches(' ').len();
    let margin = lines.iter().skip(1).filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    for (at, line) in lines.iter_mut().enumerate() {
        *line = if at == 0 { line.trim_start() } else { line.get(margin..).unwrap_or_default() };
    }
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    let cleaned = lines.join("\n");
    let cleaned = cleaned.trim_start_matches('\n');
    (!cleaned.is_empty()).then(|| cleaned.to_owned())
}

/// Tabs reach to the next multiple of eight columns.
fn expand_tabs(text: &str) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut column = 0;
    for c in text.chars() {
        match c {
            '\t' => {
                let width = 8 - column % 8;
                expanded.extend(std::iter::repeat_n(' ', width));
                column += width;
            }
            '\n' | '\r' => {
                expanded.push(c);
                column = 0;
            }
            _ => {
                expanded.push(c);
                column += 1;
            }
        }
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn margin_of_later_lines_is_cut() {
        assert_eq!(clean("First.\n\n    Then\n      more\n    ").as_deref(), Some("First.\n\nThen\n  more"));
        assert_eq!(clean("\n\tTabbed\n\t\tdeeper\n").as_deref(), Some("Tabbed\n        deeper"));
        assert_eq!(clean("  \n  "), None);
    }
}
