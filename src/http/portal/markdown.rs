//! How does an author's readme become part of a page? Every tag that comes out was written here or by the Markdown renderer: HTML
//! in a readme is left out, addresses are let through by their scheme, and all text is escaped.

use std::collections::HashMap;

use pulldown_cmark::{
    Alignment, CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html,
};

use super::highlight;

/// Bytes of a readme that are shown; reading more would keep others waiting.
const MOST: usize = 256 << 10;
/// What ids of a readme's headings begin with, so that none is one of the page's own.
const PREFIX: &str = "readme-";
/// How deep elements may lie in each other; what is deeper is shown without its element.
const DEEPEST: usize = 64;

/// What is wider than the screen is scrolled, by the keyboard too.
const TABLE: &str = "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Table\">";
const CODE: &str = "<pre tabindex=\"0\" role=\"group\" aria-label=\"Code\"><code>";

/// Markdown as HTML that may stand in a page of ours. Takes milliseconds: not for a thread that others wait for.
pub(super) fn render(markdown: &str) -> String {
    let text = markdown.get(..markdown.floor_char_boundary(MOST)).unwrap_or_default();
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut out = String::with_capacity(text.len() * 3 / 2);
    let events: Vec<Event<'_>> = Parser::new_ext(text, options).collect();
    html::push_html(&mut out, shaped(&events).into_iter());
    out
}

/// An address that may be a link; headings of the readme are found by theirs. What is relative otherwise meant a repository
/// that is not here.
fn link(address: &str) -> Option<String> {
    if let Some(heading) = address.strip_prefix('#') {
        return Some(format!("#{PREFIX}{heading}"));
    }
    has_scheme(address, &["https://", "http://", "mailto:"]).then(|| address.to_owned())
}

