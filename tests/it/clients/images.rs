//! Do images come from the Hub alone, by the commands that people type, and do their containers run? The containers of these
//! tests answer plain HTTP, since the tests' base image has Python and no jina.

use std::{net::SocketAddr, time::Duration};

use bollard::{
    Docker,
    models::ContainerCreateBody,
    query_parameters::{CreateContainerOptions, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{ANONYMOUS, NEWEST, base_image};
use crate::support::{
    package::{Package, package},
    real_client::{Person, Said},
    server::{Installation, Server, engine},
};

const SERVE: &str = r"
import http.server

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = open('/app/README.md').read().encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

http.server.HTTPServer(('0.0.0.0', 8080), Answer).serve_forever()
";

/// An Executor whose container answers every request with its readme.
fn answering(name: &str, readme: &str) -> Package {
    let dockerfile =
        format!("FROM {}\nCOPY . /app/\nENTRYPOINT [\"python3\", \"/app/serve.py\"]\n", base_image());
    package(name).with("Dockerfile", &dockerfile).with("serve.py", SERVE).with("README.md", readme)
}

/// The image that a pull says to use; taken out of the engine at the end.
struct Pulled {
    docker: Docker,
    name: String,
}

impl Pulled {
    fn of(said: &Said) -> Self {
        let uses = said.result().as_str().unwrap().to_owned();
        let name = uses.strip_prefix("docker://").unwrap_or_else(|| panic!("{}", said.text)).to_owned();
        Self { docker: Docker::connect_with_host(&engine()).unwrap(), name }
    }

    /// What a container of it answers to a request.
    async fn answers(&self) -> String {
        let body = ContainerCreateBody { image: Some(self.name.clone()), ..ContainerCreateBody::default() };
        let made = self.docker.create_container(None::<CreateContainerOptions>, body).await.unwrap();
        self.docker.start_container(&made.id, None).await.unwrap();
        let answered = tokio::time::timeout(Duration::from_mins(1), self.ask(&made.id)).await;
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        self.docker.remove_container(&made.id, Some(options)).await.unwrap();
        answered.expect("an answer of the container")
    }

    async fn ask(&self, container: &str) -> String {
        let shown = self.docker.inspect_container(container, None).await.unwrap();
        let networks = shown.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
        let address = networks.into_values().find_map(|network| network.ip_address).expect("an address");
        let address = SocketAddr::new(address.parse().unwrap(), 8080);
        loop {
            // It listens when Python has started.
            let Ok(mut stream) = TcpStream::connect(address).await else {
                tokio::task::yield_now().await;
                continue;
            };
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            return answer.split("\r\n\r\n").nth(1).unwrap().to_owned();
        }
    }

    /// Takes it out of the engine; without this it stays there after the test.
    async fn forget(self) {
        let options = RemoveImageOptionsBuilder::default().force(true).build();
        self.docker.remove_image(&self.name, Some(options), None).await.unwrap();
    }

    async fn is_in_engine(&self) -> bool {
        self.docker.inspect_image(&self.name).await.is_ok()
    }
}

fn host(server: &Server) -> &str {
    server.url.strip_prefix("http://").unwrap()
}

fn named(server: &Server, pushed: &Value) -> String {
    let (id, commit) = (pushed["id"].as_str().unwrap(), pushed["commit"]["id"].as_str().unwrap());
    format!("{}/{id}:commit-{commit}", host(server))
}

#[tokio::test]
async fn the_newest_client_pulls_public_and_private_images_whose_containers_answer_http() {
    let installation = Installation::new().await;
    let server = installation.serve().await;
    let token = installation.person("alice");
    let alice = Person::new(NEWEST, &server.url).with_token(&token).with_docker();
    let folder = alice.folder("hello", &answering("Hello", "hello from the first\n"));
    let pushed = alice.run(&["push", &folder]).await.result().clone();

    // Somebody who is nobody to the Hub.
    let stranger = Person::new(NEWEST, &server.url).with_docker();
    let first = Pulled::of(&stranger.run(&["pull", "jinaai+docker://alice/Hello"]).await);
    assert_eq!(first.name, named(&server, &pushed));
    assert_eq!(first.answers().await, "hello from the first\n");

    let folder = alice.folder("hello", &answering("Hello", "hello from the second\n"));
    alice.run(&["push", &folder, "--private", "-t", "v2"]).await.result();
    // As `jina auth login` leaves it.
    alice.use_credential_helper_for(host(&server));
    let second = Pulled::of(&alice.run(&["pull", "jinaai+docker://alice/Hello:v2"]).await);
    assert_ne!(second.name, first.name);
    assert_eq!(second.answers().await, "hello from the second\n");
    second.forget().await;

    // The name alone opens nothing.
    let bob = Person::new(NEWEST, &server.url).with_token(&installation.person("bob")).with_docker();
    let refused = bob.run(&["pull", "jinaai+docker://alice/Hello:v2"]).await;
    assert!(refused.error().contains("No such executor: alice/Hello"), "{}", refused.text);
    first.forget().await;
}

#[tokio::test]
async fn an_old_client_pulls_a_private_image_by_name_and_secret_and_its_container_answers_http() {
    let installation = Installation::new().await;
    let server = installation.serve().await;
    let author = Person::new(ANONYMOUS, &server.url);
    let folder = author.folder("hidden", &answering("Hidden", "hello from the hidden one\n"));
    let pushed = author.run(&["push", &folder, "--private", "--secret", "open-sesame"]).await;
    assert_eq!(pushed.result()["secret"], json!("open-sesame"));

    let friend = Person::new(ANONYMOUS, &server.url).with_docker();
    let pulled = Pulled::of(&friend.run(&["pull", "jinahub+docker://Hidden:open-sesame"]).await);
    assert!(!pulled.name.contains("open-sesame"), "{}", pulled.name);
    assert!(pulled.is_in_engine().await);
    assert_eq!(pulled.answers().await, "hello from the hidden one\n");
    pulled.forget().await;
    // Somebody else, since these clients remember by name and tag what they were told before.
    let stranger = Person::new(ANONYMOUS, &server.url).with_docker();
    let refused = stranger.run(&["pull", "jinahub+docker://Hidden:wrong"]).await;
    assert!(refused.error().contains("No such executor: Hidden"), "{}", refused.text);
}
