//! Which artifacts are asked for, and in which order? By fields from a fixed list and by paths into the metadata; what
//! is in neither is an error, never a guess.

use serde_json::Value;

use super::artifact::holds_nul;

/// A field that lists can be filtered and sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// `_id` or `id`
    Id,
    /// `name`
    Name,
    /// `type`
    Kind,
    /// `visibility`
    Visibility,
    /// `size`
    Size,
    /// `createdAt`; for sorting only.
    CreatedAt,
    /// `updatedAt`; for sorting only.
    UpdatedAt,
    /// `metaData`, or `metaData.a.b` with the path `["a", "b"]`.
    MetaData(Vec<String>),
}

/// Why a list cannot be asked for so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuery {
    /// No field of an artifact.
    #[error("'{0}' is no field that artifacts can be listed by")]
    Field(String),
    /// A time, or an operator such as `$gt`.
    #[error("'{0}' can only be compared with a value that it shall equal")]
    Comparison(String),
    /// More than a program would ask for.
    #[error("it names more than {} fields", MAX_FIELDS)]
    TooMany,
}

/// How many fields one filter or order may name.
const MAX_FIELDS: usize = 32;
/// How deep a path into the metadata may go, and how long one may be.
const MAX_DEPTH: usize = 32;
const MAX_PATH_BYTES: usize = 1024;

impl Field {
    /// Reads a dotted path.
    pub fn parse(text: &str) -> Result<Self, InvalidQuery> {
        match text {
            "_id" | "id" => return Ok(Self::Id),
            "name" => return Ok(Self::Name),
            "type" => return Ok(Self::Kind),
            "visibility" => return Ok(Self::Visibility),
            "size" => return Ok(Self::Size),
            "createdAt" => return Ok(Self::CreatedAt),
            "updatedAt" => return Ok(Self::UpdatedAt),
            "metaData" => return Ok(Self::MetaData(Vec::new())),
            _ => {}
        }
        let path: Vec<String> = text
            .strip_prefix("metaData.")
            .into_iter()
            .flat_map(|path| path.split('.'))
            .map(str::to_owned)
            .collect();
        let is_path = !path.is_empty()
            && path.len() <= MAX_DEPTH
            && text.len() <= MAX_PATH_BYTES
            && path.iter().all(|step| !step.is_empty() && !step.contains('\0'));
        if is_path { Ok(Self::MetaData(path)) } else { Err(InvalidQuery::Field(shown(text))) }
    }
}

/// What a field shall equal. A list in the metadata equals each of its items as well, and null equals what is not
/// there: so it was in the database of the public Hub, whose words these filters are in.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The field.
    pub field: Field,
    /// Its value.
    pub value: Value,
}

impl Condition {
    /// All conditions of a filter.
    pub fn parse_all(filter: serde_json::Map<String, Value>) -> Result<Vec<Self>, InvalidQuery> {
        if filter.len() > MAX_FIELDS {
            return Err(InvalidQuery::TooMany);
        }
        filter.into_iter().map(|(field, value)| Self::parse(&field, value)).collect()
    }

    fn parse(text: &str, value: Value) -> Result<Self, InvalidQuery> {
        let field = Field::parse(text)?;
        let is_operator = match &value {
            Value::Object(object) => object.keys().any(|key| key.starts_with('$')),
            _ => false,
        };
        if is_operator || holds_nul(&value) || matches!(field, Field::CreatedAt | Field::UpdatedAt) {
            return Err(InvalidQuery::Comparison(shown(text)));
        }
        Ok(Self { field, value })
    }
}

/// One step of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The field.
    pub field: Field,
    /// Its direction.
    pub direction: Direction,
}

/// Which way a field is sorted. What is not there comes before everything that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

impl Order {
    /// All steps of an order, the strongest first.
    pub fn parse_all(sort: &[(String, Direction)]) -> Result<Vec<Self>, InvalidQuery> {
        if sort.len() > MAX_FIELDS {
            return Err(InvalidQuery::TooMany);
        }
        sort.iter()
            .map(|(field, direction)| Ok(Self { field: Field::parse(field)?, direction: *direction }))
            .collect()
    }
}

/// Which of a person's artifacts are asked for.
#[derive(Debug, Clone, Default)]
pub struct ArtifactQuery {
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    /// Empty means the newest first.
    pub order: Vec<Order>,
    /// Which page.
    pub page: NumberedPage,
}

/// One page of a list that is counted in pages, as the clients of artifacts do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberedPage {
    index: i64,
    size: i64,
}

impl NumberedPage {
    /// The page nearest to what was asked for: from the first to the millionth, with 1 to 1000 items; without a word,
    /// the first with 100, because programs that say nothing take it for everything.
    pub fn nearest(index: Option<i64>, size: Option<i64>) -> Self {
        Self { index: index.unwrap_or(1).clamp(1, 1_000_000), size: size.unwrap_or(100).clamp(1, 1000) }
    }

    /// Items before it.
    pub fn offset(self) -> i64 {
        (self.index - 1) * self.size
    }

    /// Items on it.
    pub fn limit(self) -> i64 {
        self.size
    }
}

impl Default for NumberedPage {
    fn default() -> Self {
        Self::nearest(None, None)
    }
}

/// A client's text, safe to repeat in a sentence.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_come_from_the_list_or_from_the_metadata() {
        assert_eq!(Field::parse("_id"), Ok(Field::Id));
        assert_eq!(Field::parse("metaData"), Ok(Field::MetaData(Vec::new())));
        assert_eq!(Field::parse("metaData.a.0"), Ok(Field::MetaData(vec!["a".into(), "0".into()])));
        let odd = "metaData.x'; DROP TABLE artifacts; --";
        assert_eq!(Field::parse(odd), Ok(Field::MetaData(vec![odd["metaData.".len()..].into()])));
        for text in
            ["", "owner_id", "sha256", "metaData.", "metaData..a", "metaDatax", "name; --", "metaData.a\0"]
        {
            assert!(matches!(Field::parse(text), Err(InvalidQuery::Field(_))), "{text:?}");
        }
    }

    #[test]
    fn what_a_filter_cannot_do_is_an_error() {
        let read = |filter: Value| Condition::parse_all(filter.as_object().unwrap().clone());
        assert!(read(json!({"metaData.a": {"b": 1}, "name": null})).is_ok());
        for filter in [json!({"size": {"$gt": 1}}), json!({"createdAt": "2022"}), json!({"name": "a\u{0}"})] {
            assert!(matches!(read(filter.clone()), Err(InvalidQuery::Comparison(_))), "{filter}");
        }
        let many: Value =
            (0..33).map(|i| (format!("metaData.a{i}"), json!(1))).collect::<serde_json::Map<_, _>>().into();
        assert_eq!(read(many), Err(InvalidQuery::TooMany));
    }

    #[test]
    fn pages_stay_within_bounds() {
        let page = NumberedPage::nearest(Some(3), Some(20));
        assert_eq!((page.offset(), page.limit()), (40, 20));
        let page = NumberedPage::nearest(Some(i64::MIN), Some(i64::MAX));
        assert_eq!((page.offset(), page.limit()), (0, 1000));
        let page = NumberedPage::nearest(Some(i64::MAX), Some(0));
        assert_eq!((page.offset(), page.limit()), (999_999, 1));
    }
}
