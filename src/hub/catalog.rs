//! Which Executors are there for this caller?

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;

use super::Hub;
use crate::{
    auth::Caller,
    domain::page::{Page, PageSize},
    error::Error,
    store::{
        self,
        executor_search::{After, Audience},
    },
};

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
    /// Executors by their last push, newest first. `cursor` is what the page before said; one that nobody made is an
    /// error.
    pub async fn recent(
        &self,
        caller: &Caller,
        cursor: Option<&str>,
        size: PageSize,
    ) -> Result<Page<Listed>, Error> {
        let after = cursor.map(read_cursor).transpose()?;
        let audience = self.audience(caller)?;
        let mut connection = self.0.store.read().await?;
        // One more than a page holds tells whether there is another.
        let wanted = size.as_i64();
        let mut items = store::executor_search::recent(&mut connection, audience, after, wanted + 1).await?;
        let has_more = i64::try_from(items.len()).unwrap_or(i64::MAX) > wanted;
        items.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
        let next = items.last().filter(|_| has_more).map(write_cursor);
        Ok(Page { items, next })
    }

    /// Page `number` (from 0) of the Executors that fit, the last pushed first. For clients that count pages; what it
    /// costs is bounded, and so is what it finds.
    pub async fn search(
        &self,
        caller: &Caller,
        wanted: &Wanted,
        number: usize,
        size: PageSize,
    ) -> Result<FoundPage, Error> {
        let audience = self.audience(caller)?;
        let mut connection = self.0.store.read().await?;
        let found = store::executor_search::matching(&mut connection, audience, wanted, MOST_FOUND).await?;
        let size = usize::try_from(size.as_i64()).unwrap_or(1);
        let page = found.chunks(size.max(1)).nth(number).unwrap_or_default();
        let items = store::executor_search::listed(&mut connection, page).await?;
        Ok(FoundPage { items, total: found.len() })
    }

    fn audience(&self, caller: &Caller) -> Result<Audience, Error> {
        match caller.user_id() {
            Some(id) => Ok(Audience::Person(id)),
            None if self.0.rules.hub.sign_in_required => Err(Error::sign_in_required(false)),
            None => Ok(Audience::Everyone),
        }
    }
}

fn write_cursor(last: &Listed) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {}", last.last_pushed_at.timestamp_micros(), last.id))
}

fn read_cursor(cursor: &str) -> Result<After, Error> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (time, id) = text.split_once(' ')?;
        // Nothing was pushed before 1970, and Postgres begins later than chrono.
        let micros = time.parse().ok().filter(|micros: &i64| *micros >= 0)?;
        Some(After { last_pushed_at: DateTime::from_timestamp_micros(micros)?, id: id.parse().ok()? })
    };
    read().ok_or_else(|| {
        Error::invalid("cursor", "The cursor was not made by this list.", "Start again from the first page.")
    })
}
