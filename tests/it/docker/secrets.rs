//! Do build variables reach the steps, and nothing else?

use executor_hub::{builds::engine::Engine as _, domain::task::FaultKind};
use futures_util::StreamExt as _;

use super::*;

const VALUE: &str = "s3cr3t/v+lue 'of' $HOME 42";

fn token() -> String {
    serde_json::json!({"TOKEN": VALUE}).to_string()
}

/// SHA-256 in hex of a text: what a step may print to show that it had the value.
fn digest(text: &str) -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(text))
}

async fn exported(image: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let docker = client();
    let mut export = std::pin::pin!(docker.export_image(image));
    while let Some(chunk) = export.next().await {
        bytes.extend_from_slice(&chunk.expect("a chunk"));
    }
    bytes
}

#[tokio::test]
async fn docker_variables_reach_every_form_of_run_and_no_layer_log_or_history() {
    let engine = engine().await;
    let dockerfile = "FROM BASE AS one\n\
        RUN echo shell=$(printf %s \"$TOKEN\" | sha256sum)\n\
        USER nobody\n\
        RUN [\"python3\", \"-c\", \"import os,hashlib; print('exec='+hashlib.sha256(os.environ['TOKEN'].encode()).hexdigest())\"]\n\
        SHELL [\"python3\", \"-c\"]\n\
        RUN import os,hashlib; print('python='+hashlib.sha256(os.environ['TOKEN'].encode()).hexdigest())\n\
        FROM one\n\
        SHELL [\"/bin/bash\", \"-euo\", \"pipefail\", \"-c\"]\n\
        RUN echo bash=$(printf %s \"$TOKEN\" | sha256sum)\n\
        USER root\n\
        RUN --mount=type=secret,id=TOKEN,target=/mine echo mine=$(sha256sum < /mine)\n\
        RUN echo \"told: $TOKEN\" && printf %s \"split: ${TOKEN:0:7}\" && echo \"${TOKEN:7}\"\n\
        RUN printf '%s' \"$TOKEN\" | base64 && python3 -c \"import os,urllib.parse; print('url', urllib.parse.quote(os.environ['TOKEN']))\"\n";
    let outcome = run(&engine, job(dockerfile).env(&token())).await;
    let image = outcome.image().name.clone();
    let log = outcome.log();
    for form in ["shell", "exec", "python", "bash", "mine"] {
        assert!(log.contains(&format!("{form}={}", digest(VALUE))), "{form} had no value:\n{log}");
    }
    for shown in ["told: ****", "split: ****", "url ****"] {
        assert!(log.contains(shown), "{shown} is missing:\n{log}");
    }
    assert!(!log.contains("s3cr3t"), "{log}");
    assert!(!log.contains("/run/hub"), "{log}");
    let history: Vec<_> = client().image_history(&image).await.expect("history");
    assert!(!format!("{history:?}").contains("s3cr3t"));
    let bytes = exported(&image).await;
    assert!(bytes.len() > 1_000_000);
    assert!(!bytes.windows(6).any(|window| window == b"s3cr3t"));
    engine.remove(&image).await.expect("removed");
}

#[tokio::test]
async fn docker_leaked_value_removes_the_image_and_names_step_and_file() {
    let engine = engine().await;
    let job = job(
        "FROM BASE\nRUN echo fine\nRUN mkdir -p /srv && printf %s \"x$TOKEN\" | base64 -w0 > /srv/leak.txt\n",
    )
    .env(&token());
    let image = job.plan.image.clone();
    let outcome = run(&engine, job).await;
    let fault = outcome.fault();
    assert_eq!(fault.kind, FaultKind::SecretLeak, "{fault:?}");
    for part in ["TOKEN", "/srv/leak.txt", "RUN mkdir -p /srv"] {
        assert!(fault.message.contains(part), "{fault:?}");
    }
    assert!(!fault.message.contains("s3cr3t") && !fault.message.contains("/run/hub"), "{fault:?}");
    assert!(client().inspect_image(&image).await.is_err(), "the image is still there");
}

#[tokio::test]
async fn docker_value_written_into_the_description_is_a_leak_too() {
    let dockerfile = "FROM BASE\nENV PASSWORD=plain-pass-word\n";
    let outcome = run(&engine().await, job(dockerfile).env(r#"{"P": "plain-pass-word"}"#)).await;
    assert_eq!(outcome.fault().kind, FaultKind::SecretLeak);
    assert!(!outcome.fault().message.contains("plain-pass-word"));
    assert!(outcome.fault().message.contains("by the step `ENV PASSWORD=****`"), "{:?}", outcome.fault());
}

#[tokio::test]
async fn docker_failure_that_prints_a_value_is_masked_in_its_lines() {
    let outcome =
        run(&engine().await, job("FROM BASE\nRUN echo \"with $TOKEN\" >&2; exit 1\n").env(&token())).await;
    let fault = outcome.fault();
    assert_eq!((fault.kind, fault.lines.as_slice()), (FaultKind::Step, &["with ****".to_owned()][..]));
}

#[tokio::test]
async fn docker_two_builds_at_once_have_their_own_values() {
    let engine = engine().await;
    let with = |value: &str| {
        job("FROM BASE\nRUN echo had=$(printf %s \"$TOKEN\" | sha256sum)\n")
            .env(&serde_json::json!({"TOKEN": value}).to_string())
            .change(|plan| plan.no_cache = false)
    };
    let (one, two) = tokio::join!(run(&engine, with("first-value")), run(&engine, with("second-value")));
    assert!(one.log().contains(&digest("first-value")), "{}", one.log());
    assert!(two.log().contains(&digest("second-value")), "{}", two.log());
    for outcome in [one, two] {
        engine.remove(&outcome.image().name).await.expect("removed");
    }
}
