//! Which class is the Executor? PROTOCOL.md L, rules 1 to 4: `config.yml` names class and files, or all files at the top
//! and in `executor/` are searched; exactly one class must result.

use std::collections::BTreeSet;

use super::{
    InspectError,
    bases::Family,
    config_yml::{Binding, Given},
    folder::Folder,
    modules::{self, Target},
    python::{self, Class, Outline, Outlines, PythonParser, Sources},
    refusal::{Refusal, RefusalClass, quoted},
    serving,
};
use crate::domain::{
    limits::PackageLimits,
    package::{ExecutorClass, ParameterKind},
};

/// Sources that are searched at most, and so the depth of their import graph.
const MAX_SOURCES: usize = 500;
/// Bytes of source that one child process is asked to parse.
const MAX_SOURCE_BYTES: usize = 8 << 20;
/// Imports that are followed from a file of `py_modules` to the class.
const MAX_STEPS: usize = 8;

/// The class and where it is.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) executor: ExecutorClass,
    pub(super) filepath: String,
    /// What a generated `config.yml` must load, in order.
    pub(super) py_modules: Vec<String>,
    pub(super) notices: Vec<String>,
}

/// Finds the one Executor of the package.
pub(super) fn find(
    folder: &mut Folder<'_>,
    given: Option<&Given>,
    limits: &PackageLimits,
    parser: &PythonParser,
) -> Result<Found, InspectError> {
    let mut search = Search { folder, limits, parser: Some(parser), outlines: Outlines::new() };
    let mut found = match given {
        Some(given) => search.named(given),
        None => search.anywhere(),
    }?;
    search.complete(&mut found, given.map_or(&[], |given| &given.requests));
    Ok(found)
}

struct Search<'f, 'a> {
    folder: &'f mut Folder<'a>,
    limits: &'f PackageLimits,
    /// Gone once it has failed: a package may cost its time limit once, not once for each import that is followed.
    parser: Option<&'f PythonParser>,
    outlines: Outlines,
}

impl Search<'_, '_> {
    /// Rule 1: the class has a name; it is in `py_modules`, or in a file from which they import it.
    fn named(&mut self, given: &Given) -> Result<Found, InspectError> {
        let mut wanted = BTreeSet::new();
        for module in &given.py_modules {
            let path = module.strip_prefix("./").unwrap_or(module);
            if !self.folder.has(path) {
                return Err(Refusal::other(
                    "py_module_missing",
                    format!(
                        "config.yml names {} under 'py_modules', but the package does not hold it.",
                        quoted(module)
                    ),
                    "Correct the path; it is relative to config.yml.",
                )
                .into());
            }
            wanted.insert(path.to_owned());
        }
        for _ in 0..MAX_STEPS {
            if wanted.is_empty() {
                break;
            }
            self.outline(&wanted)?;
            wanted = self.importing(&given.jtype, &wanted);
        }
        let matching: Vec<(&str, &Class)> =
            self.classes().filter(|(_, class)| class.executor.name == given.jtype).collect();
        let remedy = if given.py_modules.is_empty() {
            "Add `py_modules:` with the file that defines it to config.yml."
        } else {
            "Check that `jtype` is spelt as the class is, and that `py_modules` names its file."
        };
        let shown = quoted(&given.jtype);
        Self::single(&matching, &format!("No class {shown} was found where config.yml says."), remedy)
    }

    /// Rule 2: every class that derives from Executor, in files at the top and in `executor/`. A class from which
    /// another one of them derives is a base, not the Executor.
    fn anywhere(&mut self) -> Result<Found, InspectError> {
        let wanted: BTreeSet<String> =
            self.folder.paths().filter(|path| is_searched(path)).map(str::to_owned).collect();
        self.outline(&wanted)?;
        let has = |path: &str| self.folder.has(path);
        let matching = Family::new(&self.outlines, &has).executors();
        let mut found = Self::single(
            &matching,
            "No class deriving from Executor was found at the top of the package or in its folder 'executor'.",
            "Add `class MyExecutor(Executor)` to a Python file there, or write a config.yml that names class and file.",
        )?;
        found.py_modules = self.load_order(&found.filepath)?;
        // The config.yml that is written names only the class, so the files that it loads must hold no other of that name.
        let (name, filepath) = (&found.executor.name, &found.filepath);
        let is_loaded = |path: &str| path == filepath || found.py_modules.iter().any(|module| module == path);
        let namesakes: Vec<(&str, &Class)> =
            self.classes().filter(|(path, class)| class.executor.name == *name && is_loaded(path)).collect();
        Ok(Found { py_modules: found.py_modules, ..Self::single(&namesakes, "", "")? })
    }

