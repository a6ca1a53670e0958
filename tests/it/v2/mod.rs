//! The RPC, as the clients since jina 2.7 speak it.

mod artifact;
mod executor;
mod user;
mod whoami;
