//! `executor-hub inspect-python`: the child process that reads Python source, so that hostile source can exhaust nothing
//! but it.

use super::failure::Failure;

pub(super) fn run() -> Result<(), Failure> {
    Ok(())
}
