//! Checkpoints of runs: when they are written, resumed, refused and overwritten.

use super::*;
use crate::checkpoint::CheckpointError;
use crate::test_dir::TestDir;

/// With Adam, a schedule and validation: 20 epochs are 20 epochs, however often interrupted.
#[test]
fn a_resumed_run_has_the_bits_of_one_that_was_never_interrupted() {
    let (train, test) = (data(60, 1), data(20, 2));
    let dir = TestDir::new();
    let run = |file: &str, epochs: usize| {
        let (mut model, mut adam) = (model(), Adam::new(1.0));
        let history = fit(&mut model, &mut adam, &train)
            .epochs(epochs)
            .batch_size(16)
            .seed(5)
            .learning_rate(|epoch| 0.1 / (1.0 + epoch as f64))
            .validation(&test)
            .checkpoint(dir.path().join(file))
            .checkpoint_every(3)
            .resume(true)
            .run(cross_entropy)
            .unwrap();
        (bits(&model), adam, history)
    };
    let whole = run("whole", 20);
    assert_eq!(whole.2.losses.len(), 20);
    run("parts", 10);
    run("parts", 11);
    assert_eq!(run("parts", 20), whole);
    // Nothing is left to do.
    assert_eq!(run("parts", 20), whole);
    let read = |file| std::fs::read(dir.path().join(file)).unwrap();
    assert_eq!(read("parts"), read("whole"));

    let mut loaded = Linear::new(3, 2, &mut tensor::rng(9));
    crate::checkpoint::load(dir.path().join("whole"), &mut loaded).unwrap();
    assert_eq!(bits(&loaded), whole.0);
}

