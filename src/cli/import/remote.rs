//! What does another Hub have? Its Executors page by page, each one's tagged commits from the oldest on; bytes are fetched only
//! where they are not here yet, and held against their digest.

use std::{collections::BTreeMap, io::Write as _, time::Duration};

use futures_util::StreamExt as _;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256 as Hasher};

use super::{Found, Import, Report};
use crate::{
    app::App,
    cli::{failure::Failure, web},
    domain::{CommitId, ExecutorId, Secret, Tag, Visibility, digest::Sha256},
    error::Error,
    hub::publish::Upload,
};

/// Tags of one Executor that are believed.
const MOST_TAGS: usize = 100_000;
/// How long the other Hub may take to answer, and between two pieces of an answer.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug, Deserialize)]
struct ExecutorPage {
    executors: Vec<Executor>,
    next_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Executor {
    id: String,
    name: Option<String>,
    owner: Option<String>,
    visibility: String,
}

#[derive(Debug, Deserialize)]
struct TagPage {
    tags: Vec<RemoteTag>,
    next_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RemoteTag {
    name: String,
    commit: String,
    protected: bool,
}

#[derive(Debug, Deserialize)]
struct CommitAnswer {
    commit: Commit,
}

#[derive(Debug, Deserialize)]
struct Commit {
    id: String,
    package_sha256: Sha256,
    created_at: String,
}

struct Remote {
    url: String,
    token: Option<Secret>,
    client: reqwest::Client,
}

impl Import {
    pub(super) async fn take_hub(&self, app: &App, url: &str, report: &mut Report) -> Result<(), Failure> {
        let token = match &self.token_file {
            None => None,
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|error| anyhow::anyhow!("cannot read {}: {error}", file.display()))?;
                Some(Secret::new(text.trim()))
            }
        };
        let remote = Remote::new(url, token)?;
        let mut cursor = None;
        loop {
            let page: ExecutorPage = remote.page("/api/v1/executors", cursor.as_deref()).await?;
            for executor in &page.executors {
                self.take_executor(app, &remote, executor, report).await?;
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    async fn take_executor(
        &self,
        app: &App,
        remote: &Remote,
        executor: &Executor,
        report: &mut Report,
    ) -> Result<(), Failure> {
        executor
            .id
            .parse::<ExecutorId>()
            .map_err(|_| anyhow::anyhow!("the other Hub names an Executor by what is no id"))?;
        let id = &executor.id;
        let odd = |what: &str| anyhow::anyhow!("the other Hub says of {id} what is no {what}");
        let mut by_commit: BTreeMap<String, (Vec<Tag>, Vec<Tag>)> = BTreeMap::new();
        let visibility = match executor.visibility.as_str() {
            "private" => Visibility::Private,
            "public" => Visibility::Public,
            _ => return Err(odd("visibility").into()),
        };
        let (mut cursor, mut known) = (None, 0);
        loop {
            let page: TagPage =
                remote.page(&format!("/api/v1/executors/{id}/tags"), cursor.as_deref()).await?;
            known += page.tags.len();
            if known > MOST_TAGS {
                return Err(odd("list of tags with an end").into());
            }
            for tag in page.tags {
                tag.commit.parse::<CommitId>().map_err(|_| odd("commit"))?;
                let name: Tag = tag.name.parse().map_err(|_| odd("tag"))?;
                let (plain, protected) = by_commit.entry(tag.commit).or_default();
                if tag.protected { protected.push(name) } else { plain.push(name) }
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        let mut commits = Vec::new();
        for (commit, tags) in by_commit {
            let path = format!("/api/v1/executors/{id}/commits/{commit}");
            let answer: CommitAnswer = remote.get(&path, &[]).await?;
            commits.push((answer.commit, tags));
        }
        // The tag pushed last is what is pulled where there is no `latest`.
        commits
            .sort_by(|(one, _), (other, _)| (&one.created_at, &one.id).cmp(&(&other.created_at, &other.id)));
        let name = executor.name.as_deref().map(|name| name.parse().map_err(|_| odd("name"))).transpose()?;
        for (commit, (tags, protected_tags)) in commits {
            let Some(tag) = tags.iter().chain(&protected_tags).next().cloned() else { continue };
            let found = Found {
                place: format!("{id}:{tag}"),
                owner: executor.owner.clone(),
                name: name.clone(),
                tags,
                protected_tags,
                visibility: Some(visibility),
                sha256: Some(commit.package_sha256),
            };
            let fetch = async || remote.package(app, id, &tag, commit.package_sha256).await;
            self.take(app, &found, report, fetch).await?;
        }
        Ok(())
    }
}

/// A package that is told and passed over.
fn refused(code: &'static str, why: String) -> Failure {
    Error::invalid(code, why, "Push it here by hand, or mend it there.").into()
}

impl Remote {
    fn new(url: &str, token: Option<Secret>) -> Result<Self, Failure> {
        let client = web::client(PATIENCE).map_err(anyhow::Error::from)?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), token, client })
    }

    async fn page<T: DeserializeOwned>(&self, path: &str, cursor: Option<&str>) -> Result<T, Failure> {
        let mut query = vec![("limit", "100")];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.get(path, &query).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, Failure> {
        let mut address = format!("{}{path}", self.url);
        for (place, (name, value)) in query.iter().enumerate() {
            let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
            address.push(if place == 0 { '?' } else { '&' });
            address.extend([*name, "="]);
            address.extend(value);
        }
        self.answer(self.client.get(address)).await
    }

    async fn answer<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, Failure> {
        const LARGEST: usize = 64 << 20;
        let request = match &self.token {
            None => request,
            Some(token) => request.header("authorization", format!("Bearer {}", token.expose())),
        };
        let response = request.send().await.map_err(|error| self.away(error))?;
        let status = response.status();
        let mut pieces = response.bytes_stream();
        let mut body = Vec::new();
        while let Some(piece) = pieces.next().await {
            body.extend_from_slice(&piece.map_err(|error| self.away(error))?);
            if body.len() > LARGEST {
                return Err(anyhow::anyhow!("{} answers without an end", self.url).into());
            }
        }
        if !status.is_success() {
            let said = String::from_utf8_lossy(&body);
            let said: String = said.chars().filter(|letter| !letter.is_control()).take(300).collect();
            return Err(anyhow::anyhow!("{} answers {status}: {said}", self.url).into());
        }
        let odd = |error| anyhow::anyhow!("{} is no Hub that can be read: {error}", self.url);
        Ok(serde_json::from_slice(&body).map_err(odd)?)
    }

    /// The bytes of a commit, by one of its tags.
    async fn package(&self, app: &App, id: &str, tag: &Tag, sha256: Sha256) -> Result<Upload, Failure> {
        let request = self.client.post(format!("{}/v2/rpc/executor.getPackage", self.url));
        let request = request
            .header("content-type", "application/json")
            .body(json!({"id": id, "tag": tag.as_str()}).to_string());
        let answer: Value = self.answer(request).await?;
        let address = answer.pointer("/data/package/download").and_then(Value::as_str);
        let address =
            address.ok_or_else(|| anyhow::anyhow!("{} gives no address for {id}:{tag}", self.url))?;
        // The address is a permission by itself, and may be of another machine: it gets no token.
        let response = self.client.get(address).send().await.map_err(|error| self.away(error))?;
        if matches!(response.status().as_u16(), 404 | 410) {
            return Err(refused("import_missing", format!("The other Hub has no bytes of {id}:{tag}.")));
        }
        if !response.status().is_success() {
            return Err(anyhow::anyhow!(
                "{} answers {} for the bytes of {id}:{tag}",
                self.url,
                response.status()
            )
            .into());
        }
        let most = app.settings().packages.max_upload.0;
        let hub = app.hub().clone();
        let staged =
            tokio::task::spawn_blocking(move || hub.stage_upload()).await.map_err(anyhow::Error::from)?;
        let mut file = staged.map_err(anyhow::Error::from)?;
        let (mut hasher, mut size) = (Hasher::new(), 0);
        let mut pieces = response.bytes_stream();
        while let Some(piece) = pieces.next().await {
            // Whoever asks again hears the same: its bytes may be damaged there, and the server breaks off.
            let piece = piece.map_err(|error| {
                refused("import_broken", format!("The bytes of {id}:{tag} break off: {error}."))
            })?;
            size += piece.len() as u64;
            if size > most {
                let why = format!("{id}:{tag} is larger than `packages.max_upload` here.");
                return Err(refused("import_too_large", why));
            }
            let written = tokio::task::spawn_blocking(move || {
                hasher.update(&piece);
                file.write_all(&piece).map(|()| (file, hasher))
            });
            (file, hasher) = written.await.map_err(anyhow::Error::from)?.map_err(anyhow::Error::from)?;
        }
        if hasher.finalize().as_slice() != sha256.as_bytes() {
            let why = format!("The bytes of {id}:{tag} came otherwise than the other Hub says.");
            return Err(refused("import_damaged", why));
        }
        Ok(Upload { file, claimed_md5: None })
    }

    fn away(&self, error: reqwest::Error) -> anyhow::Error {
        anyhow::anyhow!("{} does not answer as it should: {}", self.url, error.without_url())
    }
}
