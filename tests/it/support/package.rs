//! What do tests push? Zips as the clients make them, made by a few words.

use std::{
    fs,
    io::{Cursor, Write as _},
    path::Path,
};

use md5::{Digest as _, Md5};
use zip::{ZipWriter, write::SimpleFileOptions};

/// A package in the making.
#[derive(Debug, Clone, Default)]
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

    /// Adds a file of any bytes.
    pub fn with_bytes(mut self, path: &str, content: Vec<u8>) -> Self {
        self.files.retain(|(other, _)| other != path);
        self.files.push((path.to_owned(), content));
        self
    }

    /// Leaves a file out.
    pub fn without(mut self, path: &str) -> Self {
        self.files.retain(|(other, _)| other != path);
        self
    }

    /// The content of a file.
    pub fn content(&self, path: &str) -> &[u8] {
        &self.files.iter().find(|(other, _)| other == path).unwrap().1
    }

    /// Writes the files into a folder, and removes others from it, except hidden ones: clients keep notes there.
    pub fn write_to(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        for (path, content) in &self.files {
            fs::write(folder.join(path), content).unwrap();
        }
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

/// Bytes that no packing makes fewer, the same for the same seed.
pub fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed ^ 0x9E37_79B9_7F4A_7C15;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes()
    });
    words.flatten().take(bytes).collect()
}
