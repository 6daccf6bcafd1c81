//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

pub const HELP: &str = "\
Trains a linear and a nonlinear autoencoder on handwritten digits, compares them with
the Eckart-Young optimum, and draws autoencoder.svg.

Options:
  --code N      numbers in a code, 1 to 32         (8)
  --epochs N    passes over the 1,797 digits       (300)
  --seed N      seed of weights and batches        (7)
  --out DIR     folder of the picture              (.)
  --quick       100 epochs, if --epochs is not given
  --help        this text
";

/// The longest code. Of 64 pixels some are blank in every digit, so towards 61 numbers the optimum
/// falls to 0 and the singular vectors come to be arbitrary: neither the ratio to the optimum nor the
/// distance to its subspace, which this example is about, would mean anything.
const LONGEST: usize = 32;

#[derive(Debug, PartialEq)]
pub enum Command {
    Run(Options),
    Help,
}

#[derive(Debug, PartialEq)]
pub struct Options {
    pub code: usize,
    pub epochs: usize,
    pub seed: u64,
    pub out: PathBuf,
}

/// Understands the arguments, or says what is wrong with them.
pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut options = Options { code: 8, epochs: 300, seed: 7, out: ".".into() };
    let (mut quick, mut epochs) = (false, None);
    while let Some(name) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{name} needs a value"));
        match &name[..] {
            "--code" => options.code = number(&name, &value()?, 1..=LONGEST)?,
            "--epochs" => epochs = Some(number(&name, &value()?, 1..=1_000_000)?),
            "--seed" => options.seed = number(&name, &value()?, 0..=u64::MAX)?,
            "--out" => options.out = value()?.into(),
            "--quick" => quick = true,
            "--help" | "-h" => return Ok(Command::Help),
            _ => return Err(format!("unknown option `{name}`")),
        }
    }
    options.epochs = epochs.unwrap_or(if quick { 100 } else { options.epochs });
    Ok(Command::Run(options))
}

fn number<N: FromStr + PartialOrd + std::fmt::Display>(
    name: &str,
    text: &str,
    range: std::ops::RangeInclusive<N>,
) -> Result<N, String> {
    text.parse().ok().filter(|n| range.contains(n)).ok_or_else(|| {
        format!("{name} is a whole number from {} to {}, not `{text}`", range.start(), range.end())
    })
}
