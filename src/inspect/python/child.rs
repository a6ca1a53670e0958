//! How is hostile Python kept from hurting the server? The program runs itself again with limits on memory and time,
//! and kills that child when it takes too long.

use std::{
    io::{self, Read, Write},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use nix::sys::resource::{Resource, setrlimit};

use super::{Outlines, Sources, outline};

/// The argument that makes the program a parser.
pub const ARGUMENT: &str = "inspect-python";

/// From start to answer, as the parent's clock has it.
const WALL: Duration = Duration::from_secs(5);
/// Processor seconds of the child: a net under the wall clock, should the parent die.
const CPU_SECONDS: u64 = 5;
/// Bytes of address space of the child: enough for the stack and any honest source.
const ADDRESS_SPACE: u64 = 1 << 30;
/// Bytes of stack of the thread that parses.
const STACK: usize = 256 << 20;
/// Bytes of an answer that are read: an outline is far shorter than its source, and costs more memory than its JSON.
const ANSWER_BYTES: u64 = 2 << 20;

/// The child's whole work: sources as JSON from standard input, outlines as JSON to standard output. The caller exits
/// with failure on an error; nobody reads the text.
pub fn main() -> io::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_CPU, CPU_SECONDS, CPU_SECONDS)?;
    setrlimit(Resource::RLIMIT_AS, ADDRESS_SPACE, ADDRESS_SPACE)?;
    let mut input = Vec::new();
    io::stdin().lock().read_to_end(&mut input)?;
    let outlines = outline_all(&serde_json::from_slice(&input)?)?;
    let mut output = io::stdout().lock();
    serde_json::to_writer(&mut output, &outlines)?;
    output.flush()
}

/// Parses on a thread whose stack holds all honest nesting.
pub(super) fn outline_all(sources: &Sources) -> io::Result<Outlines> {
    thread::scope(|scope| {
        thread::Builder::new()
            .name("python-parser".into())
            .stack_size(STACK)
            .spawn_scoped(scope, || {
                sources.iter().map(|(path, text)| (path.clone(), outline::outline(text))).collect()
            })?
            .join()
            .map_err(|_| io::Error::other("the Python parser panicked"))
    })
}

/// Asks a child. `None` if it died, was too slow, or answered nonsense; it is gone in any case when this returns.
pub(super) fn run(program: &Path, sources: &Sources) -> Option<Outlines> {
    let question = serde_json::to_vec(sources).ok()?;
    let mut child = Command::new(program)
        .arg(ARGUMENT)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let pipes = child.stdin.take().zip(child.stdout.take());
    let answer = thread::scope(|scope| {
        let (stdin, stdout) = pipes?;
        let (tell, told) = mpsc::channel();
        // Both threads end at the latest when the child is killed, since that closes their pipes.
        let writer = spawn(scope, move || feed(stdin, &question));
        let reader = spawn(scope, move || tell.send(drain(stdout)).is_ok());
        let answer = match (writer, reader) {
            (Ok(_), Ok(_)) => told.recv_timeout(WALL).ok().flatten(),
            _ => None,
        };
        let _already_gone = child.kill();
        answer
    });
    // Where the pipes were missing the child was not killed above; killing twice does no harm.
    let _already_gone = child.kill();
    let _reaped = child.wait();
    serde_json::from_slice(&answer?).ok()
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<thread::ScopedJoinHandle<'scope, T>> {
    thread::Builder::new().name("python-child".into()).spawn_scoped(scope, work)
}

/// A child that died early closes its end; its silence says enough.
fn feed(mut stdin: impl Write, question: &[u8]) -> bool {
    stdin.write_all(question).is_ok()
}

fn drain(stdout: impl Read) -> Option<Vec<u8>> {
    let mut answer = Vec::new();
    stdout.take(ANSWER_BYTES + 1).read_to_end(&mut answer).ok()?;
    (answer.len() as u64 <= ANSWER_BYTES).then_some(answer)
}
