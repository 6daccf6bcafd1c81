//! The processes that measure: one a library, idle while another one is asked.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio};

/// A library, in a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    Ours,
    Torch,
    Jax,
    Candle,
    Burn,
    /// What ours stands on: the crate `gemm`, and a sum that reads memory as fast as it can.
    Floor,
}

impl Peer {
    pub const OTHERS: [Peer; 4] = [Peer::Torch, Peer::Jax, Peer::Candle, Peer::Burn];

    /// As it is called on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Peer::Ours => "ours",
            Peer::Torch => "torch",
            Peer::Jax => "jax",
            Peer::Candle => "candle",
            Peer::Burn => "burn",
            Peer::Floor => "floor",
        }
    }
}

/// A running child.
pub struct Child {
    process: Process,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// What it says it is.
    pub version: String,
}

impl Child {
    /// Builds and starts a peer on the first `threads` processors; what is wrong if it cannot be.
    pub fn start(peer: Peer, threads: usize, root: &Path) -> Result<Child, String> {
        Child::start_with(&[], peer, threads, root)
    }

    /// As [`start`](Self::start), with more variables in its environment.
    pub fn start_with(
        variables: &[(&str, &str)],
        peer: Peer,
        threads: usize,
        root: &Path,
    ) -> Result<Child, String> {
        let mut program = match peer {
            Peer::Torch | Peer::Jax => {
                let own = root.join(".venv/bin/python");
                let python = if own.exists() { own.into_os_string() } else { "python3".into() };
                vec![python, root.join("peers.py").into(), peer.word().into()]
            }
            _ => vec![build(peer, root)?.into()],
        };
        program.splice(0..0, ["-c".into(), format!("0-{}", threads - 1).into()]);
        // All of them size their pools by the processors they may use, or by these variables. GNU's
        // OpenMP is left to spin for its usual moment after a parallel loop: PyTorch is slower
        // without, and the driver waits for longer than that before it asks another child.
        let mut command = Command::new("taskset");
        command.envs(variables.iter().copied());
        for variable in ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"] {
            command.env(variable, threads.to_string());
        }
        let quiet = if std::env::var_os("PEERS_VERBOSE").is_some() {
            Stdio::inherit()
        } else {
            Stdio::null()
        };
        command.args(program).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(quiet);
        let mut process = command.spawn().map_err(|e| format!("taskset: {e}"))?;
        let requests = process.stdin.take().expect("piped");
        let answers = BufReader::new(process.stdout.take().expect("piped"));
        let mut child = Child { process, requests, answers, version: String::new() };
        child.version = child.ask("version")?;
        Ok(child)
    }

    /// The answer to one request.
    pub fn ask(&mut self, request: &str) -> Result<String, String> {
        let mut answer = String::new();
        let sent = writeln!(self.requests, "{request}").and_then(|()| self.requests.flush());
        sent.and_then(|()| self.answers.read_line(&mut answer)).map_err(|e| e.to_string())?;
        match answer.strip_suffix('\n') {
            Some(answer) => Ok(answer.to_string()),
            None => Err(format!("`{request}` ended it; see its messages with PEERS_VERBOSE=1")),
        }
    }

    /// The answer to one request, a number.
    pub fn number(&mut self, request: &str) -> Result<f64, String> {
        let answer = self.ask(request)?;
        answer.parse().map_err(|_| format!("`{request}` was answered with `{answer}`"))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The path of a peer's program: ours as its users build it, which finds the instruction set when
/// it runs; the others for this very processor.
fn build(peer: Peer, root: &Path) -> Result<PathBuf, String> {
    let package = format!("peers-{}", peer.word());
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).args(["build", "--release", "-p", &package]);
    let mut target = root.join("target");
    if peer != Peer::Ours {
        cargo.env("RUSTFLAGS", "-C target-cpu=native");
        target.push("native");
    }
    match cargo.arg("--target-dir").arg(&target).status() {
        Ok(status) if status.success() => Ok(target.join("release").join(package)),
        Ok(_) => Err("it does not build".to_string()),
        Err(error) => Err(format!("cargo: {error}")),
    }
}
