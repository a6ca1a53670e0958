//! How does an artifact look on the wire?

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::{
    domain::artifact::{Artifact, ArtifactKind, ArtifactName, MetaData},
    http::v2::wire::owner_object,
};

/// The artifact as every answer carries it.
pub(super) fn object(artifact: &Artifact) -> Value {
    json!({
        "_id": artifact.id.to_string(),
        "id": artifact.id.to_string(),
        "name": artifact.name.as_ref().map(ArtifactName::as_str),
        "type": artifact.kind.as_ref().map(ArtifactKind::as_str),
        "visibility": artifact.visibility.as_str(),
        "metaData": artifact.meta_data.as_ref().map(MetaData::as_object),
        "size": artifact.size,
        "sha256": artifact.sha256.to_string(),
        "owner": owner_object(&artifact.owner),
        "createdAt": time(artifact.created_at),
        "updatedAt": time(artifact.updated_at),
    })
}

/// As JavaScript writes times: programs of old parse that.
fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
