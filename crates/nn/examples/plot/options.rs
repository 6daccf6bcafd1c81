//! The command line of an example: `--name VALUE` or `--name=VALUE`, switches, and two that all
//! have, `--out` and `--help`.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

/// What was given, the last of each name first.
pub struct Options(Vec<(String, String)>);

const COMMON: [(&str, &str); 2] =
    [("--out DIR", "where to write [target/lecture]"), ("--help", "this text")];

impl Options {
    /// Reads the command line. `own` has the options beside the two, each with the name of its
    /// value, if it takes one, and what it is. Answers `--help` with `about`, and ends the program
    /// where an argument is not known.
    pub fn read(about: &str, own: &[(&str, &str)]) -> Self {
        let known: Vec<_> = own.iter().chain(&COMMON).copied().collect();
        let mut given = Vec::new();
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let (name, value) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value.to_string())),
                None => (if arg == "-h" { "--help" } else { &arg[..] }, None),
            };
            let mut usage =
                known.iter().map(|(usage, _)| usage.split_once(' ').unwrap_or((usage, "")));
            let takes = usage.find(|(known, _)| *known == name).map(|(_, value)| value);
            let value = match (takes, value) {
                (Some(""), None) => String::new(),
                (Some(what), None) => {
                    args.next().unwrap_or_else(|| fail(&format!("{name} needs a {what}")))
                }
                (Some(what), Some(value)) if !what.is_empty() => value,
                _ => fail(&format!("unknown argument `{arg}`; try --help")),
            };
            given.insert(0, (name.to_string(), value));
        }
        let options = Options(given);
        if options.has("--help") {
            println!("{about}\n\nOptions:");
            known.iter().for_each(|(usage, what)| println!("  {usage:<12}{what}"));
            std::process::exit(0);
        }
        options
    }

    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| &value[..])
    }

    /// A whole number within a range, if it was given.
    pub fn number<N: FromStr + PartialOrd + Display>(
        &self,
        name: &str,
        range: RangeInclusive<N>,
    ) -> Option<N> {
        let text = self.value(name)?;
        let number = text.parse().ok().filter(|n| range.contains(n));
        Some(number.unwrap_or_else(|| {
            let (least, most) = (range.start(), range.end());
            fail(&format!("{name} is a whole number from {least} to {most}, not `{text}`"))
        }))
    }

    /// The directory to write to, made if it is missing.
    pub fn out(&self) -> PathBuf {
        let dir = PathBuf::from(self.value("--out").unwrap_or("target/lecture"));
        if let Err(error) = std::fs::create_dir_all(&dir) {
            fail(&format!("cannot make {}: {error}", dir.display()));
        }
        dir
    }
}

/// Ends the program with this message.
pub fn fail(message: &str) -> ! {
    eprintln!("{message}");
    std::process::exit(2)
}