/// Without control characters, which browsers leave out before they look for the scheme.
fn has_scheme(address: &str, schemes: &[&str]) -> bool {
    let begins =
        |scheme: &&str| address.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    !address.chars().any(char::is_control) && schemes.iter().any(begins)
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The events of a readme, made fit for a page.
fn shaped(events: &[Event<'_>]) -> Vec<Event<'static>> {
    let mut out: Vec<Event<'static>> = Vec::with_capacity(events.len());
    // Of the elements that are open, the end of each; `None` where the element itself is left out.
    let mut open: Vec<Option<Vec<Event<'static>>>> = Vec::new();
    let mut ids = HashMap::new();
    let mut at = 0;
    while let Some(event) = events.get(at) {
        at += 1;
        let rest = events.get(at..).unwrap_or_default();
        match event {
            Event::Start(Tag::Image { dest_url, .. }) => {
                let (alternative, length) = words(rest);
                at += length;
                out.push(image(dest_url, &alternative));
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let (code, length) = words(rest);
                at += length;
                out.push(Event::InlineHtml(code_block(kind, &code).into()));
            }
            Event::Start(tag) => {
                let element = if open.len() < DEEPEST { element(tag, rest, &mut ids) } else { None };
                let (start, end) = element.unzip();
                out.extend(start.into_iter().flatten());
                open.push(end);
            }
            Event::End(_) => out.extend(open.pop().flatten().into_iter().flatten()),
            // A box to tick would be a form's.
            Event::TaskListMarker(is_done) => {
                out.push(Event::Text(if *is_done { "☑ " } else { "☐ " }.into()));
            }
            Event::Text(_) | Event::Code(_) | Event::SoftBreak | Event::HardBreak | Event::Rule => {
                out.push(event.clone().into_static());
            }
            // HTML, and what is not asked for.
            _ => {}
        }
    }
    out
}

/// How an element begins and ends; `None` leaves it out, but not what is in it.
fn element(
    tag: &Tag<'_>,
    rest: &[Event<'_>],
    ids: &mut HashMap<String, usize>,
) -> Option<(Vec<Event<'static>>, Vec<Event<'static>>)> {
    let html = |text: &str| Event::InlineHtml(text.to_owned().into());
    match tag {
        Tag::HtmlBlock | Tag::MetadataBlock(_) | Tag::FootnoteDefinition(_) => None,
        Tag::Link { dest_url, .. } => {
            let address = escaped(&link(dest_url)?);
            let start = format!("<a href=\"{address}\" rel=\"nofollow noopener noreferrer\">");
            Some((vec![html(&start)], vec![html("</a>")]))
        }
        Tag::Heading { level, .. } => {
            let (level, id) = (lower(*level), Some(CowStr::from(unique_id(&words(rest).0, ids))));
            let start = Tag::Heading { level, id, classes: Vec::new(), attrs: Vec::new() };
            Some((vec![Event::Start(start)], vec![Event::End(TagEnd::Heading(level))]))
        }
        Tag::Table(columns) => {
            // Their alignment would be inline style, which the page's policy refuses.
            let columns = vec![Alignment::None; columns.len()];
            let start = vec![html(TABLE), Event::Start(Tag::Table(columns))];
            Some((start, vec![Event::End(TagEnd::Table), html("</div>")]))
        }
        tag => Some((vec![Event::Start(tag.clone().into_static())], vec![Event::End(tag.to_end())])),
    }
}

/// Code in the colours of its language, where that is known.
fn code_block(kind: &CodeBlockKind<'_>, code: &str) -> String {
    let language = match kind {
        CodeBlockKind::Fenced(words) => words.split([' ', ',', '{']).next().unwrap_or_default(),
        CodeBlockKind::Indented => "",
    };
    let mut out = CODE.to_owned();
    for line in highlight::lines_of(language, code) {
        for piece in line {
            let text = escaped(&piece.text);
            if piece.style.is_empty() {
                out.push_str(&text);
            } else {
                out.extend(["<span class=\"", piece.style, "\">", &text, "</span>"]);
            }
        }
        out.push('\n');
    }
    out.push_str("</code></pre>\n");
    out
}

/// The text up to the end of the element that has just begun, and how many events that are, its end included.
fn words(rest: &[Event<'_>]) -> (String, usize) {
    let (mut text, mut depth) = (String::new(), 0_usize);
    for (at, event) in rest.iter().enumerate() {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) if depth == 0 => return (text, at + 1),
            Event::End(_) => depth -= 1,
            Event::Text(part) | Event::Code(part) => text.push_str(part),
            _ => {}
        }
    }
    (text, rest.len())
}

/// The page's own policy takes images over TLS only; of others their words are shown.
fn image(address: &str, alternative: &str) -> Event<'static> {
    if !has_scheme(address, &["https://"]) {
        return Event::Text(alternative.to_owned().into());
    }
    let (address, alternative) = (escaped(address), escaped(alternative));
    Event::InlineHtml(
        format!(
            "<img src=\"{address}\" alt=\"{alternative}\" loading=\"lazy\" referrerpolicy=\"no-referrer\">"
        )
        .into(),
    )
}

/// An id as other hosts make it of a heading, so that an author's table of contents fits. `ids` has the last number that was
/// tried with each.
fn unique_id(text: &str, ids: &mut HashMap<String, usize>) -> String {
    let readable = |c| match c {
        ' ' => Some('-'),
        c if char::is_alphanumeric(c) || matches!(c, '-' | '_') => Some(c),
        _ => None,
    };
    let id: String = text.trim().to_lowercase().chars().filter_map(readable).collect();
    let id = format!("{PREFIX}{id}");
    let mut unique = id.clone();
    while ids.contains_key(&unique) {
        let number = ids.entry(id.clone()).or_default();
        *number += 1;
        unique = format!("{id}-{number}");
    }
    ids.insert(unique.clone(), 0);
    unique
}

/// The page's own heading is the first.
fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H2,
        HeadingLevel::H2 => HeadingLevel::H3,
        HeadingLevel::H3 => HeadingLevel::H4,
        HeadingLevel::H4 => HeadingLevel::H5,
        HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readmes_are_rendered() {
        let html = render(
            "# Hello *you*\n\nText with `code` and [a link](https://example.com?a&b).\n\n| a |\n|:-:|\n| 1 |\n",
        );
        assert!(html.contains("<h2 id=\"readme-hello-you\">Hello <em>you</em></h2>"), "{html}");
        assert!(
            html.contains("<code>code</code>") && html.contains("<td>1</td>") && !html.contains("style="),
            "{html}"
        );
        assert!(
            html.contains(
                "href=\"https://example.com?a&amp;b\" rel=\"nofollow noopener noreferrer\">a link</a>"
            ),
            "{html}"
        );
        let html = render("```python\nreturn '<b>'\n```\n\n    x < y\n");
        assert!(
            html.contains("<span class=\"hk\">return</span> <span class=\"hs\">&#39;&lt;b&gt;&#39;</span>\n"),
            "{html}"
        );
        assert!(html.contains("<code>x &lt; y\n</code>"), "{html}");
        let html = render("![a *nice* one](https://example.com/x.png)\n\n- [x] done\n");
        assert!(html.contains("<img src=\"https://example.com/x.png\" alt=\"a nice one\""), "{html}");
        assert!(html.contains("☑ done"), "{html}");
        assert_eq!(
            render("<p align=\"center\">\n<b>x</b>\n</p>\n\na <b>bold</b> word"),
            "<p>a bold word</p>\n"
        );
    }

    #[test]
    fn links_to_headings_lead_to_them() {
        let html = render("[b](#b-c)\n\n## B c\n\n## B c\n");
        assert!(html.contains("href=\"#readme-b-c\""), "{html}");
        assert!(html.contains("id=\"readme-b-c\"") && html.contains("id=\"readme-b-c-1\""), "{html}");
    }

    #[test]
    fn nothing_of_a_readme_runs_or_loads_from_where_it_may_not() {
        for evil in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "text <img src=https://a.example/x.png onload=alert(1)>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](java&#10;script:alert(1))",
            "[x](&#1;javascript:alert(1))",
            "[x](data:text/html,<script>alert(1)</script>)",
            "<javascript:alert(1)>",
            "[x](https://a.example/\"onmouseover=alert(1))",
            "[x](<https://a.example/\" onmouseover=alert(1) \">)",
            "[x](https://a.example \"t\\\" onmouseover=alert(1)\")",
            "![\\\" onerror=alert(1) x](https://a.example/x.png)",
            "<svg onload=alert(1)><script>alert(1)</script></svg>",
            "<math><mtext><style><img src onerror=alert(1)></style></mtext></math>",
            "<iframe src=https://evil.example></iframe>",
            "<form action=/sign-out method=post><button>x</button></form>",
            "<style>body{display:none}</style>",
            "<div style=\"position:fixed;inset:0\">x</div>",
            "<base href=https://evil.example>",
            "![x](http://tracker.example/x.png)",
            "![x](//tracker.example/x.png)",
            "![x](data:image/svg+xml,<svg onload=alert(1)>)",
            "<!--><script>alert(1)</script>-->",
            "```<script>\n<script>alert(1)</script>\n```",
            "```\"onclick=alert(1)\nx\n```",
            "# <img src=x onerror=alert(1)>",
            "# \" onclick=alert(1) x=\"",
            "[a]: javascript:alert(1)\n[x][a]",
            "[a]: <https://a.example/\"> 'x\"onclick=alert(1)'\n[x][a]",
        ] {
            let html = render(evil);
            for tag in
                html.split('<').skip(1).map(|tag| tag.split_once('>').expect("a whole tag").0.to_lowercase())
            {
                // Outside of their values, which cannot be left by a quote: there is none in them.
                let outside: String = tag.split('"').step_by(2).collect();
                assert!(!outside.contains(" on") && !outside.contains("style"), "{evil}: {html}");
                let addresses = tag.split('"').skip(1).step_by(2).map(str::trim);
                for address in addresses {
                    assert!(
                        !address.starts_with("javascript:") && !address.starts_with("data:"),
                        "{evil}: {html}"
                    );
                }
                assert!(!tag.contains("src=\"http:") && !tag.contains("src=\"//"), "{evil}: {html}");
                let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
                let ours = ["p", "a", "img", "h2", "pre", "code", "br", "br/", "em", "ul", "li", "span"];
                assert!(ours.contains(&name), "{name}, {evil}: {html}");
            }
        }
    }

    #[test]
    fn what_is_nested_without_end_is_shown_in_bounded_time() {
        let started = std::time::Instant::now();
        for piece in [">", "* ", "[", "![", "<div>", "**a", "`", "- - ", "![a](b ", "# a\n"] {
            let html = render(&piece.repeat(20_000));
            assert!(
                html.matches("<blockquote").count() <= DEEPEST && html.matches("<li").count() <= DEEPEST,
                "{piece}"
            );
        }
        assert!(started.elapsed() < std::time::Duration::from_mins(1), "{:?}", started.elapsed());
    }
}
