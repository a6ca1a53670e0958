//! How is an annotation shown? As its source text without the blanks, breaks and comments that only lay it out.

/// Takes layout out of an expression's source: blanks go, except one between two words and one after each comma.
/// Text in quotes stays as it is.
pub(super) fn tidy(source: &str) -> String {
    let mut tidy = String::with_capacity(source.len());
    let mut gap = false;
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        if c == '#' {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
            gap = true;
            continue;
        }
        if c.is_whitespace()
            || (c == '\\' && rest.get(1..).is_some_and(|after| after.starts_with(['\n', '\r'])))
        {
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            gap = true;
            continue;
        }
        if gap && is_word(c) && tidy.ends_with(is_word) {
            tidy.push(' ');
        }
        gap = false;
        let length = if c == '"' || c == '\'' { quoted(rest) } else { c.len_utf8() };
        let (taken, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        tidy.push_str(taken);
        rest = after;
        if c == ',' && !after.trim_start().is_empty() && !after.trim_start().starts_with([']', ')', '}']) {
            tidy.push(' ');
        }
    }
    tidy
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '"' || c == '\''
}

/// Bytes of the string literal that `rest` starts with, both quotes included.
fn quoted(rest: &str) -> usize {
    let Some(quote) = rest.get(..1) else { return rest.len() };
    let triple = quote.repeat(3);
    let mark = if rest.starts_with(&triple) { triple.as_str() } else { quote };
    let mut at = mark.len();
    while let Some(after) = rest.get(at..).filter(|after| !after.is_empty()) {
        if after.starts_with(mark) {
            return at + mark.len();
        }
        let mut chars = after.chars();
        let step = match chars.next() {
            Some('\\') => 1 + chars.next().map_or(0, char::len_utf8),
            Some(c) => c.len_utf8(),
            None => 0,
        };
        at += step.max(1);
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::tidy;

    #[test]
    fn only_layout_goes() {
        assert_eq!(tidy("Dict[ str,\n  # why\n  'a  b' ]"), "Dict[str, 'a  b']");
        assert_eq!(tidy("int  |  None"), "int|None");
        assert_eq!(tidy("A if  B else C"), "A if B else C");
        assert_eq!(tidy("Tuple[int,]"), "Tuple[int,]");
        assert_eq!(tidy("'unclosed \\"), "'unclosed \\");
    }
}
