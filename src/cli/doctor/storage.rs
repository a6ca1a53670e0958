//! Does the object store take bytes, and how long will it?

use super::{LIMIT, report::Report};
use crate::{
    blobs::Blobs,
    config::{BlobBackend, Settings},
};

/// Fewer files than this that can still be made are too few: a package is a file, and so is a log.
const FEW_FILES: u64 = 20_000;

pub(super) async fn check(settings: &Settings, report: &mut Report) {
    if settings.blobs.backend == BlobBackend::Memory {
        report.fault(
            "storage",
            "packages are kept in memory and are gone with the process",
            "Set `blobs.backend` to \"directory\" or \"s3\".",
        );
        return;
    }
    let what = match settings.blobs.backend {
        BlobBackend::S3 => format!("the bucket {}", settings.blobs.s3_bucket),
        _ => settings.blobs.directory.display().to_string(),
    };
    let fix = match settings.blobs.backend {
        BlobBackend::S3 => {
            "Check bucket, endpoint, region and credentials of `[blobs]`; the key must be allowed to put, get, list and delete."
        }
        _ => "Let the Hub's user write there, or set `blobs.directory`.",
    };
    // Opening a folder makes it; the doctor makes nothing.
    if settings.blobs.backend == BlobBackend::Directory && !settings.blobs.directory.is_dir() {
        report.fault(
            "storage",
            format!("{what} is no folder"),
            "Start the Hub once, or set `blobs.directory`.",
        );
        return;
    }
    let blobs = match Blobs::open_beside(&settings.blobs, &settings.server.data_dir) {
        Ok(blobs) => blobs,
        Err(error) => return report.fault("storage", format!("{what}: {error}"), fix),
    };
    match tokio::time::timeout(LIMIT, blobs.try_out()).await {
        Ok(Ok(())) => report.good("storage", format!("{what} takes, gives and deletes bytes")),
        Ok(Err(error)) => report.fault("storage", format!("{what}: {error}"), fix),
        Err(_) => report.fault("storage", format!("{what} does not answer"), fix),
    }
    check_room(&blobs, settings, report);
}

fn check_room(blobs: &Blobs, settings: &Settings, report: &mut Report) {
    let room = match blobs.room() {
        Ok(room) => room,
        Err(error) => return report.fault("disk_space", error.to_string(), "Check the file system."),
    };
    let free = room.free_bytes;
    let wanted = settings.packages.max_upload.0.saturating_mul(2);
    let fix = "Free some: `executor-hub usage` tells where it goes, `executor-hub collect` deletes what nothing needs.";
    if free < settings.blobs.min_free_space.0 {
        report.fault("disk_space", format!("{free} bytes are free: the Hub says that it is not ready"), fix);
    } else if free < wanted {
        report.warn(
            "disk_space",
            format!("{free} bytes are free, less than two of the largest uploads"),
            fix,
        );
    } else {
        report.good("disk_space", format!("{free} bytes are free"));
    }
    match room.free_files {
        Some(files) if files < FEW_FILES => report.warn(
            "disk_files",
            format!("only {files} more files can be made"),
            "Use a file system with more inodes (mkfs.ext4 -i 8192), or XFS.",
        ),
        _ => report.good("disk_files", "enough files can be made"),
    }
}
