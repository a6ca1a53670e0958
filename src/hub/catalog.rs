//! Which Executors are there for this caller?

use super::Hub;
use crate::{auth::Caller, domain::page::PageSize, error::Error, store};

pub use crate::store::executor_search::{Listed, Wanted};

/// How many Executors a search finds at most.
const MOST_FOUND: i64 = 1000;

/// A numbered page of a search.
#[derive(Debug)]
pub struct FoundPage {
    /// The Executors of this page.
    pub items: Vec<Listed>,
    /// How many were found in all; no more than a thousand are looked for.
    pub total: usize,
}

impl Hub {
    /// Page `number` (from 0) of the Executors that fit, the last pushed first. For clients that count pages; what it
    /// costs is bounded, and so is what it finds.
    pub async fn search(
        &self,
        caller: &Caller,
        wanted: &Wanted,
        number: usize,
        size: PageSize,
    ) -> Result<FoundPage, Error> {
        let viewer = self.viewer(caller)?;
        let mut connection = self.0.store.read().await?;
        let found = store::executor_search::matching(&mut connection, &viewer, wanted, MOST_FOUND).await?;
        let size = usize::try_from(size.as_i64()).unwrap_or(1);
        let page = found.chunks(size.max(1)).nth(number).unwrap_or_default();
        let items = store::executor_search::listed(&mut connection, page).await?;
        Ok(FoundPage { items, total: found.len() })
    }
}
