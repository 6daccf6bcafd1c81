//! How tensors print, and when two are equal.

use std::fmt::{self, Write};

use crate::any::AnyTensor;
use crate::element::Element;
use crate::shape::Dims;
use crate::tensor::Tensor;

/// Element type, shape, and the first elements in row-major order with all their digits, so that a
/// failed comparison shows what differs: `Tensor<f64>[2, 2] [0.1, 2.0, 3.0, 4.0]`.
impl<T: Element> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor<{}>{} [", T::DTYPE, Dims(self.shape()))?;
        for (i, x) in self.iter().take(LISTED).enumerate() {
            write!(f, "{}{x:?}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str(if self.len() > LISTED { ", ..]" } else { "]" })
    }
}

/// Elements that `Debug` lists.
const LISTED: usize = 16;

/// Equal shapes and exactly equal elements; as for floats, NaN equals nothing and 0 equals -0.
impl<T: Element> PartialEq for Tensor<T> {
    fn eq(&self, other: &Self) -> bool {
        self.shape() == other.shape() && self.iter().eq(other.iter())
    }
}

/// Nested brackets with aligned columns; a bare number for rank 0, `[] of shape [2, 0]` for no
/// elements.
///
/// Floats are rounded to six significant digits and share their number of decimals; they turn
/// scientific where decimals would not show the smallest or would drown the largest. `{:.3}` prints
/// three decimals, as it does for a float. An axis of more than 16 entries shows the first and the
/// last three, and so does one of more than 6 if the tensor has over 1000 elements; `{:#}` shows
/// them all.
impl<T: Element> fmt::Display for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return match self.rank() {
                1 => f.write_str("[]"),
                _ => write!(f, "[] of shape {}", Dims(self.shape())),
            };
        }
        let longest = match (f.alternate(), self.len() > 1000) {
            (true, _) => usize::MAX,
            (false, true) => 2 * EDGE,
            (false, false) => 16,
        };
        let cells = cells(self, longest, f.precision());
        let width = cells.iter().map(String::len).max().unwrap_or(0);
        let mut cells = cells.iter();
        rows(f, self.shape(), longest, 0, &mut |f| {
            let cell = cells.next().expect("a cell for each element shown");
            write!(f, "{cell:>width$}")
        })
    }
}

/// Entries shown at each end of an axis that is too long.
const EDGE: usize = 3;

/// The indices of an axis that are shown.
fn shown(size: usize, longest: usize) -> impl Iterator<Item = usize> + Clone {
    let (head, tail) = if size > longest { (EDGE, size - EDGE) } else { (size, size) };
    (0..head).chain(tail..size)
}

