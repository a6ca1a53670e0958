//! How do the bytes of a zip's records read? Layouts only (APPNOTE 4.3); every read is checked, nothing is judged.

/// First bytes of a local file header.
pub(in crate::inspect) const LOCAL: [u8; 4] = *b"PK\x03\x04";
/// First bytes of a central directory header.
pub(in crate::inspect) const CENTRAL: [u8; 4] = *b"PK\x01\x02";
/// First bytes of the end record.
pub(in crate::inspect) const END: [u8; 4] = *b"PK\x05\x06";
/// First bytes of the zip64 end record.
pub(in crate::inspect) const END64: [u8; 4] = *b"PK\x06\x06";
/// First bytes of the zip64 end locator.
pub(in crate::inspect) const LOCATOR64: [u8; 4] = *b"PK\x06\x07";
/// First bytes of a data descriptor, which writers may leave out.
pub(super) const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";

/// Bytes of a local header before name and extra fields.
pub(super) const LOCAL_BYTES: u64 = 30;
/// Bytes of an end record before its comment.
pub(super) const END_BYTES: u64 = 22;
/// Bytes of a zip64 end record without extensible data.
pub(super) const END64_BYTES: u64 = 56;
/// Bytes of a zip64 locator.
pub(super) const LOCATOR64_BYTES: u64 = 20;

/// The value that sends a reader to the zip64 field.
pub(in crate::inspect) const FULL32: u32 = u32::MAX;

/// A reader over little-endian fields; `None` means that the bytes are over.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    pub(super) fn signature(&mut self, expected: [u8; 4]) -> Option<()> {
        (self.array()? == expected).then_some(())
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

/// The end record, less the comment's text.
pub(super) struct End {
    pub(super) disk: u16,
    pub(super) directory_disk: u16,
    pub(super) entries_here: u16,
    pub(super) entries: u16,
    pub(super) directory_bytes: u32,
    pub(super) directory_offset: u32,
    pub(super) comment_bytes: u16,
}

impl End {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.signature(END)?;
        Some(Self {
            disk: fields.u16()?,
            directory_disk: fields.u16()?,
            entries_here: fields.u16()?,
            entries: fields.u16()?,
            directory_bytes: fields.u32()?,
            directory_offset: fields.u32()?,
            comment_bytes: fields.u16()?,
        })
    }
}

/// The zip64 end record.
pub(super) struct End64 {
    pub(super) record_bytes: u64,
    pub(super) disk: u32,
    pub(super) directory_disk: u32,
    pub(super) entries_here: u64,
    pub(super) entries: u64,
    pub(super) directory_bytes: u64,
    pub(super) directory_offset: u64,
}

impl End64 {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.signature(END64)?;
        let record_bytes = fields.u64()?;
        let _versions = fields.u32()?;
        Some(Self {
            record_bytes,
            disk: fields.u32()?,
            directory_disk: fields.u32()?,
            entries_here: fields.u64()?,
            entries: fields.u64()?,
            directory_bytes: fields.u64()?,
            directory_offset: fields.u64()?,
        })
    }
}

/// The zip64 locator.
pub(super) struct Locator64 {
    pub(super) disk: u32,
    pub(super) end64_offset: u64,
    pub(super) disks: u32,
}

impl Locator64 {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.signature(LOCATOR64)?;
        Some(Self { disk: fields.u32()?, end64_offset: fields.u64()?, disks: fields.u32()? })
    }
}

/// What local and central headers have in common.
pub(super) struct Header {
    pub(super) version: u16,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u32,
    pub(super) size: u32,
    name_bytes: u16,
    extra_bytes: u16,
}

impl Header {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (version, flags, method) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let _time_and_date = fields.u32()?;
        Some(Self {
            version,
            flags,
            method,
            crc: fields.u32()?,
            packed: fields.u32()?,
            size: fields.u32()?,
            name_bytes: fields.u16()?,
            extra_bytes: fields.u16()?,
        })
    }
}

/// One header of the central directory.
pub(super) struct Central<'a> {
    pub(super) header: Header,
    pub(super) disk: u16,
    pub(super) attributes: u32,
    pub(super) offset: u32,
    pub(super) name: &'a [u8],
    pub(super) extra: &'a [u8],
}

impl<'a> Central<'a> {
    pub(super) fn read(fields: &mut Fields<'a>) -> Option<Self> {
        fields.signature(CENTRAL)?;
        let _made_by = fields.u16()?;
        let header = Header::read(fields)?;
        let comment_bytes = fields.u16()?;
        let disk = fields.u16()?;
        let _internal_attributes = fields.u16()?;
        let attributes = fields.u32()?;
        let offset = fields.u32()?;
        let name = fields.take(header.name_bytes.into())?;
        let extra = fields.take(header.extra_bytes.into())?;
        let _comment = fields.take(comment_bytes.into())?;
        Some(Self { header, disk, attributes, offset, name, extra })
    }
}

/// One local header without its name and extra fields, whose lengths follow from it.
pub(super) struct Local {
    pub(super) header: Header,
}

impl Local {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.signature(LOCAL)?;
        Some(Self { header: Header::read(&mut fields)? })
    }

    pub(super) fn name_bytes(&self) -> usize {
        self.header.name_bytes.into()
    }

    pub(super) fn extra_bytes(&self) -> usize {
        self.header.extra_bytes.into()
    }
}

/// Walks extra fields as (id, data); an `Err` says that they are not well formed.
pub(super) fn extra_fields(extra: &[u8]) -> impl Iterator<Item = Result<(u16, &[u8]), ()>> {
    let mut fields = Fields(extra);
    std::iter::from_fn(move || {
        if fields.0.is_empty() {
            return None;
        }
        let mut next = || {
            let (id, length) = (fields.u16()?, fields.u16()?);
            Some((id, fields.take(length.into())?))
        };
        let field = next();
        if field.is_none() {
            fields.0 = &[];
        }
        Some(field.ok_or(()))
    })
}

/// Whether `bytes` match a data descriptor of these values, in any of its four spellings.
pub(super) fn is_descriptor(bytes: &[u8], crc: u32, packed: u64, size: u64) -> bool {
    let body = match bytes.len() {
        16 | 24 if bytes.starts_with(&DESCRIPTOR) => bytes.get(4..).unwrap_or_default(),
        _ => bytes,
    };
    let mut fields = Fields(body);
    let found = match body.len() {
        12 => (fields.u32(), fields.u32().map(u64::from), fields.u32().map(u64::from)),
        20 => (fields.u32(), fields.u64(), fields.u64()),
        _ => return false,
    };
    found == (Some(crc), Some(packed), Some(size))
}
