//! For which platforms is a commit built? For all that its author asked for, or for none: an image for less would be a lie.

use super::Fault;
use crate::domain::task::FaultKind;

/// `os/arch`, and the variant where it is not the one that goes without saying.
pub fn platform(os: &str, arch: &str, variant: &str) -> String {
    match (arch, variant) {
        (_, "") | ("arm64", "v8") | ("amd64", "v1") => format!("{os}/{arch}"),
        _ => format!("{os}/{arch}/{variant}"),
    }
}

/// A platform as people write it, in the spelling of [`platform()`].
fn plain(text: &str) -> String {
    let text = text.trim().to_lowercase();
    // An architecture alone means Linux.
    let text = if text.contains('/') { text } else { format!("linux/{text}") };
    let mut parts = text.splitn(3, '/');
    let [os, arch, variant] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let arch = match arch {
        "x86_64" | "x86-64" => "amd64",
        "i386" | "i686" => "386",
        "aarch64" => "arm64",
        arch => arch,
    };
    platform(os, arch, variant)
}

/// What to build for, each platform once: those that were asked for, if the engine offers all of them. `None` stands for the
/// engine's own, which is the first that it offers.
pub fn choose(wanted: &[String], offered: &[String]) -> Result<Vec<Option<String>>, Fault> {
    if wanted.is_empty() {
        return Ok(vec![None]);
    }
    let missing: Vec<&str> =
        wanted.iter().filter(|wanted| !offered.contains(&plain(wanted))).map(String::as_str).collect();
    if missing.is_empty() {
        let mut chosen: Vec<String> = wanted.iter().map(|wanted| plain(wanted)).collect();
        chosen.sort();
        chosen.dedup();
        let own = offered.first();
        return Ok(chosen.into_iter().map(|chosen| (Some(&chosen) != own).then_some(chosen)).collect());
    }
    let (subject, verb) = if missing.len() == 1 { ("platform", "is") } else { ("platforms", "are") };
    let (offered, choice) = match offered {
        [only] => (only.clone(), format!("choose {only} alone")),
        several => (several.join(", "), "choose among these".to_owned()),
    };
    Err(Fault::new(
        FaultKind::Platform,
        format!(
            "The {subject} {} {verb} not offered here: this Hub's engine builds for {offered}. Leave --platform out or {choice}.",
            missing.join(", ")
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn the_variant_that_goes_without_saying_is_left_out() {
        for (written, read) in [
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/amd64", "linux/amd64"),
            ("linux/arm/v7", "linux/arm/v7"),
            ("Linux/x86_64", "linux/amd64"),
            ("aarch64", "linux/arm64"),
            (" linux/i386 ", "linux/386"),
        ] {
            assert_eq!(plain(written), read);
        }
    }

    #[test]
    fn all_that_was_asked_for_is_built_once_or_nothing_is() {
        let offered = texts(&["linux/amd64", "linux/386", "linux/arm64"]);
        assert_eq!(choose(&[], &offered).unwrap(), [None]);
        assert_eq!(choose(&texts(&["x86_64"]), &offered).unwrap(), [None]);
        let chosen = choose(&texts(&["linux/arm64", "linux/AMD64", "aarch64"]), &offered).unwrap();
        assert_eq!(chosen, [None, Some("linux/arm64".to_owned())]);
        let fault = choose(&texts(&["linux/amd64", "linux/s390x"]), &offered).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Platform);
        assert!(fault.message.contains("platform linux/s390x is not offered"), "{}", fault.message);
        assert!(fault.message.contains("linux/amd64, linux/386, linux/arm64"), "{}", fault.message);
        let fault = choose(&texts(&["arm64", "s390x"]), &offered[..1]).unwrap_err();
        assert!(fault.message.contains("platforms arm64, s390x are"), "{}", fault.message);
        assert!(fault.message.contains("choose linux/amd64 alone"), "{}", fault.message);
    }
}
