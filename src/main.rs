//! Which command was asked for? Until the real command line is here: only the parser child.

use std::{env::args, process::ExitCode};

use executor_hub::inspect::python_child;

fn main() -> ExitCode {
    match args().nth(1) {
        Some(argument) if argument == python_child::ARGUMENT && python_child::main().is_ok() => {
            ExitCode::SUCCESS
        }
        _ => ExitCode::FAILURE,
    }
}
