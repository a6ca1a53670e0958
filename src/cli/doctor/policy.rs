//! Is something open that hardly anybody means to be? And are files that builds need what they should be?

use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::report::Report;
use crate::{
    config::{BuildMode, Registration, Settings},
    http::tls::Tls,
};

/// The engine takes no larger secret.
const MOST_CERTIFICATE_BYTES: usize = 500 << 10;

pub(super) fn check(settings: &Settings, report: &mut Report) {
    let is_open = !settings.server.listen.ip().is_loopback();
    let anybody = settings.auth.registration == Registration::Open || settings.auth.anonymous_push;
    let is_bounded = settings.limits.storage_per_owner.0 > 0 && settings.limits.anonymous_pushes_per_hour > 0;
    if is_open && anybody && !settings.auth.sign_in_required && !is_bounded {
        report.warn(
            "open_to_anybody",
            "whoever reaches the Hub may push, and so run code in builds and fill the disk",
            "Set `auth.anonymous_push = false` and `auth.registration = \"closed\"`, or set `limits.storage_per_owner` and \
             `limits.anonymous_pushes_per_hour`.",
        );
    } else {
        report.good("open_to_anybody", "pushes are for known people, or bounded, or from this machine only");
    }
    if settings.server.has_tls() {
        match Tls::load(&settings.server.tls_certificate, &settings.server.tls_key) {
            Ok(_) => report.good("tls_files", "certificate and key belong together"),
            Err(error) => report.fault(
                "tls_files",
                error.to_string(),
                "Correct `server.tls_certificate` and `server.tls_key`, and let the Hub's user read both files.",
            ),
        }
    }
    check_build_certificates(settings, report);
}

fn check_build_certificates(settings: &Settings, report: &mut Report) {
    let path = &settings.builds.ca_certificates;
    if settings.builds.mode == BuildMode::Off || path.as_os_str().is_empty() {
        return;
    }
    let fix = "Set `builds.ca_certificates` to one PEM file with your authority's certificate and the public ones, at most \
               500 KiB.";
    let found = match std::fs::read(path) {
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
        Ok(bytes) if bytes.len() > MOST_CERTIFICATE_BYTES => {
            Err(format!("{} has {} bytes, more than engines take", path.display(), bytes.len()))
        }
        Ok(bytes) => {
            let certificates = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
            match certificates {
                Ok(certificates) if !certificates.is_empty() => Ok(certificates.len()),
                _ => Err(format!("{} holds no certificates in PEM", path.display())),
            }
        }
    };
    match found {
        Ok(count) => report.good("build_certificates", format!("build steps trust {count} certificates")),
        Err(found) => report.fault("build_certificates", found, fix),
    }
}
