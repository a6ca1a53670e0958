//! Parses the command line and hands over; nothing else.

/// Every request takes a buffer of 8 KiB from the allocator, and glibc's takes a detour for such (benches/run.py, `resolve`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    executor_hub::cli::run()
}
