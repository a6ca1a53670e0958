//! How does an Executor get another secret? By whoever may change its settings; the old one is dead at that moment, on
//! every replica.

use super::{Hub, subject::Subject};
use crate::{
    auth::{Caller, audit::Deed, passwords, policy::Action, secrets::check_chosen},
    domain::{Secret, audit::AuditAction, secret},
    error::{Error, ErrorKind},
    store,
};

impl Hub {
    /// Gives an Executor the secret that was chosen, or one that is made here, and tells it: this once.
    pub async fn rotate_secret(
        &self,
        caller: &Caller,
        subject: &Subject,
        chosen: Option<Secret>,
    ) -> Result<Secret, Error> {
        let granted = self.grant(caller, subject, Action::Manage).await?;
        if let Some(chosen) = &chosen {
            check_chosen(chosen)?;
        }
        let secret = chosen.unwrap_or_else(secret::random_text);
        let hash = passwords::hash(&secret).await?;
        let mut transaction = self.0.store.begin().await?;
        self.hold(&mut transaction, subject, &granted).await?;
        let (id, old) = (&granted.executor().id, granted.executor().secret_hash.as_deref());
        if !store::executors::set_secret(&mut transaction, id, old, &hash).await? {
            // Of two who rotate it at once, one would be told a secret that is dead already.
            return Err(Error::new(
                ErrorKind::PolicyDenied,
                "secret_changed",
                "Somebody else changed the secret at the same moment.",
                "Try again with the secret that is good now.",
            ));
        }
        let deed = Deed::with(AuditAction::SecretRotated, &granted);
        deed.record(&mut transaction, caller, self.0.clock.now()).await?;
        transaction.commit().await?;
        Ok(secret)
    }
}
