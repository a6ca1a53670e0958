//! How much is too much? Every bound on what people send and what builds may use, in one place.

use std::time::Duration;

/// Bounds on an uploaded package, checked while it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageLimits {
    /// Bytes of the uploaded zip.
    pub upload_bytes: u64,
    /// Bytes of all files once unpacked.
    pub unpacked_bytes: u64,
    /// Files and folders in the zip.
    pub entries: usize,
    /// Folders above a file.
    pub depth: usize,
    /// Bytes of one entry's path.
    pub path_bytes: usize,
    /// Unpacked bytes per packed byte of one entry, and of all, above the first 64 MiB: what tells a bomb from an array of
    /// zeros.
    pub ratio: u64,
    /// Bytes of one file that is read for its meaning: a larger Python source is stored but not read, larger requirements
    /// are refused. YAML and TOML have lower bounds of their own, as their parsers need many times the memory.
    pub source_bytes: u64,
    /// Bytes of a readme that are kept for show.
    pub readme_bytes: u64,
}

impl Default for PackageLimits {
    fn default() -> Self {
        Self {
            upload_bytes: 2 << 30,
            unpacked_bytes: 8 << 30,
            entries: 20_000,
            depth: 32,
            path_bytes: 1024,
            ratio: 200,
            source_bytes: 256 << 10,
            readme_bytes: 512 << 10,
        }
    }
}

/// Bounds on artifacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArtifactLimits {
    /// Bytes of one artifact.
    pub upload_bytes: u64,
    /// Bytes of all artifacts of one person, bytes that several of them share counted for each.
    pub person_bytes: u64,
    /// Artifacts of one person.
    pub person_artifacts: u64,
}

impl Default for ArtifactLimits {
    fn default() -> Self {
        Self { upload_bytes: 2 << 30, person_bytes: 20 << 30, person_artifacts: 100_000 }
    }
}

/// Bounds on one build, kept from outside the build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildLimits {
    /// From the first step to the last.
    pub time: Duration,
    /// Bytes of memory of one step.
    pub memory_bytes: u64,
    /// Processes and threads of one step.
    pub processes: u64,
    /// Bytes that one step may write to the engine's disk.
    pub disk_bytes: u64,
    /// Bytes that a build leaves free on the engine's disk.
    pub disk_reserve_bytes: u64,
    /// Bytes of console output, kept or not, after which a build is stopped.
    pub output_bytes: u64,
    /// Bytes of console output that are kept; what comes after is counted and dropped.
    pub log_bytes: u64,
    /// Bytes of one console line; longer ones are cut.
    pub log_line_bytes: usize,
}

impl Default for BuildLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_hours(1),
            memory_bytes: 4 << 30,
            processes: 4096,
            disk_bytes: 20 << 30,
            disk_reserve_bytes: 1 << 30,
            output_bytes: 1 << 30,
            log_bytes: 16 << 20,
            log_line_bytes: 16 << 10,
        }
    }
}
