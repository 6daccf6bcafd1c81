//! Whatever is written is read back; whatever could not be read back is not written.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use tape::Param;

use super::*;
use crate::test_dir::TestDir;
use crate::{Visitor, VisitorMut};

/// Any text, often one that the format or JSON uses itself.
fn name() -> impl Strategy<Value = String> {
    let own = ["__metadata__", "rewind.crc32", "rewind.crc32.a", "rewind.format", "dtype"];
    let near = ["", "a", "@a", "__metadata", "rewind.crc3", "rewind.formats", "rewind.crc32a"];
    let odd = ["\"rewind.crc32\":\"", "\\\"", "}}", "\0", "\u{7f}\u{2028}"];
    let known = proptest::sample::select([&own[..], &near, &odd].concat());
    prop_oneof![1 => known.prop_map(str::to_owned), 3 => any::<String>()]
}

fn tensor() -> impl Strategy<Value = AnyTensor> {
    let bits = (vec(0..4usize, 0..4), any::<u64>(), 0..6usize);
    bits.prop_map(|(shape, bits, dtype)| match dtype {
        0 => AnyTensor::F32(Tensor::full(shape, bits as u32 as f32)),
        1 => AnyTensor::F64(Tensor::full(shape, bits as f64)),
        2 => AnyTensor::I64(Tensor::full(shape, bits as i64)),
        3 => AnyTensor::Usize(Tensor::full(shape, bits as usize)),
        4 => AnyTensor::U8(Tensor::full(shape, bits as u8)),
        _ => AnyTensor::Bool(Tensor::full(shape, bits % 2 == 1)),
    })
}

fn is_own(key: &str) -> bool {
    ["rewind.format", "rewind.crc32"].contains(&key) || key.starts_with("rewind.crc32.")
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_and_the_rest_is_refused(
        tensors in btree_map(name(), tensor(), 0..6),
        metadata in btree_map(name(), name(), 0..6),
    ) {
        let all = Checkpoint { tensors, metadata };
        let named = all.tensors.contains_key("__metadata__");
        let keyed = all.metadata.keys().any(|key| is_own(key));
        match format::encode(&all) {
            Ok(file) => {
                prop_assert!(!named && !keyed);
                prop_assert_eq!(format::decode(&file), Ok(all));
            }
            Err(Refusal::Name { .. }) => prop_assert!(named),
            Err(Refusal::Key { key }) => prop_assert!(keyed && is_own(&key)),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

/// Parameters under paths of one's choice.
struct Paths(Vec<(&'static str, Param<f32>)>);

impl Paths {
    fn new(paths: &[&'static str]) -> Self {
        Paths(paths.iter().map(|&path| (path, Param::new(Tensor::full([2], 1.0)))).collect())
    }
}

impl Module for Paths {
    fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
        self.0.iter().for_each(|(path, param)| visitor.field(*path, param));
    }
    fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
        self.0.iter_mut().for_each(|(path, param)| visitor.field(*path, param));
    }
}

#[test]
fn a_model_that_could_not_be_loaded_is_refused_and_the_old_file_stays() {
    let dir = TestDir::new();
    let path = dir.path().join("model");
    let mut good = Paths::new(&["a", "b.c", "", "a@"]);
    save(&path, &good).unwrap();
    load(&path, &mut good).unwrap();
    for (paths, expected) in [
        (&["a", "b", "a"][..], "two parameters have the path `a`"),
        (&["a", "@b"], "no parameter can have the path `@b`: `@` marks what belongs to no model"),
        (&["__metadata__"], "no tensor can be named `__metadata__`"),
    ] {
        let error = save(&path, &Paths::new(paths)).unwrap_err();
        assert!(matches!(error, CheckpointError::Refused { .. }));
        assert!(error.to_string().ends_with(&format!("model: {expected}")), "{error}");
        load(&path, &mut good).unwrap();
    }
}

/// The reader's limit is the writer's.
#[test]
fn a_header_is_written_up_to_the_limit_and_not_beyond() {
    let with_text = |len: usize| {
        let metadata = [("k".to_owned(), "x".repeat(len))].into();
        Checkpoint { tensors: BTreeMap::new(), metadata }
    };
    let limit = header::LIMIT as usize;
    let rest = format::encode(&with_text(0)).unwrap().len() - 8;
    // The padding is in `rest`, so this many fit.
    let fits = with_text(limit - rest);
    assert_eq!(format::decode(&format::encode(&fits).unwrap()), Ok(fits));
    let len = header::LIMIT + 8;
    assert_eq!(format::encode(&with_text(limit - rest + 8)), Err(Refusal::HeaderLength { len }));
}
