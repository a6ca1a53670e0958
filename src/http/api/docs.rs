//! How does a person read about the API? On a page made of the same document, without scripts.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{Html, IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::openapi;
use crate::{
    app::App,
    error::Error,
    http::{problem::Problem, tagged::tagged},
};

/// `GET /api/v1/openapi.json`
pub(super) async fn json(headers: HeaderMap) -> Result<Response, Problem> {
    let document = openapi::document().map_err(Error::internal)?;
    Ok(tagged(&headers, document.into_bytes(), HeaderValue::from_static("application/json")))
}

const STYLE: &str = include_str!("../../../assets/api.css");

#[derive(Template)]
#[template(path = "api_docs.html")]
struct Page {
    style: &'static str,
    description: Vec<String>,
    address: String,
    operations: Vec<Operation>,
    schemas: Vec<Schema>,
}

struct Operation {
    method: String,
    path: String,
    summary: String,
    parameters: Vec<Field>,
    bodies: Vec<String>,
    answers: Vec<(String, String)>,
}

struct Field {
    name: String,
    kind: String,
    text: String,
}

struct Schema {
    name: String,
    text: String,
    fields: Vec<Field>,
}

/// `GET /api/v1/docs`
pub(super) async fn page(State(app): State<App>) -> Result<Response, Problem> {
    let document = openapi::document().map_err(Error::internal)?;
    let document: Value = serde_json::from_str(&document).map_err(Error::internal)?;
    let page = Page {
        style: STYLE,
        description: text(&document["info"]["description"]).split("\n\n").map(str::to_owned).collect(),
        address: app.settings().server.external_url.clone(),
        operations: entries(&document["paths"]).flat_map(|(path, item)| operations(path, item)).collect(),
        schemas: entries(&document["components"]["schemas"]).map(schema).collect(),
    };
    let html = page.render().map_err(Error::internal)?;
    let mut response = Html(html).into_response();
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    let policy =
        format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'");
    let policy = HeaderValue::from_str(&policy).map_err(Error::internal)?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn operations(path: &str, item: &Value) -> Vec<Operation> {
    let operations =
        entries(item).filter(|(_, operation)| operation.is_object()).map(|(method, operation)| {
            let summary = [text(&operation["summary"]), text(&operation["description"])];
            Operation {
                method: method.to_uppercase(),
                path: path.to_owned(),
                summary: summary.join(" ").trim().to_owned(),
                parameters: items(&operation["parameters"])
                    .map(|parameter| Field {
                        name: text(&parameter["name"]),
                        kind: format!("{}, {}", text(&parameter["in"]), kind(&parameter["schema"])),
                        text: text(&parameter["description"]),
                    })
                    .collect(),
                bodies: entries(&operation["requestBody"]["content"])
                    .map(|(mime, content)| format!("{mime}: {}", kind(&content["schema"])))
                    .collect(),
                answers: entries(&operation["responses"])
                    .map(|(status, response)| (status.clone(), text(&response["description"])))
                    .collect(),
            }
        });
    operations.collect()
}

fn schema((name, schema): (&String, &Value)) -> Schema {
    let fields = entries(&schema["properties"]).map(|(name, property)| Field {
        name: name.clone(),
        kind: kind(property),
        text: text(&property["description"]),
    });
    Schema { name: name.clone(), text: text(&schema["description"]), fields: fields.collect() }
}

/// A schema in a word or two.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return name.to_owned();
    }
    let any = items(&schema["oneOf"]).chain(items(&schema["anyOf"])).map(kind).collect::<Vec<_>>();
    if !any.is_empty() {
        return any.join(" or ");
    }
    let words = items(&schema["enum"]).map(text).collect::<Vec<_>>();
    if !words.is_empty() {
        return words.join(" | ");
    }
    match &schema["type"] {
        Value::String(word) if word == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(word) => word.clone(),
        Value::Array(words) => words.iter().map(text).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    }
}
