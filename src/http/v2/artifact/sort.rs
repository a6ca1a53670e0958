//! In which order are artifacts listed? By the steps of a JSON object, whose order counts here as nowhere else: so it is
//! read from the text itself.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::Value;

use crate::domain::artifact_query::Direction;

/// Fields and directions, the strongest first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sort(pub(super) Vec<(String, Direction)>);

impl<'de> Deserialize<'de> for Sort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Steps;
        impl<'de> Visitor<'de> for Steps {
            type Value = Sort;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of fields and directions")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sort, A::Error> {
                let mut steps = Vec::new();
                while let Some((field, value)) = map.next_entry::<String, Value>()? {
                    let direction =
                        direction(&value).ok_or_else(|| A::Error::custom("a direction is 1 or -1"))?;
                    steps.push((field, direction));
                }
                Ok(Sort(steps))
            }
        }
        deserializer.deserialize_map(Steps)
    }
}

fn direction(value: &Value) -> Option<Direction> {
    match (value.as_i64(), value.as_str()) {
        (Some(1), _) | (_, Some("1" | "asc")) => Some(Direction::Ascending),
        (Some(-1), _) | (_, Some("-1" | "desc")) => Some(Direction::Descending),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_keep_their_order() {
        let sort: Sort = serde_json::from_str(r#"{"size": -1, "createdAt": 1, "metaData.a": "-1"}"#).unwrap();
        let fields: Vec<_> = sort.0.iter().map(|(field, direction)| (field.as_str(), *direction)).collect();
        let (up, down) = (Direction::Ascending, Direction::Descending);
        assert_eq!(fields, [("size", down), ("createdAt", up), ("metaData.a", down)]);
        for text in [r#"{"size": 2}"#, r#"{"size": null}"#, r#""size""#, "[]"] {
            assert!(serde_json::from_str::<Sort>(text).is_err(), "{text}");
        }
    }
}
