//! What do `config.yml` and `manifest.yml` say? Old and new spellings are read; the manifest goes before the metas.

use std::rc::Rc;

use super::{
    InspectError,
    folder::Folder,
    refusal::{Refusal, quoted},
    yaml::{self, Kind, Node, Value},
};

/// Where the configuration lies; the clients know no other name.
pub(super) const CONFIG: &str = "config.yml";
const MANIFEST: &str = "manifest.yml";
/// Bytes of one of them. The parser keeps a flow mapping's tokens until it ends, at a hundred bytes and more for each.
const BYTES: u64 = 64 << 10;

/// The metas that a manifest may set.
const SHOWN: [&str; 4] = ["name", "description", "url", "keywords"];

/// What was read, and what `config.yml` must become.
#[derive(Debug)]
pub(super) struct Config {
    /// The class, if there is a `config.yml`.
    pub(super) given: Option<Given>,
    /// Texts for show, the manifest's first.
    pub(super) metas: Metas,
    /// Sentences for the author.
    pub(super) notices: Vec<String>,
    root: Option<Rc<Node>>,
    /// The manifest's own values, which are merged into the file.
    merged: Vec<(&'static str, Rc<Node>)>,
}

/// What a `config.yml` says about the class.
#[derive(Debug)]
pub(super) struct Given {
    /// From `jtype`, or from the root's tag in the old spelling.
    pub(super) jtype: String,
    /// As written, in order.
    pub(super) py_modules: Vec<String>,
    /// From `requests`, in order.
    pub(super) requests: Vec<Binding>,
}

/// A line beneath `requests`: which method serves a path.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) path: String,
    pub(super) function: String,
    /// Counted from 1.
    pub(super) line: usize,
}

/// What is shown about an Executor.
#[derive(Debug, Default)]
pub(super) struct Metas {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) url: Option<String>,
    pub(super) keywords: Vec<String>,
}

/// Reads both files, where they exist.
pub(super) fn read(folder: &mut Folder<'_>, limit: u64) -> Result<Config, InspectError> {
    let root = document(folder, CONFIG, limit)?;
    let manifest = document(folder, MANIFEST, limit)?;
    let mut notices = Vec::new();
    let given = root.as_deref().map(class_of).transpose()?;
    let metas_node = root.as_deref().and_then(|root| root.get("metas")).filter(|metas| !metas.is_null());
    if let Some(metas) = metas_node
        && !matches!(metas.value, Value::Mapping(_))
    {
        return Err(wrong_type(CONFIG, metas, "metas", "a mapping").into());
    }
    let merged: Vec<(&'static str, Rc<Node>)> = SHOWN
        .into_iter()
        .filter_map(|key| {
            let node = manifest.as_deref()?.get(key).filter(|node| !node.is_null())?;
            Some((key, Rc::clone(node)))
        })
        .collect();
    let mut find = |key: &str| -> Result<Vec<String>, Refusal> {
        if let Some((_, node)) = merged.iter().find(|(name, _)| *name == key) {
            return texts(MANIFEST, key, node, &mut notices);
        }
        metas_node
            .and_then(|metas| metas.get(key))
            .map_or(Ok(Vec::new()), |node| texts(CONFIG, key, node, &mut notices))
    };
    let metas = Metas {
        name: find("name")?.pop(),
        description: find("description")?.pop(),
        url: find("url")?.pop(),
        keywords: find("keywords")?,
    };
    Ok(Config { given, metas, notices, root, merged })
}

impl Config {
    /// Puts into the folder the `config.yml` that says everything: one for `jtype` and `py_modules` if the author gave
    /// none, with the manifest's values merged in. An author's file that says it all already stays as it is.
    pub(super) fn write(
        &self,
        folder: &mut Folder<'_>,
        jtype: &str,
        py_modules: &[String],
    ) -> Result<(), Refusal> {
        let root = if let Some(root) = &self.root {
            let metas = root.get("metas").cloned().unwrap_or_else(|| Node::mapping(Vec::new()));
            let said =
                |(key, node): &(&str, Rc<Node>)| metas.get(key).is_some_and(|old| means_same(old, node));
            if self.merged.iter().all(said) {
                return Ok(());
            }
            root.with("metas", self.merge(&metas))
        } else {
            let modules = py_modules.iter().map(|path| Node::text(path)).collect();
            let metas = Node::mapping(vec![(Node::text("py_modules"), Node::sequence(modules))]);
            Node::mapping(vec![
                (Node::text("jtype"), Node::text(jtype)),
                (Node::text("metas"), self.merge(&metas)),
            ])
        };
        folder.write(CONFIG, root.to_yaml().into_bytes())
    }

    fn merge(&self, metas: &Rc<Node>) -> Rc<Node> {
        self.merged.iter().fold(Rc::clone(metas), |metas, (key, node)| metas.with(key, Rc::clone(node)))
    }
}

/// Whether two nodes say the same, wherever they stand.
fn means_same(left: &Node, right: &Node) -> bool {
    left.to_yaml() == right.to_yaml()
}

fn document(folder: &mut Folder<'_>, path: &str, limit: u64) -> Result<Option<Rc<Node>>, InspectError> {
    let Some(bytes) = folder.read(path, limit.min(BYTES))? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|b| **b == b'\n').count()
                + 1;
        Refusal::other(
            "config_syntax",
            format!("{path}, line {line}: this is not UTF-8."),
            "Save the file as UTF-8.",
        )
    })?;
    let root = yaml::load(text.strip_prefix('\u{FEFF}').unwrap_or(&text)).map_err(|fault| {
        Refusal::other(
            "config_syntax",
            format!("{path}, line {}, column {}: {}.", fault.line, fault.column, fault.why),
            "Correct the YAML there.",
        )
    })?;
    if root.is_null() || matches!(root.value, Value::Mapping(_)) {
        return Ok(Some(root));
    }
    // `!MyExecutor` alone, without a mapping, is a legal old spelling; `PyYAML` gives it an empty scalar.
    if root.tag.is_some() && root.scalar() == Some("") {
        return Ok(Some(root));
    }
    Err(wrong_type(path, &root, "the file", "a mapping").into())
}

