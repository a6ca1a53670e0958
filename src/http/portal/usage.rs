//! How is an Executor used? The words to copy, for every way that the clients know.

use crate::domain::{Visibility, executor::Executor};

/// A thing to copy.
#[derive(Debug)]
pub(super) struct Snippet {
    /// What it is for.
    pub(super) title: &'static str,
    /// The text.
    pub(super) text: String,
}

/// The snippets for one tag; without one, for whatever a pull without a tag finds.
pub(super) fn snippets(executor: &Executor, tag: Option<&str>) -> Vec<Snippet> {
    let handle = executor.name.as_ref().map_or(executor.id.as_str(), |name| name.as_str());
    let secret = if executor.visibility == Visibility::Private { ":SECRET" } else { "" };
    let legacy = |scheme: &str, handle: &str| {
        let tag = tag.map(|tag| format!("/{tag}")).unwrap_or_default();
        format!("{scheme}://{handle}{secret}{tag}")
    };
    let address = |scheme: &str| match &executor.owner {
        Some(owner) => {
            let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            format!("{scheme}://{}/{handle}{tag}", owner.login)
        }
        None => legacy(&scheme.replace("jinaai", "jinahub"), handle),
    };
    let (source, image) = (address("jinaai"), address("jinaai+docker"));
    let name = handle.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let mut snippets = vec![
        Snippet {
            title: "Python",
            text: format!("from jina import Flow\n\nflow = Flow().add(uses='{source}')"),
        },
        Snippet {
            title: "YAML",
            text: format!("jtype: Flow\nexecutors:\n  - name: {name}\n    uses: {image}"),
        },
        Snippet { title: "Image, for Docker", text: format!("jina hub pull {image}") },
        Snippet { title: "Source", text: format!("jina hub pull {source}") },
    ];
    if executor.owner.is_some() {
        let text = format!("jina hub pull {}", legacy("jinahub", executor.id.as_str()));
        snippets.push(Snippet { title: "Clients before jina 3.10", text });
    }
    snippets
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::{UserId, executor::Owner};

    #[test]
    fn every_form_that_the_clients_read_is_there() {
        let owner = Owner { id: UserId::mint(), login: "alice".parse().unwrap() };
        let mut executor = Executor {
            id: "w7qckiqy".parse().unwrap(),
            owner: Some(owner),
            name: Some("My-Encoder".parse().unwrap()),
            visibility: Visibility::Private,
            secret_hash: None,
            created_at: DateTime::UNIX_EPOCH,
            last_pushed_at: None,
        };
        let all = |executor: &Executor, tag| {
            snippets(executor, tag).into_iter().map(|snippet| snippet.text).collect::<Vec<_>>().join("\n")
        };
        let text = all(&executor, Some("v1"));
        assert!(text.contains("uses='jinaai://alice/My-Encoder:v1'"), "{text}");
        assert!(text.contains("uses: jinaai+docker://alice/My-Encoder:v1"), "{text}");
        assert!(text.contains("jinahub://w7qckiqy:SECRET/v1"), "{text}");
        executor.owner = None;
        let text = all(&executor, None);
        assert!(text.contains("jinahub+docker://My-Encoder:SECRET\n") && !text.contains("jinaai"), "{text}");
    }
}
