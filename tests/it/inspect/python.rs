//! Can Python of any kind hurt the caller? Real sources go through the real child process.

use std::time::{Duration, Instant};

use executor_hub::inspect::PythonParser;

use super::{CONFIG, SOURCE, child, inspect_with, request, zip_of};

fn inspect_source(source: &str, parser: &PythonParser) -> executor_hub::domain::package::Package {
    let zip = zip_of(&[("config.yml", CONFIG), ("executor.py", source)]);
    inspect_with(&zip, &request(), parser).unwrap_or_else(|refusal| panic!("{refusal}")).0.package
}

#[test]
fn the_child_reads_what_this_process_reads() {
    let source = "from jina import Executor, requests\nclass Mine(Executor):\n    '''Doc.'''\n    def __init__(self, x: int = 1): ...\n    @requests(on='/x')\n    async def f(self, docs, **kwargs): ...\n";
    let package = inspect_source(source, &child());
    assert!(package.executor.parsed && package.notices.is_empty());
    assert_eq!(package, inspect_source(source, &PythonParser::InProcess));
}

#[test]
fn hostile_sources_cannot_hurt_the_caller() {
    let hostile = [
        ("unary minus", "-".repeat(150_000) + "1"),
        ("nested f-strings", "f'{".repeat(80_000)),
        ("brackets", "[".repeat(200_000)),
        ("closed brackets", "(".repeat(100_000) + &")".repeat(100_000)),
        ("not", "not ".repeat(60_000) + "1"),
        ("lambda", "lambda:".repeat(30_000) + "1"),
        ("attributes", format!("a{}", ".a".repeat(120_000))),
        ("calls", format!("a{}", "()".repeat(120_000))),
        ("additions", format!("1{}", "+1".repeat(120_000))),
        ("else if", format!("1{}", " if 1 else 1".repeat(20_000))),
        ("decorators", "@a\n".repeat(80_000)),
    ];
    for (kind, code) in hostile {
        let source = format!("{SOURCE}x = {code}\n");
        assert!(source.len() < 256 << 10, "{kind} must be small enough to be parsed");
        let zip = zip_of(&[("config.yml", CONFIG), ("executor.py", &source)]);
        let start = Instant::now();
        match inspect_with(&zip, &request(), &child()) {
            Ok((inspection, _)) => {
                let package = inspection.package;
                assert_eq!(package.executor.name, "Mine", "{kind}");
                assert_eq!(package.executor.parsed, package.notices.is_empty(), "{kind}");
            }
            Err(refusal) => assert_eq!(refusal.code, "python_syntax", "{kind}"),
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{kind}");
    }
}

#[test]
fn a_parser_that_dies_costs_only_the_arguments() {
    for program in ["/bin/false", "/bin/true", "/nowhere/at/all", "/bin/echo"] {
        let package = inspect_source(SOURCE, &PythonParser::Child { program: program.into() });
        assert_eq!(package.executor.name, "Mine", "{program}");
        assert!(!package.executor.parsed && package.notices.len() == 1, "{program}");
    }
}

#[test]
fn a_chain_of_hostile_sources_costs_the_time_limit_once() {
    let hostile = format!("x = {}\n", "f'{".repeat(60_000));
    let mut files = vec![("config.yml".to_owned(), CONFIG.to_owned())];
    files.push(("executor.py".to_owned(), format!("from step1 import Mine\n{hostile}")));
    for step in 1..6 {
        files.push((format!("step{step}.py"), format!("from step{} import Mine\n{hostile}", step + 1)));
    }
    files.push(("step6.py".to_owned(), SOURCE.to_owned()));
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let start = Instant::now();
    let (inspection, _) = inspect_with(&zip_of(&files), &request(), &child()).unwrap();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(inspection.package.filepath.as_deref(), Some("step6.py"));
    assert!(!inspection.package.executor.parsed);
}
