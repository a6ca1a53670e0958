//! Is the Hub reached where its links say, and does its certificate hold?

use rustls::{CertificateError, Error as TlsError};

use super::{LIMIT, report::Report};
use crate::{
    cli::web::{Ask, Judgement, Site, ask},
    config::{Settings, Source},
};

/// What the settings alone tell.
pub(super) fn check_settings(settings: &Settings, report: &mut Report) {
    let server = &settings.server;
    let Ok(site) = Site::parse(&server.external_url) else {
        report.fault(
            "external_url",
            format!("{} is no address", server.external_url),
            "Set `server.external_url` to the address that people type, such as https://hub.example.com.",
        );
        return;
    };
    let is_open = !server.listen.ip().is_loopback();
    let source = settings.effective().iter().find(|setting| setting.key == "server.external_url");
    let is_unset = source.is_some_and(|setting| matches!(setting.source, Source::Derived(_)));
    let host = site.host.trim_start_matches('[').trim_end_matches(']');
    let is_nowhere = host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_unspecified());
    let is_loopback =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if is_nowhere {
        report.fault(
            "external_url",
            format!("links would start with {}, which is nowhere", server.external_url),
            "Set `server.external_url` to the address that people type, such as https://hub.example.com.",
        );
    } else if is_loopback && is_open {
        report.fault(
            "external_url",
            format!("other machines may connect, but links start with {}", server.external_url),
            "Set `server.external_url` to the address that people type, such as https://hub.example.com.",
        );
    } else if is_unset && is_open {
        report.warn(
            "external_url",
            format!("it is not set; links start with {}", server.external_url),
            "Set `server.external_url`: a name outlives an address.",
        );
    } else {
        report.good("external_url", format!("links start with {}", server.external_url));
    }
    if is_open && !server.has_tls() && !site.is_tls {
        report.warn(
            "encryption",
            "tokens and passwords cross the network readable for everybody on the way",
            "Give the Hub a certificate (`server.tls_certificate`, `server.tls_key`) or put a proxy with TLS before it.",
        );
    } else {
        report.good("encryption", "nothing leaves this machine without TLS, as far as the settings tell");
    }
}

/// What clients meet; the site when it is the Hub that answers there.
pub(super) async fn check_from_outside(settings: &Settings, report: &mut Report) -> Option<Site> {
    let url = &settings.server.external_url;
    let site = Site::parse(url).ok()?;
    let reply = match ask(&site, Ask::get("/ping"), LIMIT).await {
        Ok(reply) => reply,
        Err(error) => {
            let other = Site { is_tls: !site.is_tls, ..site.clone() };
            let speaks_other =
                ask(&other, Ask::get("/ping"), LIMIT).await.is_ok_and(|reply| reply.status < 500);
            let fix = if speaks_other {
                let scheme = if other.is_tls { "https" } else { "http" };
                format!(
                    "It answers when it is asked by {scheme}://: correct the scheme of `server.external_url`."
                )
            } else {
                "Check name resolution, firewall and proxy; from inside a container the name may lead elsewhere.".into()
            };
            report.fault("reachable", format!("nobody can use {url}: {error}"), fix);
            return None;
        }
    };
    if let Some(judgement) = &reply.certificate {
        judge(judgement, &site.host, report);
    }
    let is_hub = reply.status == 200 && reply.body == b"pong\n" && !reply.header("x-request-id").is_empty();
    if (300..400).contains(&reply.status) {
        report.fault(
            "reachable",
            format!("{url} sends clients on to {}", reply.header("location")),
            "Set `server.external_url` to the address where it ends: old clients do not follow a push.",
        );
        return None;
    }
    if !is_hub {
        report.fault(
            "reachable",
            format!("{url} answers with {}, but it is not the Hub", reply.status),
            format!("Let the proxy pass everything below this address to {}.", settings.server.listen),
        );
        return None;
    }
    report.good("reachable", format!("the Hub answers at {url}"));
    Some(site)
}

fn judge(judgement: &Judgement, host: &str, report: &mut Report) {
    let Some(error) = &judgement.today else {
        match &judgement.soon {
            Some(error) => report.warn(
                "certificate",
                format!("clients will refuse the certificate within two weeks: {error}"),
                "Renew it; the Hub reads its files again by itself.",
            ),
            None => report.good("certificate", "clients accept it, and will for two weeks at least"),
        }
        return;
    };
    let (found, fix) = match error {
        TlsError::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            ("it has expired".to_owned(), "Renew it; the Hub reads its files again by itself.".to_owned())
        }
        TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => (
            format!("it is made out to another name than {host}"),
            format!("Get one for {host}, or correct `server.external_url`."),
        ),
        TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => {
            report.warn(
                "certificate",
                "this machine does not know who issued it",
                "If it is your own authority: clients need its certificate (SSL_CERT_FILE, REQUESTS_CA_BUNDLE), and the file of \
                 the server must hold every certificate between.",
            );
            return;
        }
        other => (other.to_string(), "Get another one.".to_owned()),
    };
    report.fault("certificate", format!("clients refuse the certificate: {found}"), fix);
}
