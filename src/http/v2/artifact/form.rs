//! What do the parameters of an artifact call say? The same fields mean the same in every method.

use crate::{
    domain::{
        Visibility,
        artifact::{ArtifactName, ArtifactRef, MetaData},
        user::User,
    },
    error::Error,
    http::v2::parameters::Parameters,
    hub::artifacts::Said,
};

/// Which artifact: by `id`, else by `name`. A text that can name none gets the answer of one that is not there.
pub(super) fn reference(parameters: &Parameters) -> Result<ArtifactRef, Error> {
    if let Some(id) = parameters.text("id") {
        return by_id(&id).ok_or_else(Error::artifact_not_found);
    }
    match parameters.text("name") {
        Some(name) => ArtifactRef::of_name(&name).ok_or_else(Error::artifact_not_found),
        None => Err(Error::invalid(
            "parameter_missing",
            "The call does not say which artifact.",
            "Send the parameter 'id' or 'name'.",
        )),
    }
}

/// The artifact with an id in text form.
pub(super) fn by_id(text: &str) -> Option<ArtifactRef> {
    text.trim().parse().ok().map(ArtifactRef::Id)
}

/// What is said of an artifact of this person's.
pub(super) fn said(parameters: &Parameters, user: &User) -> Result<Said, Error> {
    let name = parameters.text("name").map(|text| own_name(&text, user)).transpose();
    let kind = parameters.text("type").map(|text| text.parse()).transpose();
    Ok(Said {
        name: name.map_err(|why| bad("name", &why))?,
        visibility: parameters.said_flag("public").map(visibility),
        kind: kind.map_err(|why| bad("type", &why))?,
        meta_data: meta_data(parameters)?,
    })
}

fn visibility(is_public: bool) -> Visibility {
    if is_public { Visibility::Public } else { Visibility::Private }
}

/// The metadata, as a JSON object or as a text that holds one.
pub(super) fn meta_data(parameters: &Parameters) -> Result<Option<MetaData>, Error> {
    let text = Some(parameters.json_text("metaData")).filter(|text| !text.is_empty());
    text.map(|text| text.parse()).transpose().map_err(|why| bad("metaData", &why))
}

fn bad(what: &str, why: &dyn std::fmt::Display) -> Error {
    Error::invalid("artifact", format!("This is no {what} of an artifact: {why}."), "Send another.")
}

/// A name, also with its owner before it as others write it.
fn own_name(text: &str, user: &User) -> Result<ArtifactName, crate::domain::artifact::InvalidText> {
    match text.split_once('/') {
        Some((owner, name)) if owner.eq_ignore_ascii_case(user.login.as_str()) => name.parse(),
        _ => text.parse(),
    }
}
