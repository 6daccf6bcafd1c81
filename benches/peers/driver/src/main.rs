//! Measures Rewind beside other libraries: `benches/peers/run --help`.

mod child;
mod loaded;
mod machine;
mod measure;
mod memory;
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
    let mut tables = rows::tables();
    tables.iter_mut().for_each(|table| table.rows.retain(|row| options.wants(&row.key)));
    let (loaded, memory) = (rows::loaded(), rows::memory());
    let others = [("loaded", &loaded), ("memory", &memory)];
    let others = others.into_iter().filter(|(name, _)| options.wants(name)).map(|(_, row)| row);
    let needed: Vec<_> = tables.iter().flat_map(|table| &table.rows).chain(others).collect();
    if machine::load() > 0.5 {
        eprintln!("others use this machine (load {}); figures will be wrong", machine::load());
    }
    let mut children = Children::start(options, &root, &needed);
    let mut page = report::head(options, &children);
    println!("{page}");
    for table in tables {
        let mut measured = Vec::new();
        for row in table.rows {
            eprintln!("{}", row.key);
            measured.push(measure::row(&mut children, options, row)?);
        }
        let text = report::table(table.title, &measured);
        print!("{text}");
        page += &text;
    }
    if options.wants("loaded") {
        let text = report::loaded(&loaded::measure(&mut children, options, &loaded)?);
        print!("{text}");
        page += &text;
    }
    if options.wants("memory") {
        let text = report::memory(&memory::measure(&mut children, options, &root)?);
        print!("{text}");
        page += &text;
    }
    let text = report::distance(&children.trips);
    print!("{text}");
    page += &text;
    if options.write {
        let path: PathBuf = root.join("../../docs/performance.md");
        report::write(&path, &page).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}
