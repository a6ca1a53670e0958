//! `executor-hub inspect-python`: the child process that reads Python source, so that hostile source can exhaust nothing
//! but it.

use super::failure::Failure;
use crate::inspect::python_child;

pub(super) fn run() -> Result<(), Failure> {
    Ok(python_child::main().map_err(anyhow::Error::from)?)
}
