//! The command line.

use crate::child::Peer;

pub const HELP: &str = "\
Measures Rewind beside PyTorch, JAX, candle and burn, in one run, on the same processors.

usage: benches/peers/run [OPTIONS]

  --rows A,B       only rows whose key contains A or B: mlp3, mlp, linear-ae, deep-ae, elementwise,
                   chain, each with @f64; exp, tanh, sigmoid, add, sum, transpose, bias, svd,
                   matmul:64-64-64; memory; loaded (the MLP beside another program)
  --peers A,B      only these of torch, jax, candle, burn; `none` for Rewind alone
  --rounds N       how often all are asked in turn, 5 unless told
  --seconds S      the least that one answer takes, 0.2 unless told
  --least          the least of the rounds instead of their median: where others use the machine,
                   with many rounds and few seconds
  --threads N      processors that each may use, 2 unless told
  --write          put the tables into docs/performance.md
  --help           this text

PyTorch and JAX are found in benches/peers/.venv, or else by python3. Both are optional:
  python3 -m venv .venv && .venv/bin/pip install torch jax";

/// What was asked for.
pub struct Options {
    pub rows: Vec<String>,
    pub peers: Vec<Peer>,
    pub rounds: usize,
    pub seconds: f64,
    pub least: bool,
    pub threads: usize,
    pub write: bool,
    pub help: bool,
}

impl Options {
    /// # Errors
    /// What is wrong with them.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            rows: Vec::new(),
            peers: Peer::OTHERS.to_vec(),
            rounds: 5,
            seconds: 0.2,
            least: false,
            threads: 2,
            write: false,
            help: false,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            let number = |text: String| text.parse().map_err(|_| format!("`{text}` is no number"));
            match &word[..] {
                "--rows" => options.rows = value()?.split(',').map(str::to_string).collect(),
                "--peers" => options.peers = peers(&value()?)?,
                "--rounds" => options.rounds = number(value()?)? as usize,
                "--seconds" => options.seconds = number(value()?)?,
                "--threads" => options.threads = number(value()?)? as usize,
                "--least" => options.least = true,
                "--write" => options.write = true,
                "--help" | "-h" => options.help = true,
                _ => return Err(format!("unknown option {word}; see --help")),
            }
        }
        if options.rounds == 0 || options.threads == 0 {
            return Err("there must be at least one round and one thread".to_string());
        }
        if options.write && (options.least || !options.rows.is_empty()) {
            return Err("--write is for the medians of all rows".to_string());
        }
        Ok(options)
    }

    /// Whether a row was asked for.
    pub fn wants(&self, key: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|part| key.contains(&part[..]))
    }
}

fn peers(text: &str) -> Result<Vec<Peer>, String> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let find = |word| Peer::OTHERS.into_iter().find(|peer| peer.word() == word);
    text.split(',').map(|word| find(word).ok_or(format!("there is no peer {word}"))).collect()
}
