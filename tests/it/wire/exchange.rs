//! What does a recorded flow look like? Text: `= N` opens an exchange, `> ` stands before the lines of the request, `< `
//! before those of the answer, `#` before what is said about them. Nothing of a request is lost or put in order.

/// One request and what was answered.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub number: usize,
    pub request: Message,
    pub answer: Message,
}

/// The parts of a message, as text with names in braces.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// The request line or the status line.
    pub start: String,
    /// Names and values in their order, names spelled as they were sent.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Message {
    /// The value of a header, whatever the spelling of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether the body is a form, whose lines end in CR LF.
    pub fn is_form(&self) -> bool {
        self.header("content-type").is_some_and(|value| value.starts_with("multipart/form-data"))
    }

    fn of(lines: &[&str]) -> Self {
        let head = lines.iter().take_while(|line| !line.is_empty()).count();
        let headers = lines[1..head].iter().map(|line| {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line}"));
            (name.to_owned(), value.strip_prefix(' ').unwrap_or(value).to_owned())
        });
        let body = lines.get(head + 1..).unwrap_or_default().join("\n");
        Self { start: lines[0].to_owned(), headers: headers.collect(), body }
    }
}

/// The exchanges of a recorded flow.
pub fn read(text: &str) -> Vec<Exchange> {
    let exchanges: Vec<Exchange> = text
        .split("\n= ")
        .skip(1)
        .map(|part| {
            let number = part.lines().next().unwrap_or_default();
            let side = |mark: char| {
                let lines: Vec<&str> = part
                    .lines()
                    .filter_map(|line| line.strip_prefix(mark))
                    .map(|line| line.strip_prefix(' ').unwrap_or(line))
                    .collect();
                Message::of(&lines)
            };
            Exchange { number: number.parse().unwrap(), request: side('>'), answer: side('<') }
        })
        .collect();
    assert!(!exchanges.is_empty(), "a flow without exchanges");
    exchanges
}
