//! `executor-hub openapi`: the document of the API, as it lies in `docs/openapi.json`.

use super::failure::Failure;

pub(super) fn run() -> Result<(), Failure> {
    print!("{}", crate::http::api_document().map_err(anyhow::Error::from)?);
    Ok(())
}