#[test]
fn a_run_is_not_resumed_with_other_settings() {
    let (data, other, longer) = (data(12, 1), data(12, 2), data(13, 1));
    let dir = TestDir::new();
    let path = dir.path().join("run");
    let run = |adam: Adam, data, seed| {
        let (mut model, mut adam) = (model(), adam);
        let fit = fit(&mut model, &mut adam, data).epochs(2).seed(seed).checkpoint(&path);
        let error = fit.resume(true).run(cross_entropy).map(|_| ());
        error.map_err(|e| e.to_string())
    };
    run(Adam::new(0.1), &data, 0).unwrap();
    run(Adam::new(0.2), &data, 0).unwrap();
    let text = run(Adam::new(0.1), &data, 1).unwrap_err();
    let sum = data.checksum();
    let settings = format!("12 samples (checksum {sum:08x}), 32 a batch, shuffled by seed");
    let expected = format!("the run was saved with {settings} 0, not with {settings} 1");
    assert!(text.ends_with(&expected), "{text}");
    assert!(run(Adam::new(0.1), &longer, 0).unwrap_err().contains("not with 13 samples"));
    let text = run(Adam::new(0.1), &other, 0).unwrap_err();
    let expected = format!("not with 12 samples (checksum {:08x})", other.checksum());
    assert!(text.contains(&expected), "{text}");
    let text = run(Adam::new(0.1).betas(0.5, 0.9), &data, 0).unwrap_err();
    assert!(text.contains("betas (0.9, 0.999)") && text.contains("betas (0.5, 0.9)"), "{text}");
    crate::checkpoint::save(&path, &model()).unwrap();
    assert!(run(Adam::new(0.1), &data, 0).unwrap_err().contains("no such settings"));
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_an_error() {
    let (data, dir) = (data(4, 1), TestDir::new());
    let path = dir.path().join("nowhere").join("run");
    let error = fit(&mut model(), &mut Sgd::new(0.1), &data)
        .checkpoint(path)
        .run(cross_entropy)
        .unwrap_err();
    assert!(matches!(error, TrainError::Checkpoint(CheckpointError::Io { .. })), "{error}");
}

#[test]
fn a_run_that_stopped_early_goes_on_with_more_patience() {
    let (data, dir) = (data(8, 1), TestDir::new());
    let run = |patience: usize| {
        fit(&mut model(), &mut Sgd::new(0.0), &data)
            .epochs(10)
            .shuffle(false)
            .early_stop(patience)
            .checkpoint(dir.path().join("run"))
            .resume(true)
            .run(cross_entropy)
            .unwrap()
    };
    for (patience, epochs) in [(2, 3), (2, 3), (5, 6), (20, 10)] {
        let history = run(patience);
        assert_eq!((history.losses.len(), history.stopped_early), (epochs, epochs < 10));
    }
}

#[test]
fn a_run_is_not_resumed_with_other_validation() {
    let (train, test, dir) = (data(8, 1), data(5, 2), TestDir::new());
    let run = |test: Option<&Dataset<f64>>| {
        let (mut model, mut sgd) = (model(), Sgd::new(0.1));
        let mut fit = fit(&mut model, &mut sgd, &train).checkpoint(dir.path().join("run"));
        fit.validation = test;
        fit.resume(true).run(cross_entropy).map(|_| ()).map_err(|e| e.to_string())
    };
    run(Some(&test)).unwrap();
    let text = run(None).unwrap_err();
    assert!(text.contains("saved with 5 validation samples (checksum "), "{text}");
    assert!(text.ends_with("not with no validation"), "{text}");
    assert!(run(Some(&test.take(2))).unwrap_err().contains("not with 2 validation samples"));
    assert!(run(Some(&data(5, 3))).unwrap_err().contains("not with 5 validation samples"));
}

#[test]
fn the_file_of_an_earlier_run_is_overwritten_only_when_that_is_said() {
    let (data, dir) = (data(8, 1), TestDir::new());
    let path = dir.path().join("run");
    let run = |resume: Option<bool>, epochs| {
        let (mut model, mut sgd) = (model(), Sgd::new(0.1));
        let mut fit = fit(&mut model, &mut sgd, &data).epochs(epochs).checkpoint(&path);
        fit.resume = resume;
        fit.run(cross_entropy).map(|history| history.losses)
    };
    let first = run(None, 2).unwrap();
    let saved = std::fs::read(&path).unwrap();
    for epochs in [0, 1, 3] {
        let error = run(None, epochs).unwrap_err();
        assert!(matches!(&error, TrainError::Exists { path: named } if *named == path));
        let text = "run: the file exists; `.resume(true)` goes on with the run in it, \
                    `.resume(false)` overwrites it";
        assert!(error.to_string().ends_with(text), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), saved);
    }
    let more = run(Some(true), 3).unwrap();
    assert_eq!((&more[..2], more.len()), (&first[..], 3));
    assert_eq!(run(Some(false), 1).unwrap(), first[..1]);
    assert_eq!(run(Some(true), 1).unwrap(), first[..1]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(run(Some(false), 2).unwrap(), first);
}

#[test]
#[should_panic(expected = "fit: `resume` needs a `checkpoint` file")]
fn a_run_without_a_file_cannot_be_resumed() {
    let _ = fit(&mut model(), &mut Sgd::new(0.1), &data(4, 1)).resume(true).run(cross_entropy);
}

#[test]
fn a_model_that_cannot_be_saved_is_refused_before_it_is_trained() {
    struct Marked(Linear<f64>);
    impl Module for Marked {
        fn visit<'m>(&'m self, visitor: &mut crate::Visitor<'_, 'm>) {
            visitor.field("@layer", &self.0);
        }
        fn visit_mut<'m>(&'m mut self, visitor: &mut crate::VisitorMut<'_, 'm>) {
            visitor.field("@layer", &mut self.0);
        }
    }
    let (data, dir) = (data(4, 1), TestDir::new());
    let mut marked = Marked(model());
    let error = fit(&mut marked, &mut Sgd::new(0.1), &data)
        .checkpoint(dir.path().join("run"))
        .run(|tape, model, batch| cross_entropy(tape, &model.0, batch))
        .unwrap_err();
    assert!(
        error.to_string().contains("no parameter can have the path `@layer.weight`"),
        "{error}"
    );
    assert_eq!(bits(&marked.0), bits(&model()));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
