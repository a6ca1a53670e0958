//! How does a child learn that its parent was killed? The kernel tells it, if it asked before it became another program.
//! The only unsafe code of the Hub: nothing may allocate or lock between fork and exec.
#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "a hook between fork and exec cannot be had otherwise")
)]

use std::process::Command;

use nix::sys::signal::Signal;

/// Lets `command` get `signal` when the **thread** that spawns it ends, be it alone or with its process. So spawn it from a
/// thread that lives as long as the child should: a thread of a pool ends whenever the pool is bored.
///
/// Changing the user clears the request; `Command::uid` does that before it calls this hook, so both may be used.
#[cfg(target_os = "linux")]
pub(super) fn send_on_our_death(command: &mut Command, signal: Signal) {
    use std::{io::Error, os::unix::process::CommandExt};

    use nix::{
        libc::ESRCH,
        sys::prctl::set_pdeathsig,
        unistd::{getpid, getppid},
    };

    let us = getpid();
    let ask = move || {
        set_pdeathsig(signal)?;
        // Who was orphaned before asking would wait for a signal that never comes.
        if getppid() == us { Ok(()) } else { Err(Error::from_raw_os_error(ESRCH)) }
    };
    // SAFETY: `ask` makes two system calls and builds errors from numbers; it neither allocates nor locks.
    unsafe {
        command.pre_exec(ask);
    }
}

/// Other systems have no such signal.
#[cfg(not(target_os = "linux"))]
pub(super) fn send_on_our_death(_: &mut Command, _: Signal) {}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::process::{CommandExt, ExitStatusExt};

    use nix::unistd::Uid;

    use super::*;

    /// Would take a minute and end with status 0 if nobody told it to end.
    fn spawned_by_a_thread_that_ends(mut command: Command) -> Option<i32> {
        send_on_our_death(&mut command, Signal::SIGTERM);
        let spawning = std::thread::spawn(move || command.arg("60").spawn().unwrap());
        spawning.join().unwrap().wait().unwrap().signal()
    }

    #[test]
    fn child_ends_with_the_thread_that_spawned_it() {
        assert_eq!(spawned_by_a_thread_that_ends(Command::new("sleep")), Some(Signal::SIGTERM as i32));
    }

    #[test]
    fn changing_the_user_keeps_the_request() {
        let mut command = Command::new("sleep");
        if Uid::effective().is_root() {
            command.uid(65534).gid(65534);
        } else {
            eprintln!("not root: the user stays the same, so this repeats the test above");
        }
        assert_eq!(spawned_by_a_thread_that_ends(command), Some(Signal::SIGTERM as i32));
    }
}
