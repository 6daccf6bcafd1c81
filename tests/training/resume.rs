//! A run that is interrupted and goes on in another process.

use std::path::Path;
use std::process::Command;

use nn::loss;
use nn::optim::Adam;
use nn::{Activation, History, Mlp};

/// Holds the folder in a process that is to train the first half and end.
const FIRST_HALF: &str = "REWIND_TEST_FIRST_HALF";

/// Trains with this checkpoint file for this many epochs, of 2 steps each.
fn train(file: &Path, epochs: usize) -> History {
    let data = nn::data::digits().take(100);
    let mut model = Mlp::new(&[64, 16, 10], Activation::Tanh, &mut nn::rng(1));
    let mut adam = Adam::new(1e-2);
    let fit = nn::fit(&mut model, &mut adam, &data).epochs(epochs).batch_size(64);
    let history = fit.checkpoint(file).resume(true).run(|tape, model, batch| {
        let logits = model.forward(tape.constant(&batch.inputs));
        loss::cross_entropy(logits, tape.constant(&batch.targets))
    });
    history.unwrap()
}

// I3, candle#3819
#[test]
fn a_run_goes_on_in_another_process_to_the_same_bits() {
    if let Some(folder) = std::env::var_os(FIRST_HALF) {
        train(&Path::new(&folder).join("parts"), 5);
        return;
    }
    let folder = std::env::temp_dir().join(format!("rewind-resume-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (parts, whole) = (folder.join("parts"), folder.join("whole"));
    let name = "training::resume::a_run_goes_on_in_another_process_to_the_same_bits";
    let first = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact"])
        .env(FIRST_HALF, &folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&first.stdout);
    assert!(first.status.success() && text.contains("1 passed"), "{text}");

    assert_eq!(train(&parts, 5).steps, 10, "the other process has left nothing to do");
    let (resumed, uninterrupted) = (train(&parts, 10), train(&whole, 10));
    assert_eq!((resumed.steps, &resumed), (20, &uninterrupted));
    assert_eq!(std::fs::read(parts).unwrap(), std::fs::read(whole).unwrap());
    std::fs::remove_dir_all(folder).unwrap();
}
