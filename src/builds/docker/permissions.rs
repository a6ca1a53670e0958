//! What may an instruction not ask for? Other people's images and caches, the engine's own network, and more rights
//! than a build has.

use super::{
    images::ImageRule,
    instruction::{Instruction, Rejected, exec_form},
};

/// The checks of one Dockerfile.
#[derive(Debug)]
pub struct Permissions<'p> {
    /// Which images may be used.
    pub images: &'p ImageRule,
    /// What the id of every cache is made to begin with.
    pub cache_prefix: &'p str,
    /// The escape character of the Dockerfile.
    pub escape: char,
    /// Names of the stages so far, in small letters.
    pub stages: Vec<String>,
}

impl Permissions<'_> {
    /// Refuses what would leave the build's box, and gives caches an owner.
    pub fn run_flags(&self, instruction: &Instruction, flags: &[&str]) -> Result<String, Rejected> {
        let mut written = String::new();
        for flag in flags {
            let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
            let flag = match (name, value) {
                ("--mount", mount) => format!("--mount={}", self.mount(instruction, mount)?),
                ("--network", "default" | "none") | ("--security", "sandbox") => (*flag).to_owned(),
                _ => {
                    let shown = flag.chars().take(60).collect::<String>();
                    return Err(Rejected::new(
                        instruction.line,
                        format!("asks for {shown}, which is not allowed here."),
                    ));
                }
            };
            written.push_str(&flag);
            written.push(' ');
        }
        Ok(written)
    }

    fn mount(&self, instruction: &Instruction, mount: &str) -> Result<String, Rejected> {
        let mut fields: Vec<&str> = mount.split(',').collect();
        let (mut kind, mut id, mut target) = ("bind".to_owned(), None, None);
        for field in &fields {
            let (key, value) = field.split_once('=').unwrap_or((field, ""));
            match key.to_ascii_lowercase().as_str() {
                "from" => self.check_source(instruction, value)?,
                "type" => kind = value.to_ascii_lowercase(),
                "target" | "dst" | "destination" => target = Some(value),
                "id" => id = Some(value),
                _ => {}
            }
        }
        if target.is_some_and(is_the_hubs) {
            let reason =
                "mounts something below /run/hub, where the Hub keeps its own. Choose another target.";
            return Err(Rejected::new(instruction.line, reason));
        }
        // One author's cache must never hold another's files. Without an id the target is what caches are known by.
        let Some(id) = id.or(target).filter(|_| kind == "cache") else { return Ok(mount.to_owned()) };
        let own = format!("id={}{id}", self.cache_prefix);
        fields.retain(|field| field.split_once('=').is_none_or(|(key, _)| !key.eq_ignore_ascii_case("id")));
        fields.push(&own);
        Ok(fields.join(","))
    }

    /// Checks where a `COPY` or `ADD` takes its files from.
    pub fn check_copy(
        &self,
        instruction: &Instruction,
        keyword: &str,
        flags: &[&str],
        rest: &str,
    ) -> Result<(), Rejected> {
        for flag in flags {
            if let Some(source) = flag.strip_prefix("--from=") {
                self.check_source(instruction, source)?;
            }
        }
        let listed = exec_form(instruction, rest)?;
        if !keyword.eq_ignore_ascii_case("ADD") {
            return Ok(());
        }
        // The engine fetches what ADD names from its own place in the network. Variables and quotes could spell any
        // address, so ADD is for plain file names.
        let words = listed.unwrap_or_else(|| rest.split_whitespace().map(str::to_owned).collect());
        if let Some(word) = words.iter().find(|word| may_be_fetched(word)) {
            let shown: String = word.chars().take(80).collect();
            let reason = format!(
                "adds '{shown}'. ADD takes plain names of files of the package here: use COPY for files, and RUN with \
                 curl or git for addresses."
            );
            return Err(Rejected::new(instruction.line, reason));
        }
        Ok(())
    }

    /// Checks the instruction that an `ONBUILD` keeps for later.
    pub fn check_trigger(&self, instruction: &Instruction) -> Result<(), Rejected> {
        let (keyword, rest) =
            instruction.rest.split_once(char::is_whitespace).unwrap_or((&instruction.rest, ""));
        let (flags, rest) = self.flags(instruction, rest.trim_start())?;
        match keyword.to_ascii_uppercase().as_str() {
            "RUN" => self.run_flags(instruction, &flags).map(drop),
            "COPY" | "ADD" => self.check_copy(instruction, keyword, &flags, rest),
            _ => Ok(()),
        }
    }

    /// Checks the `from` of a copy or mount: an earlier stage by name or number, or an image.
    fn check_source(&self, instruction: &Instruction, source: &str) -> Result<(), Rejected> {
        let is_number = !source.is_empty() && source.bytes().all(|byte| byte.is_ascii_digit());
        if is_number || source == "scratch" || self.stages.contains(&source.to_lowercase()) {
            return Ok(());
        }
        self.images.check(source).map_err(|reason| Rejected::new(instruction.line, reason))
    }

    /// Splits the leading `--flags` off. Flags with quotes or escapes could spell others than they seem to.
    pub fn flags<'t>(
        &self,
        instruction: &Instruction,
        rest: &'t str,
    ) -> Result<(Vec<&'t str>, &'t str), Rejected> {
        let mut flags = Vec::new();
        let mut rest = rest;
        if !matches!(instruction.keyword.as_str(), "FROM" | "RUN" | "COPY" | "ADD" | "ONBUILD") {
            return Ok((flags, rest));
        }
        while rest.starts_with("--") {
            let (flag, tail) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            if flag == "--" || flag.contains(['"', '\'', '\\', self.escape]) {
                return Err(Rejected::new(
                    instruction.line,
                    "has a flag with quotes or escapes. Write it plainly.",
                ));
            }
            flags.push(flag);
            rest = tail.trim_start();
        }
        Ok((flags, rest))
    }
}

/// Whether a mount's target is below `/run/hub`, also from a folder that may have been changed to.
fn is_the_hubs(target: &str) -> bool {
    let parts: Vec<&str> = target.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    parts.windows(2).any(|pair| pair == ["run", "hub"]) || parts.first() == Some(&"hub")
}

fn may_be_fetched(word: &str) -> bool {
    let word = word.to_lowercase();
    word.contains(['$', '\\', '"', '\'', '`'])
        || ["://", "git@", "github.com/", ".git#", ".git?"].iter().any(|sign| word.contains(sign))
        || std::path::Path::new(&word).extension().is_some_and(|extension| extension == "git")
}
