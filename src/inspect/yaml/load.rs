//! How does text become nodes? Event by event, with every bound kept before memory is spent.

use std::{
    collections::{HashMap, hash_map::Entry},
    rc::Rc,
};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::{Node, Value, Weight, resolve::Kind};

const MAX_DEPTH: usize = 64;
const MAX_NODES: usize = 10_000;
/// Bytes of text once aliases are written out.
const MAX_BYTES: usize = 1 << 20;

/// Why a text cannot be read, and where: line and column count from 1.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::inspect) struct Fault {
    pub(in crate::inspect) line: usize,
    pub(in crate::inspect) column: usize,
    pub(in crate::inspect) why: String,
}

impl Fault {
    fn at(mark: &Marker, why: impl Into<String>) -> Self {
        Self { line: mark.line(), column: mark.col() + 1, why: why.into() }
    }
}

/// A list or mapping that is still open.
struct Frame {
    anchor: usize,
    tag: Option<String>,
    mark: Marker,
    weight: Weight,
    items: Items,
}

enum Items {
    Sequence(Vec<Rc<Node>>),
    Mapping {
        pairs: Vec<(Rc<Node>, Rc<Node>)>,
        places: HashMap<(Option<String>, bool, String), usize>,
        key: Option<Rc<Node>>,
    },
}

/// Reads the one document of a text; an empty text is null.
pub(in crate::inspect) fn load(text: &str) -> Result<Rc<Node>, Fault> {
    // `PyYAML`, unlike YAML 1.2, also refuses what it cannot print; such files would fail in the client.
    let mut loader =
        Loader { open: Vec::new(), anchors: HashMap::new(), root: None, total: Weight::default() };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Fault::at(error.marker(), error.info()))?;
        loader.take(event, span.start)?;
    }
    Ok(loader.root.unwrap_or_else(|| {
        Rc::new(Node {
            tag: None,
            value: Value::Scalar { text: String::new(), plain: true },
            line: 1,
            column: 1,
            weight: Weight::default(),
        })
    }))
}

struct Loader {
    open: Vec<Frame>,
    anchors: HashMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
    total: Weight,
}

impl Loader {
    fn take(&mut self, event: Event<'_>, mark: Marker) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let weight = Weight { nodes: 1, bytes: text.len() };
                self.count(weight, &mark)?;
                let tag = tag.as_deref();
                let plain = style == ScalarStyle::Plain || tag.is_some_and(is_non_specific);
                let node = Rc::new(Node {
                    tag: tag.and_then(tag_text),
                    value: Value::Scalar { text: text.into_owned(), plain },
                    line: mark.line(),
                    column: mark.col() + 1,
                    weight,
                });
                self.place(node, anchor, &mark)
            }
            Event::SequenceStart(anchor, tag) => {
                self.start(anchor, tag.as_deref(), mark, Items::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                let items = Items::Mapping { pairs: Vec::new(), places: HashMap::new(), key: None };
                self.start(anchor, tag.as_deref(), mark, items)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(&mark),
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(Fault::at(&mark, "an alias refers to a value that is not complete"));
                };
                self.count(node.weight, &mark)?;
                self.place(node, 0, &mark)
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Fault::at(&mark, "there is a second document"))
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn count(&mut self, weight: Weight, mark: &Marker) -> Result<(), Fault> {
        self.total.nodes = self.total.nodes.saturating_add(weight.nodes);
        self.total.bytes = self.total.bytes.saturating_add(weight.bytes);
        if self.total.nodes > MAX_NODES || self.total.bytes > MAX_BYTES {
            return Err(Fault::at(mark, "there are too many values"));
        }
        Ok(())
    }

    fn start(&mut self, anchor: usize, tag: Option<&Tag>, mark: Marker, items: Items) -> Result<(), Fault> {
        let weight = Weight { nodes: 1, bytes: 0 };
        self.count(weight, &mark)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(Fault::at(&mark, "values are nested too deeply"));
        }
        self.open.push(Frame { anchor, tag: tag.and_then(tag_text), mark, weight, items });
        Ok(())
    }

    fn end(&mut self, mark: &Marker) -> Result<(), Fault> {
        let Some(frame) = self.open.pop() else {
            return Err(Fault::at(mark, "a value ends that has not begun"));
        };
        let value = match frame.items {
            Items::Sequence(items) => Value::Sequence(items),
            Items::Mapping { pairs, .. } => Value::Mapping(pairs),
        };
        let node = Node {
            tag: frame.tag,
            value,
            line: frame.mark.line(),
            column: frame.mark.col() + 1,
            weight: frame.weight,
        };
        self.place(Rc::new(node), frame.anchor, &frame.mark)
    }

    fn place(&mut self, node: Rc<Node>, anchor: usize, mark: &Marker) -> Result<(), Fault> {
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.weight.nodes = frame.weight.nodes.saturating_add(node.weight.nodes);
        frame.weight.bytes = frame.weight.bytes.saturating_add(node.weight.bytes);
        match &mut frame.items {
            Items::Sequence(items) => items.push(node),
            Items::Mapping { pairs, places, key } => match key.take() {
                None => *key = Some(node),
                Some(key) => {
                    let Value::Scalar { text, .. } = &key.value else {
                        return Err(Fault::at(mark, "a list or mapping is used as a key"));
                    };
                    let kind = key.kind();
                    // The spellings of null are one key; those of a number or boolean may stay apart, since a reader
                    // lets the last of them win anyway.
                    let text = if kind == Some(Kind::Null) { "" } else { text };
                    match places.entry((key.tag.clone(), kind == Some(Kind::Text), text.to_owned())) {
                        Entry::Occupied(place) => {
                            if let Some((_, value)) = pairs.get_mut(*place.get()) {
                                *value = node;
                            }
                        }
                        Entry::Vacant(place) => {
                            place.insert(pairs.len());
                            pairs.push((key, node));
                        }
                    }
                }
            },
        }
        Ok(())
    }
}

/// Whether it is `!` alone, by which `PyYAML` takes a value for what it would be unquoted and without a tag.
fn is_non_specific(tag: &Tag) -> bool {
    tag.handle.is_empty() && tag.suffix == "!" || tag.handle == "!" && tag.suffix.is_empty()
}

/// The tag as one text, if it says something.
fn tag_text(tag: &Tag) -> Option<String> {
    let text = format!("{}{}", tag.handle, tag.suffix);
    (!text.is_empty() && !is_non_specific(tag)).then_some(text)
}
