//! Do several replicas and workers, each in a network of its own, make one Hub over one database and one bucket? And does it
//! stay one when any of them dies, or the bucket fails?

mod faults;
mod namespace;
mod redirect;
mod replicas;
mod workers;
mod world;
