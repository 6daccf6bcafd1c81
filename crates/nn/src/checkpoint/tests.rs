//! Round trips, every damage, every mismatch, and files of and for the reference implementation.

mod round_trip;

use safetensors::SafeTensors;
use tape::Param;
use tensor::DType;

use super::*;
use crate::test_dir::TestDir;
use crate::{Visitor, VisitorMut};

type Model = (Param<f32>, Vec<Param<f64>>);

fn model() -> Model {
    let a = Tensor::from_vec(vec![1.5, -0.0, f32::MIN_POSITIVE / 2.0], [3, 1]).unwrap();
    let b = Tensor::from_vec(vec![f64::MAX, 1.0 / 3.0], [2]).unwrap();
    (Param::new(a), vec![Param::new(b), Param::new(Tensor::full([], -7.0))])
}

fn zeros() -> Model {
    let zeros = |shape: &[usize]| Param::new(Tensor::full(shape, 0.0));
    (Param::new(Tensor::full([3, 1], 0.0)), vec![zeros(&[2]), zeros(&[])])
}

fn bits(model: &Model) -> (Vec<u32>, Vec<Vec<u64>>) {
    let a = model.0.value().iter().map(f32::to_bits).collect();
    (a, model.1.iter().map(|p| p.value().iter().map(f64::to_bits).collect()).collect())
}

fn file() -> Vec<u8> {
    let mut all = Checkpoint::of(&model()).unwrap();
    all.metadata.insert("note".into(), "\"quoted\" \\ \n ü".into());
    format::encode(&all).unwrap()
}

#[test]
fn every_bit_of_f32_and_f64_comes_back() {
    let dir = TestDir::new();
    let path = dir.path().join("model.safetensors");
    let (model, mut other) = (model(), zeros());
    save(&path, &model).unwrap();
    other.0.set_frozen(true);
    load(&path, &mut other).unwrap();
    assert_eq!(bits(&model), bits(&other));
    assert!(other.0.is_frozen());
}

// H3
#[test]
fn numbers_that_are_not_finite_come_back_too() {
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0x7fa0_0001)];
    let from = Param::new(Tensor::from_vec(odd.to_vec(), [4]).unwrap());
    let mut to = Param::new(Tensor::full([4], 0.0f32));
    let file = format::encode(&Checkpoint::of(&from).unwrap()).unwrap();
    format::decode(&file).unwrap().restore(&mut to).unwrap();
    assert!(from.value().iter().zip(to.value().iter()).all(|(a, b)| a.to_bits() == b.to_bits()));
}

#[test]
fn tensors_of_every_type_and_layout_and_text_come_back() {
    let mut all = Checkpoint::default();
    let matrix = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]).unwrap();
    all.tensors.insert("transposed".into(), AnyTensor::F64(matrix.t()));
    all.tensors
        .insert("".into(), AnyTensor::Bool(Tensor::from_vec(vec![true, false], [2]).unwrap()));
    all.tensors.insert("i".into(), AnyTensor::I64(Tensor::full([1, 1], i64::MIN)));
    all.tensors.insert("n \"ü\"".into(), AnyTensor::Usize(Tensor::full([2], usize::MAX)));
    all.tensors.insert("u".into(), AnyTensor::U8(Tensor::full([3], 255)));
    all.tensors.insert("none".into(), AnyTensor::F32(Tensor::full([0, 4], 0.0)));
    all.metadata.insert("key".into(), "value \\\" \"rewind.crc32\":\"".into());
    let bytes = format::encode(&all).unwrap();
    let back = format::decode(&bytes).unwrap();
    assert_eq!(back, all);
    assert_eq!(format::encode(&back).unwrap(), bytes);
    let empty = Checkpoint::default();
    assert_eq!(format::decode(&format::encode(&empty).unwrap()).unwrap(), empty);
}

#[test]
fn every_truncation_is_an_error() {
    let file = file();
    for n in 0..file.len() {
        match format::decode(&file[..n]) {
            Err(Damage::Truncated { expected, found }) => {
                assert_eq!(found, n as u64);
                assert!(expected > found && expected <= file.len() as u64);
            }
            other => panic!("{n} bytes: {other:?}"),
        }
    }
}

