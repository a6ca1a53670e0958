//! Which class does a base mean? One of the same file, or one that an import takes from another file of the package.

use std::collections::{HashMap, HashSet};

use super::{
    modules::{self, Target},
    python::{Class, Outlines},
};

/// Imports, and classes, that are followed from a class to its farthest base.
const MAX_STEPS: usize = 8;
/// Bases of one class that are looked at.
const MAX_BASES: usize = 64;

/// Classes and imported names of all outlined files.
pub(super) struct Family<'o> {
    all: Vec<(&'o str, &'o Class)>,
    /// By file and name.
    classes: HashMap<(&'o str, &'o str), &'o Class>,
    /// The file from which a file takes a name.
    taken: HashMap<(&'o str, &'o str), &'o str>,
}

impl<'o> Family<'o> {
    pub(super) fn new(outlines: &'o Outlines, has: &dyn Fn(&str) -> bool) -> Self {
        let mut family = Self { all: Vec::new(), classes: HashMap::new(), taken: HashMap::new() };
        for (path, outline) in outlines {
            for class in &outline.classes {
                family.all.push((path, class));
                family.classes.insert((path, &class.executor.name), class);
            }
            for import in outline.imports.iter().filter(|import| !import.names.is_empty()) {
                let Target::Files(files) = modules::resolve(path, import, has) else { continue };
                let file = files.first().and_then(|file| outlines.get_key_value(file));
                if let Some((file, _)) = file {
                    family.taken.extend(
                        import.names.iter().map(|name| ((path.as_str(), name.as_str()), file.as_str())),
                    );
                }
            }
        }
        family
    }

    /// Classes that derive from Executor, also through classes of other files, less those from which another of them
    /// derives: these are bases, not the Executor.
    pub(super) fn executors(&self) -> Vec<(&'o str, &'o Class)> {
        let mut found: Vec<(&str, &Class)> =
            self.all.iter().filter(|(_, class)| class.is_executor).copied().collect();
        let mut known: HashSet<*const Class> =
            found.iter().map(|(_, class)| std::ptr::from_ref(*class)).collect();
        for _ in 0..MAX_STEPS {
            let derives = |path, class| {
                self.bases(path, class).any(|(_, base)| known.contains(&std::ptr::from_ref(base)))
            };
            let is_new = |(path, class): &&(&'o str, &'o Class)| {
                !known.contains(&std::ptr::from_ref(*class)) && derives(path, class)
            };
            let more: Vec<(&str, &Class)> = self.all.iter().filter(is_new).copied().collect();
            if more.is_empty() {
                break;
            }
            known.extend(more.iter().map(|(_, class)| std::ptr::from_ref(*class)));
            found.extend(more);
        }
        let bases: HashSet<*const Class> = found
            .iter()
            .flat_map(|(path, class)| self.bases(path, class))
            .map(|(_, base)| std::ptr::from_ref(base))
            .collect();
        found.retain(|(_, class)| !bases.contains(&std::ptr::from_ref(*class)));
        found
    }

    /// A class and then its bases of the package, with their files, the nearest first.
    pub(super) fn line(&self, path: &'o str, class: &'o Class) -> Vec<(&'o str, &'o Class)> {
        let mut line = vec![(path, class)];
        let mut at = 0;
        while let Some((path, class)) = line.get(at).copied().filter(|_| at < MAX_BASES) {
            for base in self.bases(path, class) {
                if !line.iter().any(|(_, known)| std::ptr::eq(*known, base.1)) {
                    line.push(base);
                }
            }
            at += 1;
        }
        line
    }

    /// Names of bases that no outlined file defines.
    pub(super) fn unknown(&self, path: &'o str, class: &'o Class) -> impl Iterator<Item = &'o str> {
        class.bases.iter().map(String::as_str).filter(move |name| self.find(path, name).is_none())
    }

    /// Classes of the package that a class names as its bases.
    fn bases(&self, path: &'o str, class: &'o Class) -> impl Iterator<Item = (&'o str, &'o Class)> {
        class
            .bases
            .iter()
            .filter_map(move |name| self.find(path, name))
            .filter(move |(_, base)| !std::ptr::eq(*base, class))
    }

    fn find(&self, path: &'o str, name: &'o str) -> Option<(&'o str, &'o Class)> {
        let mut file = path;
        for _ in 0..MAX_STEPS {
            if let Some(class) = self.classes.get(&(file, name)) {
                return Some((file, class));
            }
            file = self.taken.get(&(file, name))?;
        }
        None
    }
}
