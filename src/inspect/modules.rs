//! Which file does an import mean, and in which order must the package's modules be loaded?

use std::collections::BTreeMap;

use super::{
    python::{Import, Outlines},
    refusal::{Refusal, RefusalClass, quoted},
};

/// What an import leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Files of the package.
    Files(Vec<String>),
    /// Something in the package that needs no file of its own, or another library.
    Elsewhere,
    /// A relative import of what the package does not hold.
    Missing,
}

/// Finds the files of the package that `import`, written in `importer`, means.
pub(super) fn resolve(importer: &str, import: &Import, has: &dyn Fn(&str) -> bool) -> Target {
    let folder = importer.rsplit_once('/').map_or("", |(folder, _)| folder);
    if import.level == 0 {
        // Scripts see the package's root first; old clients also load files beside the importer by their bare name.
        let found = [String::new(), folder.to_owned()]
            .iter()
            .find_map(|base| module_file(&joined(base, &import.module), has));
        return found.map_or(Target::Elsewhere, |file| Target::Files(vec![file]));
    }
    let mut base = folder;
    for _ in 1..import.level {
        if base.is_empty() {
            return Target::Missing;
        }
        base = base.rsplit_once('/').map_or("", |(above, _)| above);
    }
    if !import.module.is_empty() {
        let file = module_file(&joined(base, &import.module), has);
        return file.map_or(Target::Missing, |file| Target::Files(vec![file]));
    }
    let files: Vec<String> =
        import.names.iter().filter_map(|name| module_file(&joined(base, name), has)).collect();
    let package = joined(base, "__init__.py");
    match (files.is_empty(), has(&package)) {
        (false, _) => Target::Files(files),
        (true, true) if package == importer => Target::Elsewhere,
        (true, true) => Target::Files(vec![package]),
        (true, false) => Target::Missing,
    }
}

/// The file of a module written with dots: a source, or a package's `__init__.py`.
fn module_file(module: &str, has: &dyn Fn(&str) -> bool) -> Option<String> {
    let path = module.replace('.', "/");
    [format!("{path}.py"), format!("{path}/__init__.py")].into_iter().find(|file| has(file))
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Puts `first` and the sources that it needs into the order in which they can be loaded, `first` last. Sources
/// outside `outlines` load by themselves. Recursion is as deep as there are outlines; their number is bounded.
pub(super) fn load_order(
    first: &str,
    outlines: &Outlines,
    has: &dyn Fn(&str) -> bool,
) -> Result<Vec<String>, Refusal> {
    let mut walk = Walk { outlines, has, states: BTreeMap::new(), path: Vec::new(), order: Vec::new() };
    walk.visit(first)?;
    Ok(walk.order)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Done,
}

struct Walk<'a> {
    outlines: &'a Outlines,
    has: &'a dyn Fn(&str) -> bool,
    states: BTreeMap<String, State>,
    path: Vec<String>,
    order: Vec<String>,
}

impl Walk<'_> {
    fn visit(&mut self, file: &str) -> Result<(), Refusal> {
        let Some(outline) = self.outlines.get(file) else { return Ok(()) };
        match self.states.get(file) {
            Some(State::Done) => return Ok(()),
            Some(State::Open) => return Err(self.cycle(file)),
            None => {}
        }
        self.states.insert(file.to_owned(), State::Open);
        self.path.push(file.to_owned());
        for import in &outline.imports {
            match resolve(file, import, self.has) {
                Target::Files(files) => {
                    for next in files.iter().filter(|next| next.as_str() != file) {
                        self.visit(next)?;
                    }
                }
                Target::Missing if !import.optional => return Err(missing(file, import)),
                Target::Missing | Target::Elsewhere => {}
            }
        }
        self.path.pop();
        self.states.insert(file.to_owned(), State::Done);
        self.order.push(file.to_owned());
        Ok(())
    }

    fn cycle(&self, file: &str) -> Refusal {
        let start = self.path.iter().position(|step| step == file).unwrap_or(0);
        let mut steps: Vec<&str> = self.path.iter().skip(start).take(8).map(String::as_str).collect();
        steps.push(file);
        Refusal::new(
            RefusalClass::BrokenDependency,
            "import_cycle",
            format!("These files import each other in a circle: {}.", steps.join(" → ")),
            "Move what they share into a file of its own, or write a `config.yml` with `py_modules`.",
        )
    }
}

fn missing(file: &str, import: &Import) -> Refusal {
    let dots = ".".repeat(import.level.min(16) as usize);
    let names = if import.module.is_empty() { import.names.join(", ") } else { import.module.clone() };
    Refusal::new(
        RefusalClass::BrokenDependency,
        "import_missing",
        format!(
            "{file}, line {}: the package does not hold {}.",
            import.line,
            quoted(&format!("{dots}{names}"))
        ),
        "Add that file to the folder, and check that `.gitignore` does not leave it out.",
    )
}
