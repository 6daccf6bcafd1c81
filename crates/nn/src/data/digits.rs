//! The handwritten digits that come with the crate.

use std::io::Read;
use std::sync::OnceLock;

use tensor::Tensor;

use super::Dataset;

static FILE: &[u8] = include_bytes!("../../data/digits.csv.gz");

/// 1,797 images of handwritten digits: inputs `[1797, 64]`, 8 x 8 pixels row by row, from 0 to 1;
/// labels `[1797]`, 0 to 9.
///
/// The pixels are those of the file (0 to 16) divided by 16, so they are exact in `f32` already;
/// [`Dataset::cast`] makes them `f64`. The images are read once, later calls copy nothing.
///
/// The data is the test set of *Optical Recognition of Handwritten Digits* by E. Alpaydin and
/// C. Kaynak (1998), UCI Machine Learning Repository,
/// [doi:10.24432/C50P49](https://doi.org/10.24432/C50P49), licensed under
/// [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/).
pub fn digits() -> Dataset<f32> {
    static DIGITS: OnceLock<Dataset<f32>> = OnceLock::new();
    DIGITS.get_or_init(read).clone()
}

fn read() -> Dataset<f32> {
    const SOUND: &str = "the embedded file is sound";
    let mut text = String::new();
    flate2::read::GzDecoder::new(FILE).read_to_string(&mut text).expect(SOUND);
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let mut numbers = line.split(',').map(|n| n.parse::<u8>().expect(SOUND));
        inputs.extend(numbers.by_ref().take(64).map(|n| f32::from(n) / 16.0));
        labels.push(i64::from(numbers.next().expect(SOUND)));
    }
    let n = labels.len();
    let inputs = Tensor::from_vec(inputs, [n, 64]).expect(SOUND);
    let labels = Tensor::from_vec(labels, [n]).expect(SOUND);
    Dataset::new(inputs, labels).expect(SOUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_1797_digits_with_pixels_from_0_to_1() {
        let data = digits();
        assert_eq!((data.inputs().shape(), data.targets().shape()), (&[1797, 64][..], &[1797][..]));
        assert!(data.inputs().iter().all(|x| (0.0..=1.0).contains(&x) && x * 16.0 % 1.0 == 0.0));
        assert!(data.inputs().iter().any(|x| x == 1.0));
        let count = |digit| data.targets().iter().filter(|&l| l == digit).count();
        // The class counts that UCI documents for this file.
        let counts: Vec<_> = (0..10).map(count).collect();
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    }

    #[test]
    fn the_first_image_is_the_zero_of_the_file() {
        let first = digits().take(1);
        let row: Vec<_> = first.inputs().iter().skip(8).take(8).map(|x| x * 16.0).collect();
        assert_eq!(row, [0.0, 0.0, 13.0, 15.0, 10.0, 15.0, 5.0, 0.0]);
        assert_eq!(first.targets().to_vec(), [0]);
    }

    #[test]
    fn reading_again_copies_nothing() {
        assert!(digits().inputs().shares_buffer(digits().inputs()));
    }
}