#[test]
fn every_flipped_bit_is_an_error() {
    for mut file in [file(), format::encode(&Checkpoint::default()).unwrap()] {
        for bit in 0..8 * file.len() {
            file[bit / 8] ^= 1 << (bit % 8);
            assert!(format::decode(&file).is_err(), "bit {bit} of byte {}", bit / 8);
            file[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(format::decode(&file).is_ok());
    }
}

#[test]
fn a_flipped_bit_of_a_tensor_names_the_tensor() {
    let mut file = file();
    *file.last_mut().unwrap() ^= 1;
    match format::decode(&file) {
        Err(Damage::Checksum { what, .. }) => assert_eq!(what, "`0`"),
        other => panic!("{other:?}"),
    }
    let text = format::decode(&file).unwrap_err().to_string();
    assert!(text.starts_with("the checksum of `0` is "), "{text}");
}

// H3, ComfyUI#15602
#[test]
fn bytes_after_the_last_tensor_are_an_error() {
    let mut file = file();
    let len = file.len() as u64;
    file.push(0);
    let damage = Damage::Trailing { expected: len, found: len + 1 };
    assert_eq!(format::decode(&file), Err(damage));
}

/// A file with this header and these many bytes of data.
fn raw(header: &str, data: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + data, 0);
    file
}

// H3, mlx#3363, safetensors#808, openasr#73
#[test]
fn malicious_headers_are_errors_and_allocate_nothing() {
    let text = |file: &[u8]| format::decode(file).unwrap_err().to_string();
    let huge = text(&[u64::MAX.to_le_bytes().to_vec(), b"{}".to_vec()].concat());
    assert_eq!(huge, "a header of 18446744073709551615 bytes; the limit is 16777216");
    let longer = text(&[100u64.to_le_bytes().to_vec(), b"{}".to_vec()].concat());
    assert_eq!(longer, "truncated: 10 bytes of 108");

    let t = |shape: &str, from: &str, to: &str| {
        format!("{{\"dtype\":\"F32\",\"shape\":[{shape}],\"data_offsets\":[{from},{to}]}}")
    };
    let one = |shape, from, to| format!("{{\"a\":{}}}", t(shape, from, to));
    let two = |a: String, b: String| format!("{{\"a\":{a},\"b\":{b}}}");
    let max = &usize::MAX.to_string()[..];
    for (name, file, expected) in [
        ("reversed", raw(&one("1", "4", "0"), 4), "begins at byte 4"),
        ("past the end", raw(&one("2", "0", "8"), 4), "truncated"),
        ("overlap", raw(&two(t("2", "0", "8"), t("2", "4", "12")), 12), "begins at byte 4"),
        ("gap", raw(&two(t("1", "0", "4"), t("1", "8", "12")), 12), "begins at byte 8"),
        ("not at the start", raw(&one("1", "4", "8"), 8), "begins at byte 4"),
        ("trailing", raw(&one("1", "0", "4"), 8), "but the last tensor ends at byte"),
        ("too small", raw(&one("1000,1000", "0", "4"), 4), "has 4000000 bytes"),
        ("huge shape", raw(&one("4294967296,4294967296", "0", "0"), 0), "overflows"),
        ("wraps to 4", raw(&one("9223372036854775810,2", "0", "16"), 16), "overflows"),
        ("hidden by 0", raw(&one(&format!("{max},2,0"), "0", "0"), 0), "overflows"),
        ("huge offsets", raw(&one("1", max, max), 4), "begins at byte 1844"),
        ("huge end", raw(&one("1", "0", max), 4), "has 4 bytes"),
        ("offset beyond u64", raw(&one("1", "0", "99999999999999999999"), 4), "header: "),
        ("negative", raw(&one("-1", "0", "4"), 4), "header: "),
        ("rank", raw(&one(&["1"; 17].join(","), "0", "4"), 4), "exceeds the limit of 16"),
        ("dtype", raw(&one("1", "0", "4").replace("F32", "F31"), 4), "type `F31`"),
        (
            "duplicate",
            raw(&two(t("1", "0", "4"), t("1", "0", "4")).replace("\"b\"", "\"a\""), 4),
            "`a` stands twice",
        ),
        ("metadata twice", raw("{\"__metadata__\":{},\"__metadata__\":{}}", 0), "stands twice"),
        ("key twice", raw("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0), "`k` stands twice"),
        (
            "field twice",
            raw(&one("1", "0", "4").replace("\"shape\"", "\"dtype\":\"F32\",\"shape\""), 4),
            "duplicate field",
        ),
        ("blank first", raw(" {}", 0), "begin with `{`"),
        ("no header", raw("", 0), "begin with `{`"),
        ("no JSON", raw("{\"a\"", 0), "header: "),
        ("not UTF-8", [1u64.to_le_bytes().to_vec(), vec![0xff]].concat(), "header: "),
        ("deep", raw(&format!("{{\"a\":{}", "[".repeat(100_000)), 0), "header: "),
        (
            "bool",
            raw("{\"a\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[0,1]}}", 0),
            "truncated",
        ),
    ] {
        let text = text(&file);
        assert!(text.contains(expected), "{name}: {text}");
    }
    let mut two = raw("{\"a\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1);
    *two.last_mut().unwrap() = 2;
    assert_eq!(text(&two), "tensor `a`: an element is out of range");
}

#[test]
fn everything_that_does_not_fit_is_listed_and_nothing_is_changed() {
    struct Other {
        first: Param<f32>,
        list: Vec<Param<f64>>,
        third: Param<f64>,
    }
    impl Module for Other {
        fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
            visitor.field("0", &self.first);
            visitor.field("1", &self.list);
            visitor.field("third", &self.third);
        }
        fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
            visitor.field("0", &mut self.first);
            visitor.field("1", &mut self.list);
            visitor.field("third", &mut self.third);
        }
    }
    let dir = TestDir::new();
    let path = dir.path().join("model.safetensors");
    let list = vec![Param::new(Tensor::full([2], 0.25)), Param::new(Tensor::full([2], 0.25))];
    save(&path, &(Param::new(Tensor::full([3], 0.5f64)), list)).unwrap();
    let mut other = Other {
        first: Param::new(Tensor::full([3], 1.0)),
        list: vec![Param::new(Tensor::full([3], 1.0))],
        third: Param::new(Tensor::full([], 1.0)),
    };
    let error = load(&path, &mut other).unwrap_err();
    let CheckpointError::Mismatch { list, .. } = &error else { panic!("{error}") };
    let path = |p: &str| p.to_owned();
    assert_eq!(
        list[..],
        [
            Mismatch::DType { path: path("0"), file: DType::F64, model: DType::F32 },
            Mismatch::Shape { path: path("1.0"), file: [2][..].into(), model: [3][..].into() },
            Mismatch::Missing { path: path("third") },
            Mismatch::Unexpected { path: path("1.1") },
        ]
    );
    let text = error.to_string();
    let expected = "model.safetensors does not fit the model: `0` is f64 in the file and f32 in the \
                    model; `1.0` is [2] in the file and [3] in the model; `third` is not in the file; \
                    `1.1` is not in the model";
    assert!(text.ends_with(expected), "{text}");
    assert!(other.first.value().iter().all(|x| x == 1.0));
    assert!(other.list[0].value().iter().all(|x| x == 1.0));
}

#[test]
fn missing_and_damaged_files_name_their_path() {
    let dir = TestDir::new();
    let path = dir.path().join("none.safetensors");
    let text = load(&path, &mut zeros()).unwrap_err().to_string();
    assert!(text.contains("none.safetensors: "), "{text}");
    std::fs::write(&path, b"short").unwrap();
    let (before, mut model) = (bits(&model()), model());
    let text = load(&path, &mut model).unwrap_err().to_string();
    assert!(text.ends_with("none.safetensors: truncated: 5 bytes of 8"), "{text}");
    assert_eq!(bits(&model), before);
}

#[test]
fn the_reference_implementation_reads_what_is_written() {
    let file = file();
    let read = SafeTensors::deserialize(&file).unwrap();
    let a = read.tensor("0").unwrap();
    assert_eq!((a.dtype(), a.shape()), (safetensors::Dtype::F32, &[3, 1][..]));
    let expected: Vec<u8> = model().0.value().iter().flat_map(f32::to_le_bytes).collect();
    assert_eq!(a.data(), expected);
    assert_eq!(read.len(), 3);
}

#[test]
fn files_of_the_reference_implementation_are_read() {
    let data: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let view =
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2], &data).unwrap();
    let note = [("by".to_owned(), "another".to_owned())].into_iter().collect();
    let file = safetensors::serialize([("w", &view)], Some(note)).unwrap();
    let read = format::decode(&file).unwrap();
    assert_eq!(read.tensors["w"], AnyTensor::F32(Tensor::from_vec(vec![1.5, -2.0], [2]).unwrap()));
    assert_eq!(read.metadata["by"], "another");
}