    /// Rule 4. A package's `__init__.py` that leads to the class is loaded in its stead, since only then do relative
    /// imports work.
    fn load_order(&self, filepath: &str) -> Result<Vec<String>, Refusal> {
        const PACKAGE: &str = "executor/__init__.py";
        let has = |path: &str| self.folder.has(path);
        let order = modules::load_order(filepath, &self.outlines, &has)?;
        if filepath.starts_with("executor/") && filepath != PACKAGE && self.outlines.contains_key(PACKAGE) {
            let whole = modules::load_order(PACKAGE, &self.outlines, &has)?;
            if whole.iter().any(|step| step == filepath) {
                return Ok(vec![PACKAGE.to_owned()]);
            }
        }
        Ok(order)
    }

    fn classes(&self) -> impl Iterator<Item = (&str, &Class)> {
        self.outlines
            .iter()
            .flat_map(|(path, outline)| outline.classes.iter().map(move |class| (path.as_str(), class)))
    }

    /// Rule 3: exactly one class, and one that can be constructed.
    fn single(matching: &[(&str, &Class)], none: &str, remedy: &str) -> Result<Found, InspectError> {
        let (path, class) = match matching {
            [] => {
                return Err(
                    Refusal::new(RefusalClass::ExecutorNotFound, "executor_not_found", none, remedy).into()
                );
            }
            [one] => *one,
            several => only_definition(several).ok_or_else(|| too_many(several))?,
        };
        let executor = class.executor.clone();
        if executor.parsed
            && let Some(init) = &executor.init
            && !init.parameters.iter().any(|each| takes_self(each.kind) && each.default.is_none())
        {
            return Err(Refusal::new(
                RefusalClass::IllegalExecutor,
                "init_without_self",
                format!(
                    "{path}, line {}: `__init__` of {} has no parameter for itself.",
                    class.line, executor.name
                ),
                "Write `def __init__(self, …, **kwargs)`.",
            )
            .into());
        }
        let mut notices = Vec::new();
        if !executor.parsed {
            notices.push(format!(
                "{path} could not be read in full, so arguments and endpoints of {} are not shown.",
                executor.name
            ));
        }
        Ok(Found { executor, filepath: path.to_owned(), py_modules: Vec::new(), notices })
    }

    /// Files from which one of `importers` takes the name `jtype` and that were not yet read.
    fn importing(&self, jtype: &str, importers: &BTreeSet<String>) -> BTreeSet<String> {
        let has = |path: &str| self.folder.has(path);
        let mut found = BTreeSet::new();
        for importer in importers {
            let imports = self.outlines.get(importer).into_iter().flat_map(|outline| &outline.imports);
            for import in imports.filter(|import| import.names.iter().any(|name| name == jtype)) {
                if let Target::Files(files) = modules::resolve(importer, import, &has) {
                    found.extend(files.into_iter().filter(|file| !self.outlines.contains_key(file)));
                }
            }
        }
        found
    }

    /// Adds the endpoints that the class inherits or that `bindings` give it. Bases may lie in files that nobody searches:
    /// these are read, but are no reason for a refusal.
    fn complete(&mut self, found: &mut Found, bindings: &[Binding]) {
        let Found { filepath, executor, .. } = &*found;
        let is_found = |class: &&Class| class.executor == *executor;
        for _ in 0..MAX_STEPS {
            let has = |path: &str| self.folder.has(path);
            let Some(class) = self.outlines.get(filepath).and_then(|file| file.classes.iter().find(is_found))
            else {
                return;
            };
            let family = Family::new(&self.outlines, &has);
            let line = family.line(filepath, class);
            let mut wanted = BTreeSet::new();
            for (path, class) in &line {
                let importer = BTreeSet::from([(*path).to_owned()]);
                family.unknown(path, class).for_each(|base| wanted.extend(self.importing(base, &importer)));
            }
            if wanted.is_empty() {
                let line: Vec<&Class> = line.into_iter().map(|(_, class)| class).collect();
                let mut served = serving::inherited(&line);
                found.notices.extend(serving::bind(&mut served, &line, bindings));
                found.executor.endpoints = served;
                return;
            }
            match self.read(&wanted) {
                Ok(more) => self.outlines.extend(more),
                Err(_) => self.outlines.extend(wanted.into_iter().map(|path| (path, Outline::default()))),
            }
        }
    }

