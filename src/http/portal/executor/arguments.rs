//! How are the arguments of an Executor shown? As its author wrote them: names, annotations and defaults are source text.

use crate::domain::package::{Endpoint, ExecutorClass, Function, Parameter, ParameterKind};

/// A parameter as a row.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) default: Option<String>,
}

/// A method that answers requests.
pub(super) struct Method {
    pub(super) name: String,
    /// What it answers to.
    pub(super) paths: Vec<String>,
    pub(super) is_async: bool,
    pub(super) docstring: String,
}

/// What the tab shows.
pub(super) struct Arguments {
    pub(super) class: String,
    pub(super) docstring: String,
    pub(super) init_docstring: String,
    pub(super) rows: Vec<Row>,
    pub(super) methods: Vec<Method>,
    /// Whether the source was read; else the rows say nothing.
    pub(super) is_read: bool,
}

impl Arguments {
    pub(super) fn of(class: &ExecutorClass) -> Self {
        let docstring = |function: &Function| function.docstring.clone().unwrap_or_default();
        Self {
            class: class.name.clone(),
            docstring: class.docstring.clone().unwrap_or_default(),
            init_docstring: class.init.as_ref().map(docstring).unwrap_or_default(),
            rows: class.init.iter().flat_map(|init| init.parameters.iter().skip(1)).map(row).collect(),
            methods: class.endpoints.iter().map(method).collect(),
            is_read: class.parsed,
        }
    }
}

fn row(parameter: &Parameter) -> Row {
    let stars = match parameter.kind {
        ParameterKind::VarPositional => "*",
        ParameterKind::VarKeyword => "**",
        ParameterKind::PositionalOnly | ParameterKind::Positional | ParameterKind::KeywordOnly => "",
    };
    Row {
        name: format!("{stars}{}", parameter.name),
        kind: parameter.annotation.clone().unwrap_or_default(),
        default: parameter.default.clone(),
    }
}

fn method(endpoint: &Endpoint) -> Method {
    Method {
        name: endpoint.function.name.clone(),
        paths: endpoint.on.clone().unwrap_or_default(),
        is_async: endpoint.function.is_async,
        docstring: endpoint.function.docstring.clone().unwrap_or_default(),
    }
}
