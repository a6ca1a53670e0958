//! How are recorded requests sent? Byte by byte over a connection of their own, since an HTTP library would spell and order
//! headers in its own way.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use super::{exchange::Message, names::Names};

/// Much longer than any answer takes.
const PATIENCE: Duration = Duration::from_mins(1);
/// Chunks of a chunked body are smaller than it, so that there are several.
const CHUNK: usize = 700;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status line.
    pub start: String,
    pub headers: Vec<(String, String)>,
    /// Without the marks of chunks.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// The request's bytes, with everything that the flow has taught so far.
pub fn bytes(request: &Message, names: &Names) -> Result<Vec<u8>, String> {
    let text = if request.is_form() { request.body.replace('\n', "\r\n") } else { request.body.clone() };
    let body = names.fill(&text)?;
    let is_chunked =
        request.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    let mut bytes = names.fill(&request.start)?;
    for (name, value) in &request.headers {
        let value = value.replace("{length}", &body.len().to_string());
        bytes.extend_from_slice(format!("\r\n{name}: ").as_bytes());
        bytes.extend(names.fill(&value)?);
    }
    bytes.extend_from_slice(b"\r\n\r\n");
    if is_chunked {
        for chunk in body.chunks(CHUNK) {
            bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
    } else {
        bytes.extend(body);
    }
    Ok(bytes)
}

/// Sends a request to the Hub at `address` and reads the whole answer.
pub async fn exchange(address: &str, request: &[u8]) -> Answer {
    let answering = async {
        let mut connection = BufReader::new(TcpStream::connect(address).await.unwrap());
        connection.write_all(request).await.unwrap();
        read(&mut connection, request.starts_with(b"HEAD ")).await
    };
    tokio::time::timeout(PATIENCE, answering).await.expect("an answer")
}

async fn line(connection: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    connection.read_line(&mut line).await.unwrap();
    line.trim_end_matches("\r\n").to_owned()
}

async fn take(connection: &mut BufReader<TcpStream>, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    connection.read_exact(&mut bytes).await.unwrap();
    bytes
}

async fn read(connection: &mut BufReader<TcpStream>, has_no_body: bool) -> Answer {
    let start = line(connection).await;
    let mut headers = Vec::new();
    loop {
        let header = line(connection).await;
        let Some((name, value)) = header.split_once(": ") else { break };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let mut answer = Answer { start, headers, body: Vec::new() };
    if has_no_body {
        return answer;
    }
    if let Some(length) = answer.header("content-length") {
        answer.body = take(connection, length.parse().unwrap()).await;
    } else if answer.header("transfer-encoding") == Some("chunked") {
        loop {
            let length = usize::from_str_radix(&line(connection).await, 16).unwrap();
            answer.body.extend(take(connection, length).await);
            line(connection).await;
            if length == 0 {
                break;
            }
        }
    } else {
        connection.read_to_end(&mut answer.body).await.unwrap();
    }
    answer
}
