//! `user.*`, a file per method.

pub(super) mod whoami;
