//! Which classes and imports does a source declare? Read from its syntax tree; nothing is evaluated.

use std::collections::{HashMap, HashSet};

use ruff_python_ast::{
    ExceptHandler, Expr, Parameter as SyntaxParameter, Stmt, StmtClassDef, StmtFunctionDef,
};
use ruff_text_size::{Ranged, TextSize};

use super::{
    Class, Import, Outline, SyntaxError, docstring,
    endpoints::{self, Assigned, Scope},
    expression,
};
use crate::domain::package::{Endpoint, ExecutorClass, Function, Parameter, ParameterKind};

/// Steps from a class to its farthest base in the same source that are followed.
const MAX_INHERITANCE: usize = 16;

/// Parses a source. Only for a thread with a large stack: nesting is the author's.
pub(super) fn outline(source: &str) -> Outline {
    let source = source.strip_prefix('\u{FEFF}').unwrap_or(source);
    let lines = Lines::new(source);
    let module = match ruff_python_parser::parse_module(source) {
        Ok(parsed) => parsed.into_syntax(),
        Err(error) => {
            let (line, column) = lines.place(error.location.start());
            let why = error.error.to_string();
            let syntax_error = Some(SyntaxError { line, column, why });
            return Outline { syntax_error, parsed: true, ..Outline::default() };
        }
    };
    let mut module_names = Names::new(source, lines);
    module_names.walk(&module.body, Place::Top);
    let classes = module_names.order.iter().map(|(class, place)| module_names.class(class, *place)).collect();
    Outline { classes, imports: module_names.imports, syntax_error: None, parsed: true }
}

/// What the body of a class declares.
#[derive(Default)]
struct Body {
    endpoints: Vec<Endpoint>,
    methods: Vec<Function>,
}

/// Where a statement stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Branch,
    /// In a `try`, whose imports may fail.
    Try,
}

/// What the names of one source mean.
pub(super) struct Names<'a> {
    source: &'a str,
    lines: Lines,
    /// Names that stand for `jina.Executor`.
    executors: HashSet<&'a str>,
    /// Names that stand for `jina.requests`.
    pub(super) requests: HashSet<&'a str>,
    /// Names that something other than jina is known to have bound.
    pub(super) foreign: HashSet<&'a str>,
    /// What the module assigns to names.
    pub(super) assigned: Assigned<'a>,
    classes: HashMap<&'a str, &'a StmtClassDef>,
    /// What names that `import … as` bound are called where they come from.
    originals: HashMap<&'a str, &'a str>,
    order: Vec<(&'a StmtClassDef, Place)>,
    imports: Vec<Import>,
}

impl<'a> Names<'a> {
    fn new(source: &'a str, lines: Lines) -> Self {
        Self {
            source,
            lines,
            executors: HashSet::from(["Executor", "BaseExecutor"]),
            requests: HashSet::from(["requests"]),
            foreign: HashSet::new(),
            assigned: Assigned::new(),
            classes: HashMap::new(),
            originals: HashMap::new(),
            order: Vec::new(),
            imports: Vec::new(),
        }
    }

