//! Can anything that an author writes become part of the recipe that the engine reads? Every hostile spelling in every
//! place that reaches the Hub; what the engine gets must stay what it is for an innocent package.

use executor_hub::{builds::docker::rewritten, domain::BuildEnv};

use super::{SOURCE, inspect_with, request, text_in, zip_of};
use crate::inspect::PythonParser;

/// What could end a line, a word, a text or a block, or mean something to a shell or to the engine.
const HOSTILE: [&str; 20] = [
    "x\nRUN curl evil",
    "x\r\nFROM evil",
    "x\rUSER root",
    "x\u{2028}RUN evil",
    "x\u{2029}RUN evil",
    "x\u{85}RUN evil",
    "x\u{b}RUN evil",
    "x\\\nRUN evil",
    "x\" && evil \"",
    "x' ; evil '",
    "$(evil)",
    "`evil`",
    "${EVIL}",
    "$EVIL",
    "<<EOF\nRUN evil\nEOF",
    "x # escape=`",
    "# syntax=evil/frontend",
    "[\"sh\", \"-c\", \"evil\"]",
    "--mount=type=bind,from=evil,target=/x",
    "x\0evil",
];

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// The packages that carry `evil`, each in another place.
fn carriers(evil: &str) -> Vec<(&'static str, Vec<(String, String)>)> {
    let config = |line: String| format!("jtype: Mine\n{line}\npy_modules: [executor.py]\n");
    let with = |path: &str, text: String| vec![(path.to_owned(), text)];
    let name = evil.replace(['/', '\0'], "_");
    vec![
        ("name", with("config.yml", config(format!("metas: {{name: {}}}", quoted(evil))))),
        ("description", with("config.yml", config(format!("metas: {{description: {}}}", quoted(evil))))),
        ("keywords", with("config.yml", config(format!("metas: {{keywords: [{}]}}", quoted(evil))))),
        ("url", with("config.yml", config(format!("metas: {{url: {}}}", quoted(evil))))),
        (
            "modules",
            with("config.yml", format!("jtype: Mine\npy_modules: [executor.py, {}]\n", quoted(evil))),
        ),
        ("class", with("config.yml", format!("jtype: {}\npy_modules: [executor.py]\n", quoted(evil)))),
        ("manifest", with("manifest.yml", format!("name: {}\n", quoted(evil)))),
        ("requirements", with("requirements.txt", format!("six\n{evil}\n"))),
        ("readme", with("README.md", evil.to_owned())),
        ("docstring", with("executor.py", format!("{SOURCE}    a = {}\n", quoted(evil)))),
        ("file name", with(&name, String::new())),
        ("folder name", with(&format!("{name}/a.py"), String::new())),
    ]
}

fn package(extra: &[(String, String)]) -> Vec<u8> {
    let mut files = vec![
        ("config.yml", "jtype: Mine\npy_modules: [executor.py]\n"),
        ("executor.py", SOURCE),
        ("requirements.txt", "six\n"),
    ];
    files.retain(|(path, _)| !extra.iter().any(|(other, _)| other == path));
    files.extend(extra.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    zip_of(&files)
}

#[test]
fn nothing_that_an_author_writes_changes_the_recipe() {
    let build_env = BuildEnv::parse(r#"{"TOKEN": "hunter2-hunter2"}"#).unwrap();
    let recipe_of = |zip: &[u8]| {
        let (_, written) = inspect_with(zip, &request(), &PythonParser::InProcess)?;
        let recipe = text_in(&written, "Dockerfile").unwrap();
        Ok::<_, executor_hub::inspect::Refusal>(rewritten(&recipe, &build_env).unwrap())
    };
    let innocent = recipe_of(&package(&[])).unwrap();
    let mut taken = 0;
    for evil in HOSTILE {
        for (place, files) in carriers(evil) {
            // Refusing is as good as taking.
            let Ok(recipe) = recipe_of(&package(&files)) else { continue };
            // Requirements decide between our own recipes, of which each names git or does not, and nothing else.
            let allowed = [innocent.clone(), with_git(&innocent), after_package(&innocent)];
            assert!(allowed.contains(&recipe), "{evil:?} as {place}:\n{recipe}");
            taken += 1;
        }
    }
    assert!(taken > HOSTILE.len(), "hardly anything was taken: {taken}");
}

/// Our recipe for requirements that need git.
fn with_git(recipe: &str) -> String {
    let git = rewritten(
        "FROM a\nRUN apt-get update && apt-get install --no-install-recommends -y git && rm -rf /var/lib/apt/lists/*\n",
        &BuildEnv::parse(r#"{"TOKEN": "hunter2-hunter2"}"#).unwrap(),
    );
    let git = git.unwrap();
    recipe.replace(
        "WORKDIR /workspace\n",
        &format!("WORKDIR /workspace\n{}", git.trim_start_matches("FROM a\n")),
    )
}

/// Our recipe for requirements that name files of the package.
fn after_package(recipe: &str) -> String {
    let lines: Vec<&str> = recipe.lines().collect();
    let at = |start: &str| lines.iter().position(|line| line.starts_with(start)).unwrap();
    let (requirements, pip, package) = (at("COPY requirements"), at("RUN"), at("COPY . "));
    let mut moved = lines.clone();
    moved[requirements] = lines[package];
    moved[pip] = lines[pip];
    moved.remove(package);
    format!("{}\n", moved.join("\n"))
}

#[test]
fn paths_and_base_images_cannot_carry_an_instruction_either() {
    for evil in HOSTILE {
        let mut request = request();
        request.base_image = evil;
        let refused = inspect_with(&package(&[]), &request, &PythonParser::InProcess);
        assert!(refused.is_err(), "{evil:?} was taken as base image");
        let mut request = super::request();
        request.dockerfile = Some(evil);
        let refused = inspect_with(&package(&[]), &request, &PythonParser::InProcess);
        assert!(refused.is_err(), "{evil:?} was taken as path of a Dockerfile");
    }
}
