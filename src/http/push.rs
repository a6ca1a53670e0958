//! How is a push received, whatever surface it comes by? Fields and file in any order, decided before the bytes are kept;
//! what is refused is read to its end first, because a client that is still sending sees a broken connection instead of
//! the answer.

use std::str::FromStr;

use axum::{
    body::Body,
    http::{HeaderMap, header, request::Parts},
};

use super::{
    address::ClientAddress,
    caller,
    upload::{self, Form},
};
use crate::{
    app::App,
    auth::Caller,
    domain::{Tag, Visibility, commit::ClientFacts, name::InvalidName},
    error::Error,
    hub::publish::{Accepted, Admitted, Push, Upload},
};

/// The fields of a push form, as one surface reads them.
pub(super) trait PushFields {
    /// Takes a field.
    fn add(&mut self, name: String, text: String);

    /// The push that the fields so far ask for.
    fn read(&self) -> Result<Push, Error>;

    /// What the client says the file's MD5 is.
    fn claimed_md5(&self) -> Option<String>;
}

/// Receives and accepts a push.
pub(super) async fn receive(
    app: &App,
    parts: &Parts,
    body: Body,
    fields: &mut (impl PushFields + Send),
) -> Result<Accepted, Error> {
    let headers = &parts.headers;
    let caller = match sender(app, parts).await {
        Ok(caller) => caller,
        Err(error) => {
            upload::drain(body.into_data_stream()).await;
            return Err(error);
        }
    };
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let read_timeout = app.settings().server.read_timeout.0;
    let mut form = Form::new(content_type, body.into_data_stream(), read_timeout)?;
    match read_form(app, &caller, &mut form, fields).await {
        Ok((admitted, upload)) => app.hub().accept(admitted, upload).await,
        Err(error) => {
            form.drain().await;
            Err(error)
        }
    }
}

/// Who pushes, if they may at the moment.
async fn sender(app: &App, parts: &Parts) -> Result<Caller, Error> {
    let caller = app.auth().caller(&caller::credentials(&parts.headers)).await?;
    let ClientAddress(address) = ClientAddress::of(parts, app);
    app.hub().count_push(&caller, address).await?;
    Ok(caller)
}

/// Receives and accepts a push whose body is the package itself.
pub(super) async fn receive_bare(
    app: &App,
    parts: &Parts,
    push: Push,
    body: Body,
    claimed_md5: Option<String>,
) -> Result<Accepted, Error> {
    let body = body.into_data_stream();
    let admitted = async { app.hub().admit(&sender(app, parts).await?, push).await };
    let admitted = match admitted.await {
        Ok(admitted) => admitted,
        Err(error) => {
            upload::drain(body).await;
            return Err(error);
        }
    };
    let file = upload::receive_bare(app.hub(), body, app.settings().server.read_timeout.0).await?;
    app.hub().accept(admitted, Upload { file, claimed_md5 }).await
}

async fn read_form(
    app: &App,
    caller: &Caller,
    form: &mut Form,
    fields: &mut (impl PushFields + Send),
) -> Result<(Admitted, Upload), Error> {
    let mut admitted = None;
    let mut received = None;
    while let Some(part) = form.next().await? {
        if part.is_file() {
            if received.is_some() {
                return Err(Error::invalid("several_files", "The form has several files.", "Send one zip."));
            }
            admitted = Some(app.hub().admit(caller, fields.read()?).await?);
            received = Some(part.receive(app.hub()).await?);
        } else {
            let name = part.name();
            fields.add(name, part.text().await?);
            // What comes after the file counts as well: then everything is decided again.
            admitted = None;
        }
    }
    let Some(received) = received else {
        return Err(Error::invalid(
            "file_missing",
            "The form has no file.",
            "Send the package as the part 'file'.",
        ));
    };
    let admitted = match admitted {
        Some(admitted) => admitted,
        None => app.hub().admit(caller, fields.read()?).await?,
    };
    Ok((admitted, Upload { file: received, claimed_md5: fields.claimed_md5() }))
}

/// What the flags `public` and `private` say: clients always send both, and both false mean that nothing was said.
pub(super) fn visibility(public: bool, private: bool) -> Result<Option<Visibility>, Error> {
    match (public, private) {
        (false, false) => Ok(None),
        (true, false) => Ok(Some(Visibility::Public)),
        (false, true) => Ok(Some(Visibility::Private)),
        (true, true) => Err(Error::invalid(
            "visibility",
            "An Executor cannot be both public and private.",
            "Use `--public` or `--private`.",
        )),
    }
}

/// Tags that one push may bring: each is a row.
const MAX_TAGS: usize = 100;

/// The tags of a comma list.
pub(super) fn tags(list: &str) -> Result<Vec<Tag>, Error> {
    if list.split(',').filter(|tag| !tag.trim().is_empty()).count() > MAX_TAGS {
        let cause = format!("The push has more than {MAX_TAGS} tags.");
        return Err(Error::invalid("too_many_tags", cause, "Push with fewer."));
    }
    Tag::parse_list(list).map_err(|(text, reason)| {
        Error::invalid("tag", format!("'{}' is no tag: {reason}.", printable(&text)), "Choose another tag.")
    })
}

/// The platforms of a comma list, such as `linux/amd64,linux/arm64`.
pub(super) fn platforms(list: &str) -> Result<Vec<String>, Error> {
    const MAX_PLATFORMS: usize = 16;
    let is_platform = |text: &&str| {
        text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.'))
    };
    let platforms: Vec<&str> = list.split(',').map(str::trim).filter(|text| !text.is_empty()).collect();
    if platforms.len() <= MAX_PLATFORMS && platforms.iter().all(is_platform) {
        return Ok(platforms.into_iter().map(str::to_owned).collect());
    }
    Err(Error::invalid(
        "platform",
        format!("`platform` is a list of at most {MAX_PLATFORMS} platforms such as linux/amd64."),
        "Correct it and push again.",
    ))
}

/// Which Executor a push is for: its name, or a reference to it.
pub(super) fn reference<T: FromStr<Err = InvalidName>>(text: &str) -> Result<T, Error> {
    text.trim().parse().map_err(|reason| {
        let cause = format!("'{}' names no Executor: {reason}.", printable(text));
        Error::invalid("executor_reference", cause, "Use its name or its 8-character id.")
    })
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(128).collect()
}

/// What the client said of its libraries. Of some 45 headers only these are read, and none is logged.
pub(super) fn client_facts(headers: &HeaderMap) -> ClientFacts {
    let fact = |name: &str| {
        let text = headers.get(format!("jinameta-{name}"))?.to_str().ok()?.trim();
        (!text.is_empty() && text != "(unset)" && text.len() <= 64).then(|| text.to_owned())
    };
    ClientFacts {
        jina: fact("jina"),
        docarray: fact("docarray"),
        python: fact("python"),
        architecture: fact("architecture"),
    }
}
