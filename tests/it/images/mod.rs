//! Do built images enter the registry whole, once, and only when they may?

mod built;
mod ingest;
