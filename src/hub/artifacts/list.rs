//! Which artifacts does a person have? Only their own, counted, a page at a time.

use super::super::Hub;
use crate::{
    auth::Caller,
    domain::{artifact::Artifact, artifact_query::ArtifactQuery, power::Scope},
    error::Error,
    store::{self, artifacts::Usage},
};

/// One page of a person's artifacts.
#[derive(Debug, Clone)]
pub struct ListedArtifacts {
    /// The artifacts, in order.
    pub items: Vec<Artifact>,
    /// How many there are on all pages.
    pub total: u64,
    /// What all artifacts of this person come to, whatever the list asks for.
    pub usage: Usage,
}

impl Hub {
    /// The caller's own artifacts that meet the conditions.
    pub async fn artifacts(&self, caller: &Caller, query: &ArtifactQuery) -> Result<ListedArtifacts, Error> {
        let owner = caller.require(Scope::Read)?.id;
        let mut connection = self.0.store.read().await?;
        Ok(ListedArtifacts {
            items: store::artifact_search::list(&mut connection, owner, query).await?,
            total: store::artifact_search::count(&mut connection, owner, &query.conditions).await?,
            usage: store::artifacts::usage(&mut connection, owner).await?,
        })
    }
}
