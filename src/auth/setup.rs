//! Who is the first admin? Whoever holds the setup code, which only the operator has seen: there is never a default
//! password.

use std::{
    io::{self, Write as _},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use chrono::TimeDelta;

use super::{Auth, accounts, passwords, throttle::Attempt, tokens};
use crate::{
    domain::{
        Secret, secret,
        user::{Role, User},
    },
    error::{Error, ErrorKind},
    store::{self},
};

/// How long a setup code is good.
const LIFE: TimeDelta = TimeDelta::hours(1);

/// What a start of the Hub has to say about setting it up.
#[derive(Debug)]
pub enum Setup {
    /// Somebody is there: nothing to do.
    Done,
    /// A new code, to be shown this once; it is in the setup file as well.
    Offered(Secret),
    /// One that was offered less than an hour ago is good still.
    OfferedBefore,
}

impl Auth {
    /// Offers a setup code when there is nobody yet. It is on disk, as a draft, before its row is: no crash leaves a code
    /// that nobody can read. Of several processes that start at once, one offers.
    pub async fn offer_setup(&self) -> Result<Setup, Error> {
        let mut connection = self.store.read().await?;
        if store::users::exist(&mut connection).await? {
            return Ok(Setup::Done);
        }
        drop(connection);
        let code = secret::random_text();
        let draft = self.rules.setup_file.with_extension("draft");
        let text = Secret::new(format!("{}\n", code.expose()));
        on_disk(draft.clone(), move |draft| write_private(draft, &text)).await?;
        let now = self.clock.now();
        let mut connection = self.store.read().await?;
        let is_offered =
            store::setup_code::offer(&mut connection, tokens::hash(&code), now + LIFE, now).await?;
        drop(connection);
        if is_offered {
            let file = self.rules.setup_file.clone();
            on_disk(draft, move |draft| std::fs::rename(draft, &file)).await?;
            return Ok(Setup::Offered(code));
        }
        on_disk(draft, |draft| std::fs::remove_file(draft)).await?;
        Ok(Setup::OfferedBefore)
    }

    /// Whether the Hub waits for its first admin.
    pub async fn needs_setup(&self) -> Result<bool, Error> {
        let mut connection = self.store.read().await?;
        Ok(!store::users::exist(&mut connection).await?)
    }

    /// Makes the first admin. The code is used up with it, in one transaction, and only while there is nobody.
    pub async fn set_up(
        &self,
        code: &Secret,
        login: &str,
        display_name: Option<&str>,
        password: &Secret,
        address: IpAddr,
    ) -> Result<User, Error> {
        let attempt = Attempt::from(address);
        self.count_attempt(&attempt).await?;
        if !self.needs_setup().await? {
            return Err(is_set_up());
        }
        let user = accounts::new_user(login, display_name, Role::Admin)?;
        let hash = passwords::hash_new(password, &user.login).await?;
        let now = self.clock.now();
        let mut transaction = self.store.begin().await?;
        let code = Secret::new(code.expose().trim());
        if !store::setup_code::take(&mut transaction, tokens::hash(&code), now).await? {
            return Err(Error::new(
                ErrorKind::Unauthenticated,
                "setup_code",
                "This is not the setup code, or it is older than an hour.",
                "It is in the file `setup-code` of the data folder; a start of the Hub makes a new one when it is too old.",
            ));
        }
        if !store::users::insert_first(&mut transaction, &user, now).await? {
            return Err(is_set_up());
        }
        self.note_new_user(&mut transaction, &user).await?;
        store::users::set_password(&mut transaction, user.id, &hash).await?;
        transaction.commit().await?;
        self.forgive_attempt(&attempt).await?;
        // The code is worth nothing any more; a file that stays behind does no harm.
        let _ = on_disk(self.rules.setup_file.clone(), |file| std::fs::remove_file(file)).await;
        Ok(user)
    }
}

fn is_set_up() -> Error {
    Error::new(
        ErrorKind::PolicyDenied,
        "set_up_already",
        "This Hub has its first admin already.",
        "Sign in, or ask an admin for an invitation.",
    )
}

async fn on_disk(
    file: std::path::PathBuf,
    work: impl FnOnce(&Path) -> io::Result<()> + Send + 'static,
) -> Result<(), Error> {
    let done = tokio::task::spawn_blocking(move || work(&file)).await.map_err(Error::internal)?;
    done.map_err(Error::internal)
}

/// Readable by its owner alone from its first moment on.
fn write_private(path: &Path, text: &Secret) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.expose().as_bytes())?;
    file.sync_all()
}
