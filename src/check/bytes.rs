//! Has every row its bytes, and every byte its row? What happens meanwhile is no problem: a row that went with its bytes, and
//! bytes that came before their row.

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};

use super::{CheckError, Checker, Problem, Summary, key_of};
use crate::{
    blobs::{BlobError, BlobKey, Stored},
    domain::digest::Sha256,
    store::needed_bytes::{self, PURPOSES, Purpose},
};

/// Digests that are looked at in one statement.
const PAGE: i64 = 500;
/// Objects that are asked for at the same time.
const AT_ONCE: usize = 8;

impl Checker {
    pub(super) async fn check_needed(
        &self,
        summary: &mut Summary,
        tell: &mut (impl FnMut(Problem, &mut Summary) + Send),
    ) -> Result<(), CheckError> {
        for purpose in PURPOSES {
            let mut after = Vec::new();
            loop {
                let page = {
                    let mut connection = self.store.read().await?;
                    needed_bytes::page(&mut connection, purpose, &after, PAGE).await?
                };
                let Some((last, _)) = page.last() else { break };
                after = last.as_bytes().to_vec();
                let looks = page.into_iter().map(|(sha256, size)| self.look(purpose, sha256, size));
                let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
                while let Some(look) = looks.next().await {
                    let (key, size, wrong) = look?;
                    summary.objects += 1;
                    summary.bytes += size;
                    if let Some((code, says)) = wrong {
                        let subject = key.to_string();
                        tell(
                            Problem { code, subject, says, is_about_bytes: true, can_be_repaired: false },
                            summary,
                        );
                    }
                }
            }
        }
        Ok(())
    }

    async fn look(
        &self,
        purpose: Purpose,
        sha256: Sha256,
        size: u64,
    ) -> Result<(BlobKey, u64, Option<(&'static str, &'static str)>), CheckError> {
        let key = key_of(purpose, sha256);
        let found = if self.deep { self.blobs.verify(&key).await } else { self.blobs.size(&key).await };
        let wrong = match found {
            Ok(found) if found == size => None,
            Ok(_) => Some(("bytes_have_another_size", "has another size than its record says")),
            Err(BlobError::Damaged(_)) => {
                Some(("bytes_damaged", "is damaged; push or store the same bytes again to heal it"))
            }
            Err(BlobError::NotFound(_)) if self.is_needed(purpose, sha256).await? => {
                Some(("bytes_missing", "is missing; push or store the same bytes again to heal it"))
            }
            Err(BlobError::NotFound(_)) => None,
            Err(error) => return Err(error.into()),
        };
        Ok((key, size, wrong))
    }

    /// Whether something needs these bytes still.
    async fn is_needed(&self, purpose: Purpose, sha256: Sha256) -> Result<bool, CheckError> {
        let mut connection = self.store.read().await?;
        let before = previous(sha256);
        let page = needed_bytes::page(&mut connection, purpose, &before, 1).await?;
        Ok(page.first().is_some_and(|(found, _)| *found == sha256))
    }

    pub(super) async fn check_stored(
        &self,
        now: DateTime<Utc>,
        summary: &mut Summary,
        tell: &mut (impl FnMut(Problem, &mut Summary) + Send),
    ) -> Result<(), CheckError> {
        let round = usize::try_from(PAGE).unwrap_or(1);
        let mut listing = self.blobs.list().ready_chunks(round);
        while let Some(found) = listing.next().await {
            let found: Vec<Stored> = found.into_iter().collect::<Result<_, _>>()?;
            for stored in
                self.unknown(&found).await?.into_iter().filter(|stored| stored.at < now - self.patience)
            {
                let subject = stored.key.to_string();
                tell(
                    Problem {
                        code: "bytes_without_row",
                        subject,
                        says: "belongs to nothing",
                        is_about_bytes: true,
                        can_be_repaired: true,
                    },
                    summary,
                );
            }
        }
        Ok(())
    }

    /// Those of these that no record knows of.
    pub(super) async fn unknown(&self, found: &[Stored]) -> Result<Vec<Stored>, CheckError> {
        let mut unknown = Vec::new();
        let mut connection = self.store.read().await?;
        for purpose in PURPOSES {
            let is_of = |stored: &&Stored| key_of(purpose, stored.key.sha256()) == stored.key;
            let digests: Vec<Sha256> = found.iter().filter(is_of).map(|stored| stored.key.sha256()).collect();
            let digests = needed_bytes::unknown(&mut connection, purpose, &digests).await?;
            unknown.extend(
                found.iter().filter(is_of).filter(|stored| digests.contains(&stored.key.sha256())).copied(),
            );
        }
        Ok(unknown)
    }
}

/// The bytes before a digest in their order; empty before the first.
fn previous(sha256: Sha256) -> Vec<u8> {
    let mut bytes = sha256.as_bytes().to_vec();
    for byte in bytes.iter_mut().rev() {
        let (less, borrows) = byte.overflowing_sub(1);
        *byte = less;
        if !borrows {
            return bytes;
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_before_is_the_one_before() {
        let mut bytes = [7; 32];
        bytes[31] = 0;
        let before = previous(Sha256(bytes));
        assert_eq!(before[30..], [6, 255]);
        assert!(previous(Sha256([0; 32])).is_empty());
    }
}
