//! How is a zip with any lie in it made? Field by field; every value can be set apart from the truth.

use std::io::Write;

use flate2::{Compression, Crc, write::DeflateEncoder};

/// The fields that stand in both headers of an entry.
#[derive(Clone)]
pub struct Fields {
    pub version: u16,
    pub flags: u16,
    pub method: u16,
    pub crc: u32,
    pub packed: u32,
    pub size: u32,
    pub name: Vec<u8>,
    pub extra: Vec<u8>,
}

#[derive(Clone)]
pub struct RawEntry {
    pub local: Fields,
    pub central: Fields,
    /// Packed bytes as they lie in the file.
    pub data: Vec<u8>,
    /// Bytes after the data, such as a descriptor.
    pub after: Vec<u8>,
    /// Bytes before the local header.
    pub before: Vec<u8>,
    pub made_by: u16,
    pub attributes: u32,
    pub disk: u16,
    pub comment: Vec<u8>,
    /// Instead of the true one.
    pub offset: Option<u32>,
}

impl RawEntry {
    /// Sets a value in both headers.
    pub fn both(&mut self, set: impl Fn(&mut Fields)) -> &mut Self {
        set(&mut self.local);
        set(&mut self.central);
        self
    }
}

#[derive(Clone, Default)]
pub struct RawZip {
    pub entries: Vec<RawEntry>,
    pub prefix: Vec<u8>,
    pub before_directory: Vec<u8>,
    pub after_directory: Vec<u8>,
    pub comment: Vec<u8>,
    pub trailing: Vec<u8>,
    /// Instead of the true count, in both fields.
    pub count: Option<u16>,
    pub directory_bytes: Option<u32>,
    pub directory_offset: Option<u32>,
    pub disk: u16,
    pub declared_comment: Option<u16>,
    pub zip64: Option<Zip64>,
}

/// What the 64-bit end records say; `None` is the truth.
#[derive(Clone, Default)]
pub struct Zip64 {
    pub entries: Option<u64>,
    pub directory_offset: Option<u64>,
    pub directory_bytes: Option<u64>,
    pub record_bytes: Option<u64>,
    pub locator_offset: Option<u64>,
    pub disks: Option<u32>,
    pub without_locator: bool,
}

pub fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One extra field.
pub fn extra(id: u16, data: &[u8]) -> Vec<u8> {
    let mut field = id.to_le_bytes().to_vec();
    field.extend(u16::try_from(data.len()).unwrap().to_le_bytes());
    field.extend(data);
    field
}

/// The zip64 extra field of some values.
pub fn wide(values: &[u64]) -> Vec<u8> {
    extra(1, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
}

impl RawZip {
    /// A zip that is a good package, with a file `data.bin` in it to be spoilt.
    pub fn good() -> Self {
        let mut zip = Self::default();
        zip.deflated("config.yml", super::CONFIG.as_bytes());
        zip.deflated("executor.py", super::SOURCE.as_bytes());
        zip.stored("data.bin", b"some data that nobody reads");
        zip
    }

    /// The entry to be spoilt.
    pub fn data(&mut self) -> &mut RawEntry {
        self.entries.last_mut().unwrap()
    }

    pub fn stored(&mut self, name: &str, content: &[u8]) -> &mut RawEntry {
        self.push(name, 0, content.to_vec(), content)
    }

    pub fn deflated(&mut self, name: &str, content: &[u8]) -> &mut RawEntry {
        self.push(name, 8, deflate(content), content)
    }

    fn push(&mut self, name: &str, method: u16, data: Vec<u8>, content: &[u8]) -> &mut RawEntry {
        let fields = Fields {
            version: 20,
            flags: if name.is_ascii() { 0 } else { 0x800 },
            method,
            crc: crc(content),
            packed: u32::try_from(data.len()).unwrap(),
            size: u32::try_from(content.len()).unwrap(),
            name: name.as_bytes().to_vec(),
            extra: Vec::new(),
        };
        self.entries.push(RawEntry {
            local: fields.clone(),
            central: fields,
            data,
            after: Vec::new(),
            before: Vec::new(),
            made_by: 0x0314,
            attributes: 0o100_644 << 16,
            disk: 0,
            comment: Vec::new(),
            offset: None,
        });
        self.entries.last_mut().unwrap()
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = self.prefix.clone();
        let mut directory = Vec::new();
        for entry in &self.entries {
            out.extend(&entry.before);
            let offset = entry.offset.unwrap_or(u32::try_from(out.len()).unwrap());
            out.extend(b"PK\x03\x04");
            shared(&mut out, &entry.local);
            out.extend(&entry.local.name);
            out.extend(&entry.local.extra);
            out.extend(&entry.data);
            out.extend(&entry.after);

            directory.extend(b"PK\x01\x02");
            directory.extend(entry.made_by.to_le_bytes());
            shared(&mut directory, &entry.central);
            directory.extend(u16::try_from(entry.comment.len()).unwrap().to_le_bytes());
            directory.extend(entry.disk.to_le_bytes());
            directory.extend([0, 0]);
            directory.extend(entry.attributes.to_le_bytes());
            directory.extend(offset.to_le_bytes());
            directory.extend(&entry.central.name);
            directory.extend(&entry.central.extra);
            directory.extend(&entry.comment);
        }
        out.extend(&self.before_directory);
        let offset = out.len() as u64;
        let bytes = directory.len() as u64;
        out.extend(directory);
        out.extend(&self.after_directory);
        if let Some(zip64) = &self.zip64 {
            zip64.write(&mut out, self.entries.len() as u64, bytes, offset);
        }
        let count = self.count.unwrap_or(u16::try_from(self.entries.len()).unwrap());
        out.extend(b"PK\x05\x06");
        out.extend(self.disk.to_le_bytes());
        out.extend([0, 0]);
        out.extend(count.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(self.directory_bytes.unwrap_or(u32::try_from(bytes).unwrap()).to_le_bytes());
        out.extend(self.directory_offset.unwrap_or(u32::try_from(offset).unwrap()).to_le_bytes());
        let comment = self.declared_comment.unwrap_or(u16::try_from(self.comment.len()).unwrap());
        out.extend(comment.to_le_bytes());
        out.extend(&self.comment);
        out.extend(&self.trailing);
        out
    }
}

impl Zip64 {
    fn write(&self, out: &mut Vec<u8>, entries: u64, bytes: u64, offset: u64) {
        let record = out.len() as u64;
        out.extend(b"PK\x06\x06");
        out.extend(self.record_bytes.unwrap_or(44).to_le_bytes());
        out.extend([45, 3, 45, 0]);
        out.extend([0; 8]);
        for value in [
            self.entries.unwrap_or(entries),
            self.entries.unwrap_or(entries),
            self.directory_bytes.unwrap_or(bytes),
            self.directory_offset.unwrap_or(offset),
        ] {
            out.extend(value.to_le_bytes());
        }
        if !self.without_locator {
            out.extend(b"PK\x06\x07");
            out.extend([0; 4]);
            out.extend(self.locator_offset.unwrap_or(record).to_le_bytes());
            out.extend(self.disks.unwrap_or(1).to_le_bytes());
        }
    }
}

fn shared(out: &mut Vec<u8>, fields: &Fields) {
    for value in [fields.version, fields.flags, fields.method, 0, 0x21] {
        out.extend(value.to_le_bytes());
    }
    for value in [fields.crc, fields.packed, fields.size] {
        out.extend(value.to_le_bytes());
    }
    for length in [fields.name.len(), fields.extra.len()] {
        out.extend(u16::try_from(length).unwrap().to_le_bytes());
    }
}
