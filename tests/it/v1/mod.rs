//! The REST of jina 2.0 to 2.6, as those clients speak it.

mod pull;
mod push;

use http::Method;

use crate::support::{
    client::{Answer, Client},
    package::{Package, md5},
};

/// Pushes as jina 2.x does: both flags, the digest, the fields, then the file.
async fn push(client: &Client, method: Method, fields: &[(&str, &str)], package: &Package) -> Answer {
    let zip = package.zip();
    let digest = md5(&zip);
    let mut all = vec![("public", "False"), ("private", "False"), ("md5sum", digest.as_str())];
    all.extend(fields);
    client.push_to(method, "/v1/executors", &all, &zip).await
}
