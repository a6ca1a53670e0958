//! Words of names and keywords of public Executors, to find what somebody meant who mistyped it.

use super::{Connection, StoreError};

/// A word that may be meant.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// What was typed.
    pub typed: String,
    /// What that is reduced to before words are compared: without endings.
    pub stem: String,
    /// A word of somebody's, reduced in the same way.
    pub word: String,
}

/// Words that look like what was typed, at most 50 for each, the most alike first. It must run in a transaction: how
/// unlike they may be is set for that.
pub async fn alike(connection: &mut Connection, typed: &[String]) -> Result<Vec<Candidate>, StoreError> {
    // Two letters exchanged in a word of five leave a fifth of its threes.
    sqlx::query!("SELECT set_config('pg_trgm.similarity_threshold', '0.2', true)")
        .fetch_one(&mut *connection)
        .await?;
    let rows = sqlx::query!(
        r#"SELECT t.typed AS "typed!", t.stem AS "stem!", w.word AS "word!"
           FROM (SELECT typed, coalesce((ts_lexize('english_stem', typed))[1], typed) AS stem
                 FROM unnest($1::text[]) AS typed) t
           CROSS JOIN LATERAL (SELECT word FROM search_words WHERE word % t.stem
                               ORDER BY similarity(word, t.stem) DESC, word LIMIT 50) w"#,
        typed
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| Candidate { typed: row.typed, stem: row.stem, word: row.word }).collect())
}
