//! The IDX files of MNIST and its relatives, gzipped or plain.
//!
//! A file is four bytes (0, 0, the element type, the rank), the sizes as big-endian u32, and the
//! elements in row-major order. The sets that come in this format hold unsigned bytes (type 8), and
//! nothing else is read here.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use tensor::{Shape, Tensor};

use super::{DataError, Dataset};

/// Images `[n, rows, columns]` with pixels from 0 to 255.
///
/// # Errors
/// When the file cannot be read or is no complete file of images; the error names file and byte.
pub fn images(path: impl AsRef<Path>) -> Result<Tensor<u8>, DataError> {
    read(path.as_ref(), 3)
}

/// Labels `[n]`.
///
/// # Errors
/// When the file cannot be read or is no complete file of labels; the error names file and byte.
pub fn labels(path: impl AsRef<Path>) -> Result<Tensor<i64>, DataError> {
    let bytes = read(path.as_ref(), 1)?;
    Ok(bytes.iter().map(i64::from).collect())
}

/// The training and the test set of MNIST, or of a set with the same file names (Fashion-MNIST,
/// KMNIST), from a folder: inputs `[n, rows · columns]`, pixels from 0 to 1.
///
/// The files are `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
/// `t10k-labels-idx1-ubyte`, each with or without `.gz`.
///
/// # Errors
/// When a file is missing or not sound, or labels and images differ in number.
pub fn mnist(dir: impl AsRef<Path>) -> Result<(Dataset<f32>, Dataset<f32>), DataError> {
    let set = |name: &str| {
        let file = |kind: &str| {
            let plain = dir.as_ref().join(format!("{name}-{kind}-ubyte"));
            if plain.exists() { plain } else { plain.with_extension("gz") }
        };
        let images = images(file("images-idx3"))?;
        let [n, rows, columns] = images.shape() else { unreachable!("read with rank 3") };
        let shape = [*n, rows * columns];
        let pixels = images.iter().map(|p| f32::from(p) / 255.0).collect();
        let inputs = Tensor::from_vec(pixels, shape).expect("the number of pixels is the same");
        Dataset::new(inputs, labels(file("labels-idx1"))?)
    };
    Ok((set("train")?, set("t10k")?))
}

/// Reads a file of unsigned bytes of this rank.
fn read(path: &Path, rank: usize) -> Result<Tensor<u8>, DataError> {
    let io = |reason| DataError::Io { path: path.into(), reason };
    let mut file = BufReader::new(File::open(path).map_err(io)?);
    // The two bytes every gzip file begins with; an IDX file begins with 0.
    let zipped = file.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
    let mut source: Box<dyn Read> =
        if zipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };

    let header_len = 4 + 4 * rank as u64;
    let header = fill(&mut source, path, header_len, 0, header_len)?;
    let magic = [0, 0, 8, rank as u8];
    if header[..4] != magic {
        let reason = format!("the magic number is {:?}, not {magic:?}", &header[..4]);
        return Err(DataError::Format { path: path.into(), offset: 0, reason });
    }
    let sizes = header[4..].chunks_exact(4);
    let shape: Shape =
        sizes.map(|s| u32::from_be_bytes([s[0], s[1], s[2], s[3]]) as usize).collect();
    let len = tensor::shape::checked_len(&shape, 1).map_err(|e| DataError::Format {
        path: path.into(),
        offset: 4,
        reason: e.to_string(),
    })?;

    let end = header_len + len as u64;
    let bytes = fill(&mut source, path, len as u64, header_len, end)?;
    match source.read(&mut [0]) {
        Ok(0) => Ok(Tensor::from_vec(bytes, shape).expect("exactly `len` bytes were read")),
        Ok(_) => Err(DataError::Trailing { path: path.into(), offset: end }),
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => {
            Err(DataError::Truncated { path: path.into(), offset: end, expected: end })
        }
        Err(e) => Err(io(e)),
    }
}