/// Brackets, commas and line breaks around the cells of a tensor of this shape, whose outer `depth`
/// brackets are open already.
fn rows(
    f: &mut fmt::Formatter<'_>,
    shape: &[usize],
    longest: usize,
    depth: usize,
    cell: &mut impl FnMut(&mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    let Some((&size, inner)) = shape.split_first() else { return cell(f) };
    let separator = match inner.len() {
        0 => ", ".to_string(),
        breaks => format!(",{}{}", "\n".repeat(breaks), " ".repeat(depth + 1)),
    };
    f.write_char('[')?;
    for (k, i) in shown(size, longest).enumerate() {
        if k > 0 {
            f.write_str(&separator)?;
        }
        if k == EDGE && i > k {
            write!(f, "...{separator}")?;
        }
        rows(f, inner, longest, depth + 1, cell)?;
    }
    f.write_char(']')
}

/// The elements shown, in order, as text.
fn cells<T: Element>(x: &Tensor<T>, longest: usize, precision: Option<usize>) -> Vec<String> {
    let mut places = vec![0];
    for &size in x.shape() {
        let along = shown(size, longest);
        places = places.iter().flat_map(|p| along.clone().map(move |i| p * size + i)).collect();
    }
    let reader = x.reader();
    let elements = places.into_iter().map(|p| reader.at(p));
    match T::erase(elements.clone().collect()) {
        AnyTensor::F32(x) => floats(&x.iter().map(f64::from).collect::<Vec<_>>(), precision),
        AnyTensor::F64(x) => floats(&x.to_vec(), precision),
        _ => elements.map(|x| x.to_string()).collect(),
    }
}

/// Significant digits of a float.
const DIGITS: i32 = 6;

fn floats(x: &[f64], precision: Option<usize>) -> Vec<String> {
    let fixed = |decimals| x.iter().map(|x| format!("{x:.decimals$}")).collect();
    if let Some(decimals) = precision {
        return fixed(decimals);
    }
    let parts: Vec<(i32, i32)> =
        x.iter().filter(|x| x.is_finite() && **x != 0.0).map(|&x| digits(x)).collect();
    let top = parts.iter().map(|p| p.1).max().unwrap_or(0);
    let bottom = parts.iter().map(|p| p.1).min().unwrap_or(0);
    if top > DIGITS || bottom < -4 || top - bottom >= DIGITS {
        let decimals = parts.iter().map(|p| p.0 - 1).max().unwrap_or(0) as usize;
        return x.iter().map(|x| format!("{x:.decimals$e}")).collect();
    }
    let wanted = parts.iter().map(|&(digits, exponent)| digits - 1 - exponent).max().unwrap_or(1);
    fixed(wanted.min(DIGITS - 1 - top).max(1) as usize)
}

/// How many digits `x` has when it is rounded to [`DIGITS`], trailing zeros left out, and its
/// decimal exponent then.
fn digits(x: f64) -> (i32, i32) {
    let text = format!("{:.*e}", DIGITS as usize - 1, x.abs());
    let (mantissa, exponent) = text.split_once('e').expect("`{:e}` writes an exponent");
    let digits = mantissa.replace('.', "").trim_end_matches('0').len();
    (digits as i32, exponent.parse().expect("the exponent is a number"))
}

#[cfg(test)]
mod tests {
    use crate::{Tensor, tensor};

    #[test]
    fn rank_0_is_a_bare_number_and_nothing_is_brackets() {
        assert_eq!(Tensor::scalar(2.5f32).to_string(), "2.5");
        assert_eq!(Tensor::scalar(3i64).to_string(), "3");
        assert_eq!(Tensor::scalar(true).to_string(), "true");
        assert_eq!(Tensor::<f64>::zeros([0]).to_string(), "[]");
        assert_eq!(Tensor::<f64>::zeros([2, 0]).to_string(), "[] of shape [2, 0]");
    }

    #[test]
    fn debug_shows_type_shape_and_the_first_elements_with_all_digits() {
        let x = tensor![[0.1 + 0.2, 1.0], [-0.0, f64::NAN]];
        assert_eq!(
            format!("{:?}", x.t()),
            "Tensor<f64>[2, 2] [0.30000000000000004, -0.0, 1.0, NaN]"
        );
        assert_eq!(format!("{:?}", Tensor::<i64>::zeros([2, 0])), "Tensor<i64>[2, 0] []");
        let long = format!("{:?}", Tensor::arange(0, 17, 1i64));
        assert!(
            long.starts_with("Tensor<i64>[17] [0, 1, 2,") && long.ends_with(", 15, ..]"),
            "{long}"
        );
    }

    #[test]
    fn columns_are_aligned_and_share_their_decimals() {
        let x = tensor![[1.0, -2.5], [100.0, 0.25]];
        assert_eq!(x.to_string(), "[[  1.00,  -2.50],\n [100.00,   0.25]]");
        assert_eq!(x.t().to_string(), "[[  1.00, 100.00],\n [ -2.50,   0.25]]");
        assert_eq!(tensor![1.0, 2.0].to_string(), "[1.0, 2.0]");
        assert_eq!(tensor![0.0, -0.0].to_string(), "[ 0.0, -0.0]");
        assert_eq!(tensor![1, -20].to_string(), "[  1, -20]");
        assert_eq!(tensor![true, false].to_string(), "[ true, false]");
    }

    #[test]
    fn six_significant_digits_are_enough() {
        assert_eq!(tensor![0.1f32, 0.2].to_string(), "[0.1, 0.2]");
        assert_eq!(tensor![1.0 / 3.0, 10.0].to_string(), "[ 0.3333, 10.0000]");
        assert_eq!(tensor![123456.789].to_string(), "[123456.8]");
        assert_eq!(tensor![0.001234567].to_string(), "[0.00123457]");
        assert_eq!(tensor![9.9999999].to_string(), "[10.0]");
    }

    #[test]
    fn what_decimals_cannot_show_is_scientific() {
        assert_eq!(tensor![1e-5, 1.0].to_string(), "[1e-5,  1e0]");
        assert_eq!(tensor![1.5e10, -2.0].to_string(), "[1.5e10, -2.0e0]");
        assert_eq!(tensor![f64::MAX].to_string(), "[1.79769e308]");
    }

    #[test]
    fn infinities_and_nan_do_not_disturb_the_others() {
        let x = tensor![f64::NAN, f64::INFINITY, -f64::INFINITY, 1.5];
        assert_eq!(x.to_string(), "[ NaN,  inf, -inf,  1.5]");
        assert_eq!(tensor![f32::NAN].to_string(), "[NaN]");
    }

    #[test]
    fn a_precision_means_decimals() {
        assert_eq!(format!("{:.3}", tensor![1.0, 1e-9]), "[1.000, 0.000]");
        assert_eq!(format!("{:.0}", Tensor::scalar(2.6)), "3");
    }

    #[test]
    fn blocks_are_set_apart() {
        let x = Tensor::arange(0, 8, 1i64).reshape([2, 2, 2]);
        assert_eq!(x.to_string(), "[[[0, 1],\n  [2, 3]],\n\n [[4, 5],\n  [6, 7]]]");
    }

    #[test]
    fn long_axes_show_their_ends() {
        let x = Tensor::arange(0, 17, 1i64);
        assert_eq!(x.to_string(), "[ 0,  1,  2, ..., 14, 15, 16]");
        assert_eq!(Tensor::arange(0, 4, 1i64).to_string(), "[0, 1, 2, 3]");
        assert_eq!(format!("{x:#}").matches(',').count(), 16);
        let x = Tensor::arange(0, 1010, 1i64).reshape([101, 10]);
        let lines: Vec<String> = x.to_string().lines().map(String::from).collect();
        assert_eq!(lines.len(), 7);
        assert_eq!(lines[0], "[[   0,    1,    2, ...,    7,    8,    9],");
        assert_eq!(lines[3], " ...,");
        assert_eq!(lines[6], " [1000, 1001, 1002, ..., 1007, 1008, 1009]]");
    }
}