    /// Reads and outlines files that are searched; a syntax error refuses the package (rule 7).
    fn outline(&mut self, paths: &BTreeSet<String>) -> Result<(), InspectError> {
        let outlines = self.read(paths)?;
        for (path, outline) in &outlines {
            if let Some(error) = &outline.syntax_error {
                return Err(Refusal::other(
                    "python_syntax",
                    format!("{path}, line {}, column {}: {}.", error.line, error.column, error.why),
                    "Correct the Python there.",
                )
                .into());
            }
        }
        self.outlines.extend(outlines);
        Ok(())
    }

    /// Outlines files. Very large ones are only scanned.
    fn read(&mut self, paths: &BTreeSet<String>) -> Result<Outlines, InspectError> {
        if paths.len() > MAX_SOURCES {
            return Err(Refusal::too_large(
                "python_too_many_files",
                format!("{} Python files would have to be searched; at most {MAX_SOURCES} are.", paths.len()),
            )
            .into());
        }
        let (mut sources, mut scanned) = (Sources::new(), Outlines::new());
        let mut bytes = 0;
        for path in paths {
            let whole = self.folder.fits(path, self.limits.source_bytes);
            let Some(source) = self.folder.prefix(path, self.limits.source_bytes)? else { continue };
            bytes += source.len();
            if whole && bytes <= MAX_SOURCE_BYTES && self.parser.is_some() {
                sources.insert(path.clone(), decode(path, source)?);
            } else {
                scanned.insert(path.clone(), python::scan(&String::from_utf8_lossy(&source)));
            }
        }
        let Some(parser) = self.parser.filter(|_| !sources.is_empty()) else { return Ok(scanned) };
        let mut outlines = parser.outlines(sources);
        if outlines.values().any(|outline| !outline.parsed) {
            self.parser = None;
        }
        outlines.extend(scanned);
        Ok(outlines)
    }
}

fn is_searched(path: &str) -> bool {
    let inside = path.strip_prefix("executor/").unwrap_or(path);
    !inside.contains('/') && inside.strip_suffix(".py").is_some_and(|stem| !stem.is_empty())
}

fn takes_self(kind: ParameterKind) -> bool {
    matches!(kind, ParameterKind::PositionalOnly | ParameterKind::Positional | ParameterKind::VarPositional)
}

/// One class that is defined in several branches of one file is still one; otherwise `None`.
fn only_definition<'s>(several: &[(&'s str, &'s Class)]) -> Option<(&'s str, &'s Class)> {
    let (path, first) = *several.first()?;
    let same =
        several.iter().all(|(other, class)| *other == path && class.executor.name == first.executor.name);
    let mut top = several.iter().filter(|(_, class)| class.top_level);
    let chosen = top.next().copied().unwrap_or((path, first));
    (same && top.next().is_none()).then_some(chosen)
}

fn too_many(several: &[(&str, &Class)]) -> Refusal {
    let places: Vec<String> = several
        .iter()
        .take(4)
        .map(|(path, class)| format!("{} ({path}, line {})", class.executor.name, class.line))
        .collect();
    Refusal::new(
        RefusalClass::SeveralExecutors,
        "executors_several",
        format!("The package holds more than one Executor: {}.", places.join(", ")),
        "Keep one, or write a config.yml whose `jtype` and `py_modules` lead to exactly one.",
    )
}

/// A source's text. Python takes UTF-8, or what a comment in the first two lines declares (PEP 263); of those, the
/// Hub knows the Latin ones.
fn decode(path: &str, source: Vec<u8>) -> Result<String, Refusal> {
    String::from_utf8(source).or_else(|error| {
        let source = error.into_bytes();
        let head: Vec<u8> =
            source.split(|byte| *byte == b'\n').take(2).flatten().map(u8::to_ascii_lowercase).collect();
        let head = String::from_utf8_lossy(&head);
        let declared =
            head.split_once("coding").map(|(_, rest)| rest.trim_start_matches([':', '=', ' ', '\t']));
        let latin = ["latin-1", "latin1", "iso-8859-1", "cp1252", "windows-1252", "l1"];
        if declared.is_some_and(|name| latin.iter().any(|known| name.starts_with(known))) {
            return Ok(source.iter().map(|byte| char::from(*byte)).collect());
        }
        Err(Refusal::other("python_encoding", format!("{path} is not UTF-8."), "Save the file as UTF-8."))
    })
}
