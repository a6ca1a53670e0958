//! What do tests push? Zips as the clients make them, made by a few words.

use std::io::{Cursor, Write as _};

use md5::{Digest as _, Md5};
use zip::{ZipWriter, write::SimpleFileOptions};

/// A package in the making.
#[derive(Debug, Clone)]
pub struct Package {
    files: Vec<(String, Vec<u8>)>,
}

/// A good Executor of this name.
pub fn package(name: &str) -> Package {
    Package { files: Vec::new() }
        .with(
            "config.yml",
            &format!("jtype: Hello\nmetas:\n  name: {name}\n  description: Says hello\npy_modules:\n  - executor.py\n"),
        )
        .with(
            "executor.py",
            "from jina import Executor, requests\n\n\nclass Hello(Executor):\n    def __init__(self, greeting: str = 'hi', \
             **kwargs):\n        super().__init__(**kwargs)\n\n    @requests(on='/hello')\n    def hello(self, docs, **kwargs):\n        \
             return docs\n",
        )
        .with("requirements.txt", "")
        .with("README.md", &format!("# {name}\n"))
}

impl Package {
    /// Adds a file, or changes it.
    pub fn with(mut self, path: &str, content: &str) -> Self {
        self.files.retain(|(other, _)| other != path);
        self.files.push((path.to_owned(), content.as_bytes().to_vec()));
        self
    }

    /// Leaves a file out.
    pub fn without(mut self, path: &str) -> Self {
        self.files.retain(|(other, _)| other != path);
        self
    }

    /// The zip.
    pub fn zip(&self) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, content) in &self.files {
            writer.start_file(path.as_str(), SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }
}

/// The MD5 that clients send with a push.
pub fn md5(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}
