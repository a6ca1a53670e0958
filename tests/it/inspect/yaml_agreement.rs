//! Does YAML say to the Hub what it says to `PyYAML`, whatever is written? Generated files, a part of them spoilt.

use super::{SOURCE, inspect_files, pyyaml, text_in};

/// How `PyYAML` reads a file: its tree of tags and texts, without the metas, which the Hub changes; or why it cannot.
const READ: &str = r#"
import json, sys, yaml
def tree(node, left):
    left[0] -= 1
    if left[0] < 0: raise OverflowError
    if isinstance(node, yaml.ScalarNode):
        # No loader constructs `=`, or a bare `&`, `*` or `!`; a text is what was meant.
        tag = node.tag.replace("2002:value", "2002:str").replace("2002:yaml", "2002:str")
        return [tag, "" if tag.endswith(":null") else node.value]
    if isinstance(node, yaml.SequenceNode): return [node.tag, [tree(n, left) for n in node.value]]
    pairs = {}
    for key, value in node.value: pairs[json.dumps(tree(key, left))] = tree(value, left)
    return [node.tag, "map", list(pairs.items())]
def read(text):
    try: found = tree(yaml.compose(text, yaml.SafeLoader), [5000])
    except (OverflowError, RecursionError): return "too large"
    except yaml.YAMLError as error: return str(error)
    return [pair for pair in found[-1] if "metas" not in pair[0]] if found[-2] == "map" else found
"#;

/// Makes files in every style, a third of them spoilt, each with how `PyYAML` reads it.
const MAKE: &str = r##"
import random
TEXTS = ["a", "yes", "No", "on", "~", "null", "1", "010", "0x1F", "1_0", "1:30", "1.5", "1e5", ".inf", "2020-01-01", "=", "a b", "a:b", "a#b",
         "-x", "http://h/y?z#f", "é", "日本", "x,y", "v1.0", "'", "''", "it's", "\\", "\"", "*", "&", "!", "%", "@", "`", "- a", "? b", "a: b", "# c", " lead",
         "trail ", "", "two\nlines", "end\n", "\ttab", "[", "]", "{", "}", "|", ">", "---", "...", "<<", "\ufeff", "\U0001F600", "k" * 140]
def scalar(r, flow):
    text = r.choice(TEXTS)
    kind = r.randrange(4)
    if kind == 0: return "'" + text.replace("'", "''") + "'"
    if kind == 1: return json.dumps(text, ensure_ascii=r.random() < .5)
    if flow: return r.choice(["a", "yes", "1", "a b", "x-y", "1:30", ""])
    return text if r.random() < .1 else r.choice(TEXTS[:26])
def flow(r, depth):
    kind = r.randrange(5) if depth else 0
    if kind < 3: return scalar(r, True)
    gap = r.choice([" ", "", "  "])
    if kind == 3: return "[" + ("," + gap).join(flow(r, depth - 1) for _ in range(r.randrange(4))) + r.choice(["]", ",]" if r.random() < .1 else "]", " ]"])
    return "{" + ", ".join(f"{r.choice('abcd')}:{r.choice([' ', ' ', ''])}{flow(r, depth - 1)}" for _ in range(r.randrange(4))) + "}"
def block(r, indent, depth):
    pad = " " * indent
    head = r.choice(["", "", "", "", "!Tag ", "!!str ", "&a ", "&b ", "! ", "!<tag:x> "])
    kind = r.randrange(9) if depth else r.randrange(5)
    if kind < 2: return head + scalar(r, False) + r.choice(["", "", " # remark", " #", "\t"]) + "\n"
    if kind == 2: return r.choice(["*a", "*b", "~"]) + "\n"
    if kind == 3: return head + flow(r, 3) + "\n"
    if kind == 4:
        lines = [r.choice(["one", "two words", "", "  more", "# no remark", "- x", "key: y", "\ttab"]) for _ in range(r.randrange(1, 5))]
        return head + r.choice("|>") + r.choice(["", "-", "+", "2", "-2"]) + "\n" + "".join(pad + ("  " + line if line else "") + "\n" for line in lines)
    step = r.choice([1, 2, 2, 4])
    out = head + "\n"
    for n in range(r.randrange(1, 5)):
        if kind < 7: out += pad + " " * step + "- " + block(r, indent + step, depth - 1)
        else:
            key = r.choice(["a", "b", "c", "yes", "1", "'q'", '"d"', "<<", "? e\n" + pad + " " * step, "two words", "~"])
            out += pad + " " * step + key + ": " + block(r, indent + step, depth - 1)
        if r.random() < .1: out += r.choice(["\n", "# remark\n", pad + "  # remark\n"])
    return out
