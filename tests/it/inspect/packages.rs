//! Which packages are good, and which class do they hold? Two tables of folders as authors write them.

use executor_hub::inspect::RefusalClass;

use super::{bad_packages::BAD, good_packages::GOOD, inspect_files, inspect_zip, raw_zip::RawZip, text_in};

#[test]
fn bad_packages_are_refused_with_number_place_and_remedy() {
    assert!(GOOD.len() + BAD.len() >= 60, "{} good and {} bad packages", GOOD.len(), BAD.len());
    let mut wrong = Vec::new();
    for (kind, number, code, words, files) in BAD {
        match inspect_files(files) {
            Ok((inspection, _)) => {
                wrong.push(format!("{kind}: taken as {:?}", inspection.package.executor.name));
            }
            Err(refusal) => {
                let text = refusal.to_string();
                if refusal.class.number() != *number
                    || refusal.code != *code
                    || !words.iter().all(|word| text.contains(word))
                {
                    wrong.push(format!("{kind}: {refusal:?}"));
                }
                assert!(!refusal.remedy.is_empty() && refusal.message.ends_with('.'), "{kind}: {refusal:?}");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn good_packages_are_taken_with_their_class_and_file() {
    for (kind, class, filepath, modules, files) in GOOD {
        let (inspection, zip) = inspect_files(files).unwrap_or_else(|refusal| panic!("{kind}: {refusal}"));
        let package = inspection.package;
        assert_eq!(package.executor.name, *class, "{kind}");
        assert_eq!(package.filepath.as_deref(), Some(*filepath), "{kind}");
        assert!(package.executor.parsed, "{kind}");
        let config = text_in(&zip, "config.yml").unwrap();
        if let Some(modules) = modules {
            let expected = modules.replace(' ', "\n    - ");
            assert_eq!(config, format!("jtype: Mine\nmetas:\n  py_modules:\n    - {expected}\n"), "{kind}");
        } else {
            let written = files.iter().find(|(path, _)| *path == "config.yml").unwrap().1;
            assert_eq!(config, written, "{kind}: an author's file is kept");
        }
        let listed: Vec<_> = package.files.iter().map(|file| file.path.as_str()).collect();
        assert!(
            listed.is_sorted() && listed.contains(&"Dockerfile") && listed.contains(&"config.yml"),
            "{kind}"
        );
    }
}

#[test]
fn non_latin_sources_that_declare_nothing_are_refused() {
    let mut zip = RawZip::default();
    zip.deflated("a.py", b"# caf\xe9\nfrom jina import Executor\nclass Mine(Executor): pass\n");
    let refusal = inspect_zip(&zip.bytes()).map(|_| ()).unwrap_err();
    assert_eq!((refusal.code, refusal.class), ("python_encoding", RefusalClass::Other));
    let mut zip = RawZip::default();
    zip.deflated(
        "a.py",
        b"# -*- coding: latin-1 -*- caf\xe9\nfrom jina import Executor\nclass Mine(Executor): pass\n",
    );
    assert!(inspect_zip(&zip.bytes()).is_ok());
}
