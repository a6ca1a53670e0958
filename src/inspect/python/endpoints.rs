//! Which request paths does a decorator bind? Every spelling of `@requests` that jina takes.

use std::collections::HashMap;

use ruff_python_ast::{Expr, ExprCall, Stmt};

use super::outline::Names;

/// What `@requests` binds a method to.
pub(super) enum Bound {
    /// `@requests` and `@requests()`: every path that no other method serves.
    EveryFreePath,
    /// The paths of `on=`.
    Paths(Vec<String>),
}

impl Bound {
    /// As the package's description has it.
    pub(super) fn into_paths(self) -> Option<Vec<String>> {
        match self {
            Self::EveryFreePath => None,
            Self::Paths(paths) => Some(paths),
        }
    }
}

/// Values by the names that they are assigned to; `None` for a name that is assigned more than once.
pub(super) type Assigned<'a> = HashMap<&'a str, Option<&'a Expr>>;

/// Notes what a statement assigns to one plain name.
pub(super) fn note<'a>(assigned: &mut Assigned<'a>, statement: &'a Stmt) {
    let (target, value) = match statement {
        Stmt::Assign(assignment) => match assignment.targets.as_slice() {
            [target] => (target, &*assignment.value),
            _ => return,
        },
        Stmt::AnnAssign(assignment) => match &assignment.value {
            Some(value) => (&*assignment.target, &**value),
            None => return,
        },
        _ => return,
    };
    if let Expr::Name(name) = target {
        assigned.entry(name.id.as_str()).and_modify(|earlier| *earlier = None).or_insert(Some(value));
    }
}

/// What names mean in the body of one class.
pub(super) struct Scope<'s, 'a> {
    names: &'s Names<'a>,
    own: Assigned<'s>,
}

impl<'s, 'a> Scope<'s, 'a> {
    pub(super) fn new(names: &'s Names<'a>, body: &'s [Stmt]) -> Self {
        let mut own = Assigned::new();
        for statement in body {
            note(&mut own, statement);
        }
        Self { names, own }
    }

    /// Reads one decorator: `None` if it is not `@requests`. A path that is no literal is kept as its source text in
    /// braces.
    pub(super) fn bound_to(&self, decorator: &Expr) -> Option<Bound> {
        self.bound(decorator).or_else(|| match decorator {
            // `index = partial(requests, on='/index')` above, `@index` or `@index()` here.
            Expr::Call(call) if call.arguments.is_empty() => self.bound(self.value(&call.func)?),
            name => self.bound(self.value(name)?),
        })
    }

    /// Reads what a class assigns to a name: `requests(function)` or `requests(on=…)(function)`. Gives the function's name
    /// too, where it is one.
    pub(super) fn bound_by<'e>(&self, value: &'e Expr) -> Option<(Bound, Option<&'e str>)> {
        let Expr::Call(call) = value else { return None };
        let function = call.arguments.args.first()?;
        let bound = if self.is_requests(&call.func) { self.on(call) } else { self.bound_to(&call.func)? };
        let called = match function {
            Expr::Name(name) => Some(name.id.as_str()),
            _ => None,
        };
        Some((bound, called))
    }

    fn bound(&self, decorator: &Expr) -> Option<Bound> {
        let Expr::Call(call) = decorator else {
            return self.is_requests(decorator).then_some(Bound::EveryFreePath);
        };
        let made = call.arguments.args.first().filter(|_| is_partial(&call.func));
        self.is_requests(made.unwrap_or(&call.func)).then(|| self.on(call))
    }

    fn is_requests(&self, callee: &Expr) -> bool {
        match callee {
            Expr::Name(name) => {
                let name = name.id.as_str();
                self.names.requests.contains(name) && !self.names.foreign.contains(name)
            }
            Expr::Attribute(attribute) => attribute.attr.as_str() == "requests",
            _ => false,
        }
    }

    /// What a name of the class or the module was assigned, once.
    fn value(&self, name: &Expr) -> Option<&Expr> {
        let Expr::Name(name) = name else { return None };
        let name = name.id.as_str();
        self.own.get(name).or_else(|| self.names.assigned.get(name)).copied().flatten()
    }

    fn on(&self, call: &ExprCall) -> Bound {
        let Some(given) = call.arguments.find_keyword("on").map(|keyword| &keyword.value) else {
            return Bound::EveryFreePath;
        };
        let given = self.value(given).filter(|value| is_literal(value)).unwrap_or(given);
        let paths: Vec<&Expr> = match given {
            Expr::NoneLiteral(_) => return Bound::EveryFreePath,
            Expr::List(list) => list.elts.iter().collect(),
            Expr::Tuple(tuple) => tuple.elts.iter().collect(),
            Expr::Set(set) => set.elts.iter().collect(),
            Expr::Dict(dict) => dict.items.iter().filter_map(|item| item.key.as_ref()).collect(),
            single => vec![single],
        };
        Bound::Paths(paths.into_iter().map(|path| self.path(path)).collect())
    }

    fn path(&self, path: &Expr) -> String {
        match self.value(path).unwrap_or(path) {
            Expr::StringLiteral(literal) => literal.value.to_str().to_owned(),
            _ => format!("{{{}}}", self.names.text(path)),
        }
    }
}

/// `partial`, as itself or as an attribute of `functools`.
fn is_partial(callee: &Expr) -> bool {
    match callee {
        Expr::Name(name) => name.id.as_str() == "partial",
        Expr::Attribute(attribute) => attribute.attr.as_str() == "partial",
        _ => false,
    }
}

/// Whether a value is a text or a collection, so that it stands for itself.
fn is_literal(value: &Expr) -> bool {
    matches!(
        value,
        Expr::StringLiteral(_)
            | Expr::List(_)
            | Expr::Tuple(_)
            | Expr::Set(_)
            | Expr::Dict(_)
            | Expr::NoneLiteral(_)
    )
}