    fn walk(&mut self, body: &'a [Stmt], place: Place) {
        let inner = if place == Place::Try { Place::Try } else { Place::Branch };
        for statement in body {
            match statement {
                Stmt::Import(import) => {
                    for alias in &import.names {
                        let module = alias.name.as_str();
                        let bound = alias.asname.as_ref().map_or(module, |name| name.as_str());
                        self.foreign.insert(bound);
                        self.note_import(0, module, Vec::new(), place, import.range.start());
                    }
                }
                Stmt::ImportFrom(import) => {
                    let module = import.module.as_ref().map_or("", |name| name.as_str());
                    let names = import.names.iter().map(|alias| alias.name.to_string()).collect();
                    self.note_import(import.level, module, names, place, import.range.start());
                    for alias in &import.names {
                        let bound = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                        self.bind(import.level, module, alias.name.as_str(), bound);
                        self.originals.insert(bound, alias.name.as_str());
                    }
                }
                Stmt::ClassDef(class) => {
                    self.classes.insert(class.name.as_str(), class);
                    self.order.push((class, place));
                }
                Stmt::If(branch) if is_type_checking(&branch.test) => {
                    for clause in &branch.elif_else_clauses {
                        self.walk(&clause.body, inner);
                    }
                }
                Stmt::If(branch) => {
                    self.walk(&branch.body, inner);
                    for clause in &branch.elif_else_clauses {
                        self.walk(&clause.body, inner);
                    }
                }
                Stmt::Try(attempt) => {
                    self.walk(&attempt.body, Place::Try);
                    for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                        self.walk(&handler.body, Place::Try);
                    }
                    self.walk(&attempt.orelse, Place::Try);
                    self.walk(&attempt.finalbody, Place::Try);
                }
                Stmt::With(with) => self.walk(&with.body, inner),
                other => endpoints::note(&mut self.assigned, other),
            }
        }
    }

    fn note_import(&mut self, level: u32, module: &str, names: Vec<String>, place: Place, at: TextSize) {
        let line = self.lines.place(at).0;
        self.imports.push(Import {
            level,
            module: module.to_owned(),
            names,
            optional: place == Place::Try,
            line,
        });
    }

    fn bind(&mut self, level: u32, module: &str, name: &str, bound: &'a str) {
        let root = module.split('.').next().unwrap_or_default();
        // A package's own module may pass on what it took from jina, so only other libraries are foreign.
        let may_be_jina = level > 0 || root == "jina" || root.is_empty() || !KNOWN_FOREIGN.contains(&root);
        match name {
            "Executor" | "BaseExecutor" if may_be_jina => {
                self.executors.insert(bound);
            }
            "requests" if root == "jina" => {
                self.requests.insert(bound);
                self.foreign.remove(bound);
            }
            _ if root != "jina" => {
                self.foreign.insert(bound);
            }
            _ => {}
        }
    }

    /// Whether a base names an Executor: `Executor`, an alias of it, or an attribute of that name, as in
    /// `jina.Executor`.
    fn names_executor(&self, base: &Expr) -> bool {
        match unsubscripted(base) {
            Expr::Name(name) => {
                let name = name.id.as_str();
                self.executors.contains(name)
                    && !self.classes.contains_key(name)
                    && !self.is_foreign_executor(name)
            }
            Expr::Attribute(attribute) => {
                let owner = match &*attribute.value {
                    Expr::Name(owner) => owner.id.as_str(),
                    _ => "",
                };
                attribute.attr.as_str() == "Executor" && !KNOWN_FOREIGN.contains(&owner) && owner != "futures"
            }
            _ => false,
        }
    }

    fn is_foreign_executor(&self, name: &str) -> bool {
        self.imports.iter().any(|import| {
            let root = import.module.split('.').next().unwrap_or_default();
            import.level == 0
                && KNOWN_FOREIGN.contains(&root)
                && import.names.iter().any(|taken| taken == name)
        })
    }

    fn is_executor(&self, class: &StmtClassDef, steps: usize) -> bool {
        class.bases().iter().any(|base| {
            self.names_executor(base)
                || self
                    .own_base(class, base)
                    .is_some_and(|parent| steps < MAX_INHERITANCE && self.is_executor(parent, steps + 1))
        })
    }

    /// The class of this source that a base names.
    fn own_base(&self, class: &StmtClassDef, base: &Expr) -> Option<&'a StmtClassDef> {
        let Expr::Name(name) = unsubscripted(base) else { return None };
        self.classes.get(name.id.as_str()).copied().filter(|parent| !std::ptr::eq(*parent, class))
    }

    fn class(&self, class: &StmtClassDef, place: Place) -> Class {
        let init = class.body.iter().rev().find_map(|statement| match statement {
            Stmt::FunctionDef(function) if function.name.as_str() == "__init__" => {
                Some(self.function(function))
            }
            _ => None,
        });
        let bases = class.bases().iter().filter_map(|base| match unsubscripted(base) {
            Expr::Name(name) => {
                let name = name.id.as_str();
                Some((*self.originals.get(name).unwrap_or(&name)).to_owned())
            }
            _ => None,
        });
        let Body { endpoints, methods } = self.body(class);
        Class {
            executor: ExecutorClass {
                name: class.name.to_string(),
                docstring: docstring_of(&class.body),
                init,
                endpoints,
                parsed: true,
            },
            methods,
            bases: bases.collect(),
            is_executor: self.is_executor(class, 0),
            top_level: place == Place::Top,
            line: self.lines.place(class.name.range().start()).0,
        }
    }

    /// What the body of a class declares itself: by decorator, or by `name = requests(on=…)(function)`.
    fn body(&self, class: &StmtClassDef) -> Body {
        let scope = Scope::new(self, &class.body);
        let mut body = Body::default();
        for statement in &class.body {
            match statement {
                Stmt::FunctionDef(definition) => {
                    let function = self.function(definition);
                    let bound = definition.decorator_list.iter().filter_map(|decorator| {
                        let bound = scope.bound_to(&decorator.expression)?;
                        Some(Endpoint { function: function.clone(), on: bound.into_paths() })
                    });
                    let before = body.endpoints.len();
                    body.endpoints.extend(bound);
                    if body.endpoints.len() == before {
                        body.methods.push(function);
                    }
                }
                Stmt::Assign(assignment) => {
                    let [Expr::Name(name)] = assignment.targets.as_slice() else { continue };
                    let Some((bound, called)) = scope.bound_by(&assignment.value) else { continue };
                    let function = body.methods.iter().find(|method| Some(method.name.as_str()) == called);
                    let function = function.cloned().unwrap_or_default();
                    let function = Function { name: name.id.to_string(), ..function };
                    body.endpoints.push(Endpoint { function, on: bound.into_paths() });
                }
                _ => {}
            }
        }
        body
    }

    fn function(&self, function: &StmtFunctionDef) -> Function {
        let given = &function.parameters;
        let mut parameters = Vec::new();
        let mut push = |parameter: &SyntaxParameter, default: Option<&Expr>, kind| {
            parameters.push(Parameter {
                name: parameter.name.to_string(),
                kind,
                annotation: parameter.annotation.as_deref().map(|node| expression::tidy(self.text(node))),
                default: default.map(|node| self.text(node).to_owned()),
            });
        };
        for each in &given.posonlyargs {
            push(&each.parameter, each.default.as_deref(), ParameterKind::PositionalOnly);
        }
        for each in &given.args {
            push(&each.parameter, each.default.as_deref(), ParameterKind::Positional);
        }
        if let Some(each) = &given.vararg {
            push(each, None, ParameterKind::VarPositional);
        }
        for each in &given.kwonlyargs {
            push(&each.parameter, each.default.as_deref(), ParameterKind::KeywordOnly);
        }
        if let Some(each) = &given.kwarg {
            push(each, None, ParameterKind::VarKeyword);
        }
        Function {
            name: function.name.to_string(),
            parameters,
            docstring: docstring_of(&function.body),
            is_async: function.is_async,
        }
    }

    /// The source text of a node.
    pub(super) fn text(&self, node: &impl Ranged) -> &'a str {
        self.source.get(node.range().to_std_range()).unwrap_or_default()
    }
}

