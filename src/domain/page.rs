//! How are long lists cut into pages? By a cursor that names the last row seen, never by counting.

/// How many items one page may hold; whatever the caller asks for is brought into 1–100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u16);

impl PageSize {
    const MAX: u16 = 100;
    const DEFAULT: u16 = 20;

    /// The size nearest to `wanted` that is allowed; 20 when nothing was asked for.
    pub fn nearest(wanted: Option<i64>) -> Self {
        match wanted {
            None => Self(Self::DEFAULT),
            Some(n) => Self(u16::try_from(n.clamp(1, i64::from(Self::MAX))).unwrap_or(Self::DEFAULT)),
        }
    }

    /// As SQL wants it.
    pub fn as_i64(self) -> i64 {
        i64::from(self.0)
    }

    /// How many rows to read for [`Page::cut`]: one more than a page holds tells whether there is another page.
    pub fn and_one_more(self) -> i64 {
        self.as_i64() + 1
    }
}

/// One page of a list and where the next one starts.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// The cursor of the next page; absent on the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The page that these rows begin, which are [`PageSize::and_one_more`] at most. `cursor` names a page's last row.
    pub fn cut(mut rows: Vec<T>, size: PageSize, cursor: impl Fn(&T) -> String) -> Self {
        let wanted = usize::from(size.0);
        let has_more = rows.len() > wanted;
        rows.truncate(wanted);
        let next = rows.last().filter(|_| has_more).map(cursor);
        Self { items: rows, next }
    }
}
