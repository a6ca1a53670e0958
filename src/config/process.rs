//! What does this process take of its machine? Read from `/proc`, which only Linux has.

/// What the process takes.
#[derive(Debug, Clone, Copy)]
pub struct ProcessFigures {
    /// When it started, in seconds since 1970.
    pub started: f64,
    /// Processor time since then.
    pub cpu_seconds: f64,
    /// Memory that it holds.
    pub memory_bytes: f64,
    /// Open file descriptors.
    pub open_files: f64,
    /// How many there may be.
    pub max_files: f64,
}

/// What it takes now; `None` where nobody tells.
pub fn figures() -> Option<ProcessFigures> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program stands in parentheses and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let field = |at: usize| fields.get(at)?.parse::<f64>().ok();
    let ticks = f64::from(i32::try_from(nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok()??).ok()?);
    let page =
        f64::from(i32::try_from(nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??).ok()?);
    let boot = std::fs::read_to_string("/proc/stat").ok()?;
    let boot: f64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    let open = u32::try_from(std::fs::read_dir("/proc/self/fd").ok()?.count()).ok()?;
    let (limit, _) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).ok()?;
    // Fields of proc(5), counted from the state, which is the third: utime, stime, starttime, rss.
    Some(ProcessFigures {
        started: boot + field(19)? / ticks,
        cpu_seconds: (field(11)? + field(12)?) / ticks,
        memory_bytes: field(21)? * page,
        open_files: f64::from(open),
        max_files: f64::from(u32::try_from(limit).unwrap_or(u32::MAX)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_takes_memory_and_files_and_started_before_now() {
        let figures = figures().expect("Linux");
        assert!(figures.memory_bytes > 1e6 && figures.memory_bytes < 1e11, "{figures:?}");
        assert!(figures.open_files >= 3.0 && figures.open_files <= figures.max_files, "{figures:?}");
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        assert!(figures.started < now + 1.0 && now - figures.started < 3600.0, "{figures:?}");
    }
}
