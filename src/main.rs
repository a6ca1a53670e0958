//! Parses the command line and hands over; nothing else.

/// A request makes hundreds of small objects; this takes half the time of the system's allocator for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    executor_hub::cli::run()
}
