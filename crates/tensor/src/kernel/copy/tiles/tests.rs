//! Tiles of all layouts, beside one element after the other.

use super::*;
use crate::simd::{Level, dispatch_at};
use crate::tensor::Tensor;

/// Distinct numbers.
fn counted<T: crate::Number>(shape: &[usize]) -> Tensor<T> {
    let len = shape.iter().product::<usize>();
    Tensor::arange(T::zero(), T::from(len).unwrap(), T::one()).reshape(shape)
}

fn copies<T: crate::Number>() {
    for (shape, order) in [
        (&[70, 90][..], &[1, 0][..]),
        (&[64, 256], &[1, 0]),
        (&[257, 33], &[1, 0]),
        (&[5, 40, 36], &[0, 2, 1]),
        (&[40, 5, 36], &[2, 1, 0]),
        (&[9, 7, 80, 3], &[3, 1, 0, 2]),
        (&[3, 50, 7, 20], &[0, 3, 2, 1]),
        (&[4, 1030], &[1, 0]),
        (&[1030, 4], &[1, 0]),
        (&[5000, 2], &[1, 0]),
        (&[2, 5000], &[1, 0]),
        (&[4, 3, 700], &[0, 2, 1]),
        (&[4, 700, 3], &[0, 2, 1]),
        (&[7, 700, 12], &[0, 2, 1]),
        (&[7, 12, 700], &[0, 2, 1]),
        (&[40, 50, 3], &[1, 0, 2]),
        (&[33, 21, 15], &[1, 0, 2]),
        (&[3, 40, 10, 5], &[2, 1, 0, 3]),
        // A row of the output is as long as one of the stage.
        (&[128, 200], &[1, 0]),
        (&[32, 4, 200], &[2, 1, 0]),
        (&[200, 64, 2], &[1, 0, 2]),
    ] {
        let x = counted::<T>(shape);
        let turned = x.permute(order);
        let flips = [turned.clone(), turned.flip(0), turned.flip(-1), turned.flip(0).flip(-1)];
        for y in flips {
            let expected: Vec<T> = y.iter().collect();
            let mut out = vec![T::zero(); y.len()];
            super::super::copy(y.view(), &mut out);
            assert!(out == expected, "{shape:?} {order:?} {:?}", y.layout());
            // And by parts that begin and end anywhere.
            if let Some(tiles) = Tiles::of(y.view()) {
                out.fill(T::zero());
                for (k, part) in out.chunks_mut(3 * tiles.slab()).enumerate() {
                    tiles.write(k * 3 * tiles.slab(), part);
                }
                assert!(out == expected, "{shape:?} {order:?} in parts");
                // And by columns, which otherwise only long rows are.
                for grain in [1, 3000].into_iter().filter(|_| tiles.between.is_empty()) {
                    out.fill(T::zero());
                    tiles.write_long(&mut out, grain);
                    assert!(out == expected, "{shape:?} {order:?} by columns");
                }
            }
        }
    }
}

#[test]
fn tiles_are_read_from_every_layout_they_are_chosen_for() {
    assert!(Tiles::of(counted::<f32>(&[70, 90]).t().view()).is_some());
    assert!(Tiles::of(counted::<f32>(&[70, 90]).view()).is_none());
    assert!(Tiles::of(counted::<f32>(&[90]).broadcast_to([70, 90]).view()).is_none());
    copies::<f32>();
    copies::<f64>();
    copies::<i64>();
}

/// Rows of the output that are few and long, past the caches and not.
#[test]
fn long_rows_have_every_element_on_any_number_of_threads() {
    for (shape, order) in [
        (&[40_000, 4][..], &[1, 0][..]),
        (&[40_000, 21], &[1, 0]),
        (&[40_000, 7, 3], &[1, 0, 2]),
        (&[3, 35_000, 5], &[0, 2, 1]),
        (&[1_100_003, 4], &[1, 0]),
    ] {
        let x = counted::<f32>(shape).permute(order);
        assert!(Tiles::of(x.view()).unwrap().long(par::GRAIN_BYTES / size_of::<f32>()));
        for y in [x.flip(0), x.flip(1), x] {
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let copy = pool.install(|| y.to_contiguous());
                assert!(copy.iter().eq(y.iter()), "{shape:?} {order:?} {threads}");
            }
        }
    }
}

#[test]
fn every_instruction_set_turns_a_tile_alike() {
    let data: Vec<f32> = (0..10_000).map(|i| i as f32).collect();
    for (count, width, packet, step) in [
        (16, 128, 1, 70),
        (16, 100, 1, -70),
        (7, 30, 1, 70),
        (50, 12, 1, 70),
        (300, 3, 1, 400),
        (3, 128, 1, 3),
        (16, 42, 3, 70),
        (5, 8, 15, 90),
    ] {
        for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
            let pitch = if count > ROWS { width } else { COLUMNS };
            let (data, from) = (&data[..], if step < 0 { 9000 } else { 20 });
            let mut room = [0.0; ROWS * COLUMNS];
            let stage = &mut room[..];
            dispatch_at(
                level,
                Turn { data, from, step, count, width, packet, stage, pitch, ahead: true },
            );
            for (row, column) in (0..count).flat_map(|r| (0..width).map(move |c| (r, c))) {
                for k in 0..packet {
                    let at = from + (row * packet + k) as isize + step * column as isize;
                    let found = room[row * pitch + column * packet + k];
                    assert_eq!(found, at as f32, "{level:?} {count}, {width}, {packet}");
                }
            }
        }
    }
}
