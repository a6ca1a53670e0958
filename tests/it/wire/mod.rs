//! Does the Hub still say to every generation of client what that client was content with? What real clients and the Hub
//! said to each other is kept in `tests/wire/`; here the requests are sent again, byte by byte, without Python or Docker.

mod clients;
mod differences;
mod exchange;
mod names;
mod recording;
mod replay;
mod replayer;
mod socket;

use crate::support::hub::TestHub;

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire");

/// A Hub as flows are recorded with and replayed on: nobody there, and a scripted engine.
async fn hub_of_a_flow() -> TestHub {
    TestHub::start().await
}
