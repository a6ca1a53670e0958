//! The RPC, as the clients since jina 2.7 speak it.

mod executor;
mod whoami;
