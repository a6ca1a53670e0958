//! Which request paths does a decorator bind? Every spelling of `@requests` that jina takes.

use ruff_python_ast::Expr;

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

/// Reads one decorator: `None` if it is not `@requests`. A path that is no literal is kept as its source text in
/// braces.
pub(super) fn bound_to(names: &Names<'_>, decorator: &Expr) -> Option<Bound> {
    let (callee, on) = match decorator {
        Expr::Call(call) => (&*call.func, call.arguments.find_argument_value("on", 0)),
        other => (other, None),
    };
    if !is_requests(names, callee) {
        return None;
    }
    Some(match on {
        None | Some(Expr::NoneLiteral(_)) => Bound::EveryFreePath,
        Some(Expr::List(list)) => paths(names, &list.elts),
        Some(Expr::Tuple(tuple)) => paths(names, &tuple.elts),
        Some(Expr::Set(set)) => paths(names, &set.elts),
        Some(single) => paths(names, std::slice::from_ref(single)),
    })
}

fn is_requests(names: &Names<'_>, callee: &Expr) -> bool {
    match callee {
        Expr::Name(name) => {
            names.requests.contains(name.id.as_str()) && !names.foreign.contains(name.id.as_str())
        }
        Expr::Attribute(attribute) => attribute.attr.as_str() == "requests",
        _ => false,
    }
}

fn paths(names: &Names<'_>, given: &[Expr]) -> Bound {
    Bound::Paths(given.iter().map(|path| path_text(names, path)).collect())
}

fn path_text(names: &Names<'_>, path: &Expr) -> String {
    match path {
        Expr::StringLiteral(literal) => literal.value.to_str().to_owned(),
        other => format!("{{{}}}", names.text(other)),
    }
}