def make(seed):
    r = random.Random(seed)
    text = r.choice(["", "", "# first\n", "---\n", "%YAML 1.1\n---\n", "\ufeff"]) + r.choice(["jtype: Mine\n", "'jtype': Mine\n", "jtype:   Mine # the class\n", '"jtype": "M\\x69ne"\n'])
    text += "py_modules: executor.py\nmetas:\n  name: old\n"
    for n in range(r.randrange(1, 4)): text += f"extra{n}: " + block(r, 0, 3)
    if r.random() < .1: text = text.replace("\n", "\r\n")
    if r.random() < .1: text += r.choice(["...\n", "...\n# end\n", "\n\n"])
    if seed % 3 == 0:
        for _ in range(r.randrange(1, 3)):
            at = r.randrange(len(text) + 1)
            text = text[:at] + r.choice(["", " ", "\n", ":", "-", "'", '"', "[", "}", "#", "\t", "&a ", "*a", "!", ",", "\n ", "|", "? "]) + text[at + r.randrange(2):]
    return text
json.dump([[text, read(text)] for text in map(make, range(int(sys.stdin.read())))], sys.stdout)
"##;

const FILES: usize = 3000;

/// What the Hub reads and `PyYAML` does not, as the latter says it: tabs between values, an anchor that is given anew, marks
/// with odd names, and keys that are empty or touch their value.
const LENIENT: [&str; 6] = [
    "found character '\\t'",
    "but found '\\t'",
    "duplicate anchor",
    "while scanning a",
    "while parsing a flow mapping",
    "expected <block end>, but found ':'",
];
/// What `PyYAML` reads and the Hub does not, as the latter says it: nobody's package has been seen to need it.
const STRICT: [&str; 5] = [
    "may not precede any of",
    "invalid indentation in quoted scalar",
    "byte order mark",
    "Unicode character escape code",
    "a list or mapping is used as a key",
];

#[test]
fn generated_files_mean_to_the_hub_what_they_mean_to_pyyaml() {
    let made = pyyaml(&format!("{READ}{MAKE}"), FILES.to_string().as_bytes());
    let (mut taken, mut wrong) = (Vec::new(), Vec::new());
    for case in made.as_array().unwrap() {
        let (text, theirs) = (case[0].as_str().unwrap(), &case[1]);
        let files = [("config.yml", text), ("executor.py", SOURCE), ("manifest.yml", "name: new\n")];
        let ours = inspect_files(&files);
        let is_one_of = |known: &[&str], why: &str| known.iter().any(|each| why.contains(each));
        match (ours, theirs.as_str()) {
            (_, Some("too large")) | (Err(_), Some(_)) => {}
            (Ok(_), Some(why)) if is_one_of(&LENIENT, why) => {}
            (Ok(_), Some(why)) => wrong.push(format!("{text:?} is taken, but not by PyYAML: {why}")),
            (Ok((_, zip)), None) => taken.push((text, theirs, text_in(&zip, "config.yml").unwrap())),
            (Err(refusal), None) if refusal.code != "config_syntax" => {}
            (Err(refusal), None) if is_one_of(&STRICT, &refusal.message) => {}
            (Err(refusal), None) => wrong.push(format!("{text:?} is not taken: {refusal}")),
        }
    }
    let written: Vec<&str> = taken.iter().map(|(_, _, written)| written.as_str()).collect();
    let script = format!("{READ}json.dump([read(text) for text in json.load(sys.stdin)], sys.stdout)");
    let read = pyyaml(&script, &serde_json::to_vec(&written).unwrap());
    for ((text, theirs, written), ours) in taken.iter().zip(read.as_array().unwrap()) {
        if *theirs != ours {
            wrong.push(format!("{text:?}\nbecomes {written:?}\nwhich is {ours}\nand was {theirs}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {FILES}:\n{}", wrong.len(), wrong[..wrong.len().min(8)].join("\n\n"));
    assert!(taken.len() > FILES / 6, "only {} of {FILES} were taken", taken.len());
}
