//! What does a YAML file say to `PyYAML`, whose YAML 1.1 the clients speak? Bounded in depth, nodes and text.
//!
//! Scalars keep their text and style and get their YAML 1.1 type only when asked, so a file that is written again
//! means what it meant.

mod emit;
mod load;
mod resolve;

use std::rc::Rc;

pub(super) use load::load;
pub(super) use resolve::Kind;

/// A value with its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// `!Name` or `tag:yaml.org,2002:…`, if one was written.
    pub(super) tag: Option<String>,
    pub(super) value: Value,
    /// Counted from 1; 0 for nodes that the Hub made.
    pub(super) line: usize,
    /// Counted from 1.
    pub(super) column: usize,
    /// Nodes and bytes of text in it, aliases counted as often as they are used.
    weight: Weight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Weight {
    nodes: usize,
    bytes: usize,
}

/// The three shapes of YAML. Keys of a mapping are unique: a later one has replaced an earlier one, as in `PyYAML`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Scalar { text: String, plain: bool },
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
}

impl Node {
    /// A text of the Hub's making.
    pub(super) fn text(text: &str) -> Rc<Self> {
        Self::made(Value::Scalar { text: text.to_owned(), plain: false })
    }

    /// A list of the Hub's making.
    pub(super) fn sequence(items: Vec<Rc<Self>>) -> Rc<Self> {
        Self::made(Value::Sequence(items))
    }

    /// A mapping of the Hub's making.
    pub(super) fn mapping(pairs: Vec<(Rc<Self>, Rc<Self>)>) -> Rc<Self> {
        Self::made(Value::Mapping(pairs))
    }

    fn made(value: Value) -> Rc<Self> {
        Rc::new(Self { tag: None, value, line: 0, column: 0, weight: Weight::default() })
    }

    /// The YAML 1.1 type of a scalar; `None` for lists and mappings.
    pub(super) fn kind(&self) -> Option<Kind> {
        match (&self.value, self.tag.as_deref()) {
            (Value::Scalar { text, plain: true }, None) => Some(Kind::of(text)),
            (Value::Scalar { text, .. }, Some("tag:yaml.org,2002:null")) if text.is_empty() => {
                Some(Kind::Null)
            }
            (Value::Scalar { .. }, _) => Some(Kind::Text),
            _ => None,
        }
    }

    /// Whether it is null in any of its spellings.
    pub(super) fn is_null(&self) -> bool {
        self.kind() == Some(Kind::Null)
    }

    /// A scalar's text as written.
    pub(super) fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The value under a text key, also through a `<<` merge, which explicit keys go before.
    pub(super) fn get(&self, key: &str) -> Option<&Rc<Self>> {
        let Value::Mapping(pairs) = &self.value else { return None };
        let own =
            pairs.iter().find(|(name, _)| name.kind() == Some(Kind::Text) && name.scalar() == Some(key));
        if let Some((_, value)) = own {
            return Some(value);
        }
        let (_, merged) = pairs.iter().find(|(name, _)| name.kind() == Some(Kind::Merge))?;
        match &merged.value {
            Value::Sequence(several) => several.iter().find_map(|one| one.get(key)),
            _ => merged.get(key),
        }
    }

    /// The same mapping with `key` set; anything else becomes a mapping of that one key.
    pub(super) fn with(&self, key: &str, value: Rc<Self>) -> Rc<Self> {
        let mut pairs = match &self.value {
            Value::Mapping(pairs) => pairs.clone(),
            _ => Vec::new(),
        };
        let place =
            pairs.iter_mut().find(|(name, _)| name.kind() == Some(Kind::Text) && name.scalar() == Some(key));
        match place {
            Some((_, old)) => *old = value,
            None => pairs.push((Self::text(key), value)),
        }
        Rc::new(Self { value: Value::Mapping(pairs), ..self.clone() })
    }

    /// As a YAML file that `PyYAML` reads back to the same value.
    pub(super) fn to_yaml(&self) -> String {
        emit::document(self)
    }
}
