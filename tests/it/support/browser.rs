//! Who looks at pages? A browser without JavaScript: it keeps cookies, follows redirects within the Hub, and submits forms with
//! the hidden fields that the page before showed.

use std::collections::BTreeMap;

use http::Method;

use super::client::{Answer, Client};

/// A browser.
#[derive(Debug, Clone)]
pub struct Browser {
    client: Client,
    pub cookies: BTreeMap<String, String>,
    /// What every request says besides.
    pub headers: Vec<(&'static str, &'static str)>,
}

/// A page and where it was found.
#[derive(Debug)]
pub struct Page {
    pub path: String,
    pub answer: Answer,
}

impl Page {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.answer.body).unwrap()
    }

    pub fn status(&self) -> u16 {
        self.answer.status.as_u16()
    }

    /// The hidden fields of the `n`th form of what is the page's own.
    pub fn hidden(&self, n: usize) -> Vec<(String, String)> {
        let own = self.text().split_once("<main").expect("a page").1;
        hidden_fields(own.split("<form").nth(n + 1).expect("a form"))
    }

    /// The hidden fields of the form that leads to `path`; of the first one when none says that it does.
    fn hidden_for(&self, path: &str) -> Vec<(String, String)> {
        let action = format!("action=\"{path}\"");
        let leads_there = |form: &&str| form.split('>').next().unwrap().contains(&action);
        match self.text().split("<form").skip(1).filter(leads_there).last() {
            Some(form) => hidden_fields(form),
            None => self.hidden(0),
        }
    }
}

fn hidden_fields(form: &str) -> Vec<(String, String)> {
    let form = form.split("</form>").next().unwrap();
    let inputs = form.split("<input type=\"hidden\" name=\"").skip(1);
    inputs
        .map(|input| {
            let (name, rest) = input.split_once("\" value=\"").unwrap();
            (name.to_owned(), rest.split_once('"').unwrap().0.to_owned())
        })
        .collect()
}

impl Browser {
    pub fn new(url: &str) -> Self {
        Self { client: Client::new(url), cookies: BTreeMap::new(), headers: Vec::new() }
    }

    /// Opens a page; an address of the Hub or a path.
    pub async fn open(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    /// Fills in the form of a page that leads to `path`, and submits it.
    pub async fn submit(&mut self, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut all = page.hidden_for(path);
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.post(path, &all).await
    }

    /// Posts exactly these fields.
    pub async fn post(&mut self, path: &str, fields: &[(String, String)]) -> Page {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let pairs: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.send(Method::POST, path, &headers, pairs.join("&").into_bytes()).await
    }

    /// Signs in with a password, from the sign-in page.
    pub async fn sign_in(&mut self, login: &str, password: &str) -> Page {
        let page = self.open("/sign-in").await;
        self.submit(&page, "/sign-in", &[("login", login), ("password", password)]).await
    }

    async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Page {
        let (mut method, mut path, mut body) = (method, path.to_owned(), body);
        for _ in 0..5 {
            let jar: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let jar = jar.join("; ");
            let mut all = headers.to_vec();
            all.extend(&self.headers);
            if !jar.is_empty() {
                all.push(("cookie", &jar));
            }
            let answer = self.client.send(method.clone(), &path, &all, std::mem::take(&mut body)).await;
            for cookie in answer.headers.get_all("set-cookie") {
                let cookie = cookie.to_str().unwrap();
                let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
                if value.is_empty() {
                    self.cookies.remove(name);
                } else {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
            let Some(location) = answer.headers.get("location") else { return Page { path, answer } };
            location.to_str().unwrap().clone_into(&mut path);
            method = Method::GET;
        }
        panic!("too many redirects, the last to {path}");
    }
}