fn class_of(root: &Node) -> Result<Given, Refusal> {
    let jtype = match root.get("jtype") {
        Some(node) if node.is_null() => None,
        Some(node) => Some(text_of(CONFIG, "jtype", node)?),
        None => root.tag.as_deref().and_then(|tag| tag.strip_prefix('!')).map(str::to_owned),
    };
    let Some(jtype) = jtype.filter(|name| !name.is_empty()) else {
        return Err(Refusal::other(
            "config_jtype_missing",
            format!("{CONFIG}, line {}: 'jtype' is missing.", root.line.max(1)),
            "Add `jtype:` with the name of your Executor class.",
        ));
    };
    let beneath = root.get("metas").and_then(|metas| metas.get("py_modules")).filter(|node| !node.is_null());
    let above = root.get("py_modules").filter(|node| !node.is_null());
    let py_modules = match (above, beneath) {
        (Some(node), Some(_)) => {
            return Err(Refusal::other(
                "config_py_modules_twice",
                format!("{CONFIG}, line {}: 'py_modules' stands at the root and under 'metas'.", node.line),
                "Keep one of them.",
            ));
        }
        (Some(node), None) | (None, Some(node)) => match &node.value {
            Value::Sequence(items) => {
                items.iter().map(|item| text_of(CONFIG, "py_modules", item)).collect::<Result<_, _>>()?
            }
            _ => vec![text_of(CONFIG, "py_modules", node)?],
        },
        (None, None) => Vec::new(),
    };
    let requests = root.get("requests").map_or_else(Vec::new, |node| bindings(node));
    Ok(Given { jtype, py_modules, requests })
}

/// What is no text to a text is jina's to refuse; it serves nothing.
fn bindings(requests: &Node) -> Vec<Binding> {
    let Value::Mapping(pairs) = &requests.value else { return Vec::new() };
    let text = |node: &Node| node.scalar().filter(|_| node.kind() == Some(Kind::Text)).map(str::to_owned);
    let binding = |(path, function): &(Rc<Node>, Rc<Node>)| {
        Some(Binding { path: text(path)?, function: text(function)?, line: path.line })
    };
    pairs.iter().filter_map(binding).collect()
}

/// A value that must be a text, since Python will use it as one.
fn text_of(path: &str, key: &str, node: &Node) -> Result<String, Refusal> {
    match (node.kind(), node.scalar()) {
        (Some(Kind::Text), Some(text)) => Ok(text.to_owned()),
        _ => Err(wrong_type(path, node, key, "a text")),
    }
}

/// The texts for show under one of [`SHOWN`]: one, or for keywords any number. YAML's numbers, dates and booleans are
/// taken as written, with a notice: people forget quotes around `2021` or `no`.
fn texts(path: &str, key: &str, node: &Node, notices: &mut Vec<String>) -> Result<Vec<String>, Refusal> {
    let single = std::slice::from_ref(node);
    let several: Vec<&Node> = match &node.value {
        Value::Sequence(items) if key == "keywords" => items.iter().map(|item| &**item).collect(),
        _ => single.iter().collect(),
    };
    let mut found: Vec<String> = Vec::new();
    for one in several {
        let (Some(kind), Some(text)) = (one.kind(), one.scalar()) else {
            return Err(wrong_type(
                path,
                one,
                key,
                if key == "keywords" { "a list of texts" } else { "a text" },
            ));
        };
        let text = text.trim();
        if kind == Kind::Null || text.is_empty() || found.iter().any(|earlier| earlier == text) {
            continue;
        }
        if kind != Kind::Text {
            notices.push(format!(
                "{path}, line {}: YAML does not read {} as a text; put it in quotes.",
                one.line,
                quoted(text)
            ));
        }
        found.push(text.to_owned());
    }
    Ok(found)
}

fn wrong_type(path: &str, node: &Node, what: &str, wanted: &str) -> Refusal {
    Refusal::other(
        "config_value_type",
        format!("{path}, line {}, column {}: {what} must be {wanted}.", node.line, node.column),
        format!("Write {wanted} there; put a text that YAML could take for a number or boolean in quotes."),
    )
}
