//! Which Executors does a caller get to see, in which order, and which of them fit what they typed?

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;

use super::{Hub, catalog::Listed};
use crate::{
    auth::Caller,
    domain::{
        ExecutorId,
        page::{Page, PageSize},
        query::{Query, slips},
    },
    error::Error,
    store::{
        self, Connection, StoreError,
        search_entries::{Entry, Fits, Viewer, Wanted},
    },
};

pub use crate::store::search_entries::{Narrowed, Order};

/// What a list or a search asks for.
#[derive(Debug, Clone)]
pub struct Listing {
    /// In which order; a search has its own.
    pub order: Order,
    /// Narrowed to what.
    pub narrowed: Narrowed,
    /// What was typed, for a search.
    pub query: Option<Query>,
}

/// An Executor of a list.
#[derive(Debug, Clone)]
pub struct Shown {
    /// What lists show of it.
    pub executor: Listed,
    /// Pulls of the last seven days.
    pub pulled: i32,
}

/// Results of a search come in this order: the name itself, names that begin so, words in name and keywords, words
/// anywhere; then the same with a last word that is unfinished. Where nothing of all that is found, words like those that
/// were typed.
const ALIKE: u8 = 6;

/// How alike a word must be that was typed with so many letters.
fn most_slips(letters: usize) -> usize {
    match letters {
        0..=2 => 0,
        3..=6 => 1,
        _ => 2,
    }
}

/// Words that one mistyped word may stand for.
const MOST_ALIKE: usize = 8;

impl Hub {
    /// A page of the Executors that the caller may see. `cursor` is what the page before said; one of another list is an
    /// error.
    pub async fn list(
        &self,
        caller: &Caller,
        listing: &Listing,
        cursor: Option<&str>,
        size: PageSize,
    ) -> Result<Page<Shown>, Error> {
        let viewer = self.viewer(caller)?;
        let order = if listing.query.is_some() { Order::Best } else { listing.order };
        let after = cursor.map(|cursor| read_cursor(cursor, order)).transpose()?;
        let mut connection = self.0.store.read().await?;
        let limit = size.and_one_more();
        let mut found = Finder { viewer: &viewer, listing, order, after, limit, found: Vec::new() };
        if let Some(query) = &listing.query {
            found.search(&mut connection, query).await?;
            if found.is_fruitless() || found.after.as_ref().is_some_and(|(tier, _)| *tier == ALIKE) {
                drop(connection);
                let alike = self.alike(query).await?;
                connection = self.0.store.read().await?;
                found.take(&mut connection, ALIKE, Fits::Alike(alike)).await?;
            }
        } else {
            found.take(&mut connection, 0, Fits::Anything).await?;
        }
        let page = Page::cut(found.found, size, |(tier, last)| write_cursor(order, *tier, last));
        Ok(Page { items: shown(&mut connection, page.items).await?, next: page.next })
    }

    /// Who looks at a list. Whoever came with a token for certain Executors sees those of theirs, and what is public.
    pub(super) fn viewer(&self, caller: &Caller) -> Result<Viewer, Error> {
        match caller {
            Caller::Anonymous if self.0.rules.hub.sign_in_required => Err(Error::sign_in_required(false)),
            Caller::Anonymous => Ok(Viewer::default()),
            Caller::Person { user, power, .. } => {
                Ok(Viewer { person: Some(user.id), only: power.executors.clone() })
            }
        }
    }

    /// For each word that was typed, the words that may have been meant.
    async fn alike(&self, query: &Query) -> Result<Vec<(String, Vec<String>)>, Error> {
        let mut transaction = self.0.store.begin().await?;
        let candidates = store::search_words::alike(&mut transaction, query.words()).await?;
        transaction.commit().await?;
        let alike = query.words().iter().map(|typed| {
            let mut near: Vec<(usize, &str)> = candidates
                .iter()
                .filter(|candidate| candidate.typed == *typed)
                .filter_map(|candidate| {
                    let most = most_slips(candidate.stem.chars().count());
                    Some((slips(&candidate.stem, &candidate.word, most)?, candidate.word.as_str()))
                })
                .collect();
            near.sort_unstable();
            let words = near.into_iter().take(MOST_ALIKE).map(|(_, word)| word.to_owned()).collect();
            (typed.clone(), words)
        });
        Ok(alike.collect())
    }
}

/// Fills one page, from one kind of result after the other.
struct Finder<'a> {
    viewer: &'a Viewer,
    listing: &'a Listing,
    order: Order,
    after: Option<(u8, Entry)>,
    limit: i64,
    found: Vec<(u8, Entry)>,
}

