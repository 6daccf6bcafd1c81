//! Measures Rewind beside other libraries: `benches/peers/run --help`.

mod child;
mod machine;
mod measure;
mod options;
mod report;
mod rows;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use measure::Children;
use options::Options;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
    };
    if options.help {
        println!("{}", options::HELP);
        return ExitCode::SUCCESS;
    }
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_path_buf();
    let mut children = Children::start(options, &root);
    let mut page = report::head(options, &children);
    println!("{page}");
    for table in rows::tables() {
        let mut measured = Vec::new();
        for row in table.rows.into_iter().filter(|row| options.wants(&row.key)) {
            eprintln!("{}", row.key);
            measured.push(measure::row(&mut children, options, row)?);
        }
        let text = report::table(table.title, &measured);
        print!("{text}");
        page += &text;
    }
    let memory = measure::memory(&mut children, options, &root)?;
    let text = report::memory(&memory);
    print!("{text}");
    page += &text;
    if options.write {
        let path: PathBuf = root.join("../../docs/performance.md");
        report::write(&path, &page).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}