/// Libraries whose `Executor` is another thing altogether.
const KNOWN_FOREIGN: [&str; 4] = ["concurrent", "asyncio", "dask", "distributed"];

/// `Executor[T]` derives from `Executor`.
fn unsubscripted(base: &Expr) -> &Expr {
    match base {
        Expr::Subscript(subscript) => &subscript.value,
        other => other,
    }
}

/// Imports under `if TYPE_CHECKING:` never run.
fn is_type_checking(test: &Expr) -> bool {
    match test {
        Expr::Name(name) => name.id.as_str() == "TYPE_CHECKING",
        Expr::Attribute(attribute) => attribute.attr.as_str() == "TYPE_CHECKING",
        _ => false,
    }
}

fn docstring_of(body: &[Stmt]) -> Option<String> {
    match body.first()? {
        Stmt::Expr(statement) => match &*statement.value {
            Expr::StringLiteral(literal) => docstring::clean(literal.value.to_str()),
            _ => None,
        },
        _ => None,
    }
}

/// Where lines start, so that places can be told.
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn new(source: &str) -> Self {
        let breaks = source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// Line, and column in bytes, both from 1.
    fn place(&self, at: TextSize) -> (usize, usize) {
        let at = at.to_usize();
        let line = self.starts.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).and_then(|line| self.starts.get(line)).copied().unwrap_or(0);
        (line, at - start + 1)
    }
}