impl Finder<'_> {
    async fn search(&mut self, connection: &mut Connection, query: &Query) -> Result<(), StoreError> {
        let name = query.text().to_owned();
        let kinds = [
            Fits::Name(name.clone()),
            Fits::Prefix(name.clone()),
            Fits::Head(query.words().to_vec(), name.clone()),
            Fits::Body(query.words().to_vec(), name.clone()),
            Fits::HeadBegun(query.words().to_vec(), name.clone()),
            Fits::BodyBegun(query.words().to_vec(), name),
        ];
        for (tier, fits) in (0..).zip(kinds) {
            self.take(connection, tier, fits).await?;
        }
        Ok(())
    }

    /// Whether a first page is empty.
    fn is_fruitless(&self) -> bool {
        self.after.is_none() && self.found.is_empty()
    }

    /// Adds results of one kind, unless the page is full or began after all of them.
    async fn take(&mut self, connection: &mut Connection, tier: u8, fits: Fits) -> Result<(), StoreError> {
        let left = self.limit - i64::try_from(self.found.len()).unwrap_or(i64::MAX);
        let first = self.after.as_ref().map_or(0, |(first, _)| *first);
        if left <= 0 || tier < first {
            return Ok(());
        }
        let wanted = Wanted {
            viewer: self.viewer,
            narrowed: &self.listing.narrowed,
            fits: &fits,
            order: self.order,
            after: self.after.as_ref().filter(|(at, _)| *at == tier).map(|(_, entry)| entry),
            limit: left,
        };
        let entries = store::search_entries::page(connection, &wanted).await?;
        self.found.extend(entries.into_iter().map(|entry| (tier, entry)));
        Ok(())
    }
}

/// What lists show of these, in their order. One that went away meanwhile is left out.
async fn shown(connection: &mut Connection, entries: Vec<(u8, Entry)>) -> Result<Vec<Shown>, StoreError> {
    let ids: Vec<ExecutorId> = entries.iter().map(|(_, entry)| entry.id.clone()).collect();
    let listed = store::executor_search::listed(connection, &ids).await?;
    let mut listed: HashMap<ExecutorId, Listed> =
        listed.into_iter().map(|listed| (listed.id.clone(), listed)).collect();
    let shown = entries
        .into_iter()
        .filter_map(|(_, entry)| Some(Shown { executor: listed.remove(&entry.id)?, pulled: entry.pulled }));
    Ok(shown.collect())
}

fn letter(order: Order) -> &'static str {
    match order {
        Order::Recent => "r",
        Order::Trending => "t",
        Order::Name => "n",
        Order::Best => "b",
    }
}

fn write_cursor(order: Order, tier: u8, last: &Entry) -> String {
    let Entry { id, name_key, pushed_at, pulled, popularity } = last;
    let micros = pushed_at.timestamp_micros();
    URL_SAFE_NO_PAD.encode(format!("{} {tier} {pulled} {popularity} {micros} {id} {name_key}", letter(order)))
}

fn read_cursor(cursor: &str, order: Order) -> Result<(u8, Entry), Error> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let mut parts = text.split(' ');
        if parts.next()? != letter(order) {
            return None;
        }
        let tier = parts.next()?.parse().ok().filter(|tier| *tier <= ALIKE)?;
        let (pulled, popularity) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        // Nothing was pushed before 1970 or will be after 9999: Postgres knows neither end of chrono's time.
        let micros = parts
            .next()?
            .parse()
            .ok()
            .filter(|micros: &i64| (0..=253_402_300_799_000_000).contains(micros))?;
        let pushed_at = DateTime::from_timestamp_micros(micros)?;
        let id = parts.next()?.parse().ok()?;
        let name_key = parts.next().filter(|name| !name.contains('\0'))?.to_owned();
        parts.next().is_none().then_some((tier, Entry { id, name_key, pushed_at, pulled, popularity }))
    };
    read().ok_or_else(|| {
        Error::invalid("cursor", "The cursor was not made by this list.", "Start again from the first page.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_place_in_its_list_and_in_no_other() {
        let entry = Entry {
            id: "w7qckiqy".parse().unwrap(),
            name_key: "my-encoder".into(),
            pushed_at: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap(),
            pulled: 7,
            popularity: 3,
        };
        let cursor = write_cursor(Order::Trending, 0, &entry);
        assert_eq!(read_cursor(&cursor, Order::Trending).unwrap(), (0, entry));
        assert!(read_cursor(&cursor, Order::Recent).is_err());
        for nonsense in [
            "",
            "abc",
            "%",
            &URL_SAFE_NO_PAD.encode("t 9 0 0 0 w7qckiqy x"),
            &URL_SAFE_NO_PAD.encode("t 0 0 0 -5 w7qckiqy x"),
        ] {
            assert!(read_cursor(nonsense, Order::Trending).is_err(), "{nonsense}");
        }
    }
}
