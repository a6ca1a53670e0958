//! Which images may a Dockerfile build upon or copy from? Never the Hub's own, which may be private; and, where the
//! operator gave patterns, only those that match.

use super::glob::Glob;

/// The rule for `FROM`, `COPY --from` and `RUN --mount=from=`.
#[derive(Debug)]
pub struct ImageRule {
    allowed: Vec<String>,
    own: String,
}

impl ImageRule {
    /// `allowed` are patterns such as `python:3.*`, `ghcr.io/team/**` or `python` (any tag), empty for any image;
    /// `own_prefix` is the path under which the Hub keeps its images in the engine, such as `executor-hub/`.
    pub fn new(allowed: Vec<String>, own_prefix: &str) -> Self {
        let prefix = own_prefix.trim_end_matches('/');
        // Named with something below it, or a prefix of one part would be read as an image of Docker's own library.
        let own = if prefix.is_empty() { String::new() } else { canonical(&format!("{prefix}/x")) };
        Self { allowed, own: own.strip_suffix("/x").unwrap_or_default().to_owned() }
    }

    /// Says why `image` may not be used.
    pub fn check(&self, image: &str) -> Result<(), String> {
        let plain = |character: char| character.is_ascii_alphanumeric() || "._-/:@".contains(character);
        if image.is_empty() || !image.chars().all(plain) {
            return Err(format!("names no image: '{image}'. Write a name such as python:3.11-slim."));
        }
        let full = canonical(image);
        let (repository, _) = split_tag(&full);
        let familiar = repository.trim_start_matches("docker.io/").trim_start_matches("library/");
        // Engines also find images by their id, whatever their name is.
        if familiar == "sha256"
            || (familiar.len() >= 6 && familiar.chars().all(|one| one.is_ascii_hexdigit()))
        {
            return Err(format!("uses the image id '{image}'. Write the image's name."));
        }
        let own = !self.own.is_empty()
            && repository
                .strip_prefix(&self.own)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if own {
            return Err(format!(
                "uses the image '{image}', which belongs to an Executor of this Hub. Build upon a public image instead."
            ));
        }
        if self.allowed.is_empty() || self.allowed.iter().any(|pattern| allows(pattern, &full)) {
            return Ok(());
        }
        Err(format!(
            "uses the image '{image}', which this Hub does not allow. Allowed are: {}.",
            self.allowed.join(", ")
        ))
    }
}

/// Whether `pattern` (without a tag: any tag) matches the image of the canonical name `full`.
fn allows(pattern: &str, full: &str) -> bool {
    let (repository, tag) = split_tag(full);
    let (pattern_repository, pattern_tag) = split_tag(pattern);
    let short = repository.trim_start_matches("docker.io/");
    let spellings = [repository, short, short.trim_start_matches("library/")];
    let matches = |pattern: &str, text: &str| Glob::new(pattern).is_some_and(|glob| glob.matches(text));
    spellings.iter().any(|spelling| matches(pattern_repository, spelling))
        && (pattern_tag.is_empty() || matches(pattern_tag, if tag.is_empty() { "latest" } else { tag }))
}

/// The name with its registry: `python` is `docker.io/library/python`.
fn canonical(image: &str) -> String {
    let has_registry = image.split_once('/').is_some_and(|(first, _)| {
        first.contains(['.', ':']) || first == "localhost" || first != first.to_lowercase()
    });
    let image = if has_registry { image } else { return canonical(&format!("docker.io/{image}")) };
    let image = image
        .strip_prefix("index.docker.io/")
        .map_or_else(|| image.to_owned(), |rest| format!("docker.io/{rest}"));
    match image.strip_prefix("docker.io/") {
        Some(name) if !name.contains('/') => format!("docker.io/library/{name}"),
        _ => image,
    }
}

/// Repository, and tag or digest (empty when there is none).
fn split_tag(image: &str) -> (&str, &str) {
    if let Some((name, digest)) = image.split_once('@') {
        return (split_tag(name).0, digest);
    }
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (image, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hubs_own_images_are_refused_in_every_spelling() {
        let rule = ImageRule::new(vec!["**".into()], "executor-hub/");
        for image in [
            "executor-hub/w7qckiqy:1",
            "docker.io/executor-hub/w7qckiqy",
            "index.docker.io/executor-hub/w7qckiqy@sha256:00",
            "executor-hub/a/b",
        ] {
            assert!(rule.check(image).unwrap_err().contains("belongs to an Executor"), "{image}");
        }
        assert!(rule.check("executor-hub-base:test").is_ok());
        assert!(rule.check("sha256:0123").is_err());
        assert!(rule.check("1c0752a7b814").is_err());
        assert!(rule.check("python\"").is_err());
    }

    #[test]
    fn patterns_allow_what_they_match() {
        let rule = ImageRule::new(
            vec!["python".into(), "node:2?-*".into(), "ghcr.io/team/**".into()],
            "executor-hub",
        );
        for image in
            ["python", "python:3.11", "docker.io/library/python:3", "node:22-slim", "ghcr.io/team/a/b:1"]
        {
            assert!(rule.check(image).is_ok(), "{image}");
        }
        for image in ["pythonic", "me/python", "node:22", "ghcr.io/other/a", "localhost:5000/python"] {
            assert!(rule.check(image).is_err(), "{image}");
        }
        let any = ImageRule::new(Vec::new(), "executor-hub");
        assert!(any.check("localhost:5000/python:3").is_ok());
    }
}