/// Reads `len` bytes from `offset` on of a file that should have `expected`. What a wrong header
/// announces is not allocated: the buffer grows with what is there.
fn fill(
    source: &mut dyn Read,
    path: &Path,
    len: u64,
    offset: u64,
    expected: u64,
) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    match source.take(len).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 == len => Ok(bytes),
        Err(e) if e.kind() != ErrorKind::UnexpectedEof => {
            Err(DataError::Io { path: path.into(), reason: e })
        }
        // A plain file has ended, or a gzip stream has stopped in its middle.
        _ => {
            let offset = offset + bytes.len() as u64;
            Err(DataError::Truncated { path: path.into(), offset, expected })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::*;
    use crate::test_dir::TestDir;

    fn idx(sizes: &[u32], data: &[u8]) -> Vec<u8> {
        let header = sizes.iter().flat_map(|s| s.to_be_bytes());
        [0, 0, 8, sizes.len() as u8].into_iter().chain(header).chain(data.iter().copied()).collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn write(dir: &TestDir, name: &str, bytes: &[u8]) -> PathBuf {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn files_are_read_plain_and_zipped() {
        let dir = TestDir::new();
        let bytes = idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 255]);
        for (name, bytes) in [("plain", bytes.clone()), ("zipped", gzip(&bytes))] {
            let images = images(write(&dir, name, &bytes)).unwrap();
            assert_eq!(images.shape(), [2, 1, 3]);
            assert_eq!(images.to_vec(), [1, 2, 3, 4, 5, 255]);
        }
        let labels = labels(write(&dir, "labels", &idx(&[3], &[7, 0, 9]))).unwrap();
        assert_eq!(labels.to_vec(), [7, 0, 9]);
        assert_eq!(super::labels(write(&dir, "none", &idx(&[0], &[]))).unwrap().len(), 0);
    }

    #[test]
    fn every_truncation_is_an_error_that_names_the_byte() {
        let dir = TestDir::new();
        let bytes = idx(&[2, 2, 2], &[1, 2, 3, 4, 5, 6, 7, 8]);
        for n in 0..bytes.len() {
            match images(write(&dir, "plain", &bytes[..n])) {
                Err(DataError::Truncated { offset, expected, path }) => {
                    assert_eq!(offset, n as u64);
                    assert_eq!(expected, if n < 16 { 16 } else { 24 });
                    assert!(path.ends_with("plain"));
                }
                other => panic!("{n} bytes: {other:?}"),
            }
        }
        let zipped = gzip(&bytes);
        for n in 0..zipped.len() {
            let outcome = images(write(&dir, "zipped", &zipped[..n]));
            assert!(matches!(outcome, Err(DataError::Truncated { .. })), "{n} bytes: {outcome:?}");
        }
    }

    #[test]
    fn damaged_zipped_files_are_errors() {
        let dir = TestDir::new();
        let mut zipped = gzip(&idx(&[2, 2, 2], &[1, 2, 3, 4, 5, 6, 7, 8]));
        let last = zipped.len() - 6;
        zipped[last] ^= 1; // the checksum
        assert!(matches!(images(write(&dir, "zipped", &zipped)), Err(DataError::Io { .. })));
    }

    #[test]
    fn wrong_files_are_errors_that_say_why() {
        let dir = TestDir::new();
        let error = |bytes: &[u8]| images(write(&dir, "file", bytes)).unwrap_err().to_string();
        let labels = error(&idx(&[30], &[0; 30]));
        assert!(labels.ends_with("the magic number is [0, 0, 8, 1], not [0, 0, 8, 3]"), "{labels}");
        let floats = error(&[0, 0, 13, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert!(floats.contains("the magic number is [0, 0, 13, 3]"), "{floats}");
        let long = error(&idx(&[1, 1, 1], &[1, 2]));
        assert!(long.contains("goes on after byte 17"), "{long}");
        let huge = error(&idx(&[u32::MAX; 3], &[1, 2]));
        assert!(huge.contains("overflows the address space"), "{huge}");
        let large = error(&idx(&[u32::MAX, 1, 1], &[1, 2]));
        assert!(large.contains("ends at byte 18"), "{large}");
        let missing = images(dir.path().join("nowhere")).unwrap_err();
        assert!(missing.to_string().contains("nowhere"), "{missing}");
    }

    #[test]
    fn a_folder_holds_a_training_and_a_test_set() {
        let dir = TestDir::new();
        write(&dir, "train-images-idx3-ubyte", &idx(&[2, 1, 2], &[0, 255, 51, 0]));
        write(&dir, "train-labels-idx1-ubyte.gz", &gzip(&idx(&[2], &[3, 4])));
        write(&dir, "t10k-images-idx3-ubyte.gz", &gzip(&idx(&[1, 1, 2], &[255, 0])));
        write(&dir, "t10k-labels-idx1-ubyte", &idx(&[1], &[9]));
        let (train, test) = mnist(dir.path()).unwrap();
        assert_eq!(
            (train.inputs().shape(), train.inputs().to_vec()),
            (&[2, 2][..], vec![0.0, 1.0, 0.2, 0.0])
        );
        assert_eq!((train.targets().to_vec(), test.targets().to_vec()), (vec![3, 4], vec![9]));

        write(&dir, "t10k-labels-idx1-ubyte", &idx(&[2], &[9, 9]));
        assert!(matches!(mnist(dir.path()), Err(DataError::Labels { .. })));
    }
}
