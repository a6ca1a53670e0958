//! How is a build's story told to the old clients, line by line, to its end? They show "Unknown Error" when a stream breaks
//! off, so there is always a last line.

use futures_util::{Stream, StreamExt as _, stream};
use serde_json::Value;

use crate::{
    domain::{
        ansi::{self, Escapes},
        task::{Failure, FaultKind},
    },
    error::{Error, ErrorKind},
};

/// What a surface makes of one event.
pub(super) enum Told {
    /// It is not shown.
    Nothing,
    /// A line on the way.
    Line(Value),
    /// The line that ends the story.
    Last(Value),
}

/// The lines up to the last one; `lost` instead of it when the story breaks off.
pub(super) fn to_its_end(
    story: impl Stream<Item = Told> + Send + 'static,
    lost: Value,
) -> impl Stream<Item = Value> + Send + 'static {
    stream::unfold(Some((Box::pin(story), lost)), async |state| {
        let (mut story, lost) = state?;
        loop {
            match story.next().await {
                Some(Told::Nothing) => {}
                Some(Told::Line(line)) => return Some((line, Some((story, lost)))),
                Some(Told::Last(line)) => return Some((line, None)),
                None => return Some((lost, None)),
            }
        }
    })
}

/// A failed build as an error.
pub(super) fn of_failure(failure: &Failure) -> Error {
    let (kind, code) = match failure.kind {
        FaultKind::ProtectedTag => (ErrorKind::PolicyDenied, "tag_protected"),
        FaultKind::Engine => (ErrorKind::Unavailable, "engine"),
        kind => (ErrorKind::BuildFailed, kind.as_str()),
    };
    // Line by line: the line ends are ours, every other control character is the build's.
    let shown = failure.text();
    let lines: Vec<_> = shown.split('\n').map(|line| ansi::filter(line, Escapes::None)).collect();
    let mut text = lines.join("\n");
    if failure.kind.is_failed_step() {
        // Public programs and jina 2.5–2.6 look for these words of the public Hub (PROTOCOL.md A).
        text.push_str("\nProcess(docker) exited on non-zero code");
    }
    Error::new(kind, code, text, "")
}

/// A build that somebody stopped, as an error.
pub(super) fn cancelled(message: &str) -> Error {
    Error::new(ErrorKind::BuildFailed, "cancelled", message, "Push again to build it.")
}

/// A build whose record went away while it was followed, as an error.
pub(super) fn task_is_gone() -> Error {
    Error::new(ErrorKind::BuildFailed, "task_gone", "The build was removed before it ended.", "Push again.")
}

/// Makes a line harmless for clients before SDK 0.34.1, which read `[/…]` as markup and crash (PROTOCOL.md B), and for
/// whatever shows it: no escapes.
pub(super) fn without_markup(line: &str) -> String {
    with_escapes(line, Escapes::None)
}

/// The same, with some of the escapes.
pub(super) fn with_escapes(line: &str, keep: Escapes) -> String {
    ansi::filter(line, keep).replace("[/", "[ /")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn told(story: Vec<Told>) -> Vec<Value> {
        to_its_end(stream::iter(story), json!("lost")).collect().await
    }

    #[tokio::test]
    async fn a_story_that_breaks_off_still_has_a_last_line() {
        let whole = vec![Told::Line(json!(1)), Told::Nothing, Told::Last(json!(2)), Told::Line(json!(3))];
        assert_eq!(told(whole).await, [json!(1), json!(2)]);
        assert_eq!(told(vec![Told::Line(json!(1)), Told::Nothing]).await, [json!(1), json!("lost")]);
        assert_eq!(told(Vec::new()).await, [json!("lost")]);
    }

    #[test]
    fn a_failed_step_is_told_in_the_words_that_programs_look_for() {
        let failure = |kind| Failure {
            kind,
            message: "It failed.".into(),
            remedy: "Look there.".into(),
            lines: vec!["pip: no".into()],
        };
        let words = "Process(docker) exited on non-zero code";
        for (kind, has_words) in [
            (FaultKind::Step, true),
            (FaultKind::Dependency, true),
            (FaultKind::Wheel, true),
            (FaultKind::Memory, true),
            (FaultKind::Dockerfile, false),
            (FaultKind::Engine, false),
            (FaultKind::ProtectedTag, false),
        ] {
            let sentence = of_failure(&failure(kind)).sentence();
            assert_eq!(sentence.contains(words), has_words, "{kind:?}");
            assert!(sentence.starts_with("It failed.\npip: no\nLook there."), "{sentence}");
        }
    }
}
