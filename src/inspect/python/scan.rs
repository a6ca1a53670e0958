//! What can be told of a source that must not be parsed? Classes and imports that open a line; nothing about insides.

use super::{Class, Import, Outline};
use crate::domain::package::ExecutorClass;

/// Reads line by line, in linear time, on any input.
pub(in crate::inspect) fn scan(text: &str) -> Outline {
    let mut outline = Outline::default();
    for (at, line) in text.lines().enumerate() {
        let code = line.trim_start();
        if let Some(rest) = code.strip_prefix("class ") {
            outline.classes.extend(class(rest, code.len() == line.len(), at + 1));
        } else if let Some(rest) = line.strip_prefix("from ") {
            outline.imports.extend(import(rest, at + 1));
        }
    }
    outline
}

fn class(rest: &str, top_level: bool, line: usize) -> Option<Class> {
    let name = identifier(rest.trim_start());
    let after = rest.trim_start().strip_prefix(name)?;
    if name.is_empty() || !after.trim_start().starts_with(['(', ':', '[']) {
        return None;
    }
    let executor = ExecutorClass { name: name.to_owned(), ..ExecutorClass::default() };
    let bases: Vec<String> = after
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let is_executor = bases.iter().any(|base| base == "Executor");
    let methods = Vec::new();
    Some(Class { executor, methods, bases, is_executor, top_level, line })
}

fn import(rest: &str, line: usize) -> Option<Import> {
    let (from, names) = rest.split_once(" import ")?;
    let from = from.trim();
    let module = from.trim_start_matches('.');
    let names = names
        .split(',')
        .map(|name| identifier(name.trim().trim_start_matches('(')))
        .filter(|name| !name.is_empty());
    Some(Import {
        level: u32::try_from(from.len() - module.len()).ok()?,
        module: module.to_owned(),
        names: names.map(str::to_owned).collect(),
        optional: false,
        line,
    })
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::scan;

    #[test]
    fn a_class_line_is_enough() {
        let outline = scan(
            "from .sub import Mine, Other\nif 1:\n    class Mine(jina.Executor):\nclass Plain:\nclassy = 1\n",
        );
        let seen: Vec<_> =
            outline.classes.iter().map(|c| (c.executor.name.as_str(), c.is_executor, c.top_level)).collect();
        assert_eq!(seen, [("Mine", true, false), ("Plain", false, true)]);
        assert_eq!((outline.imports[0].level, outline.imports[0].module.as_str()), (1, "sub"));
        assert_eq!(outline.imports[0].names, ["Mine", "Other"]);
        assert!(!outline.parsed);
    }
}
