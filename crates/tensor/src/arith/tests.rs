use crate::testing::{disguises, panic_of};
use crate::{Tensor, s, tensor};

/// Where the first element lies.
fn place<T: crate::Element>(x: &Tensor<T>) -> *const T {
    x.as_slice().expect("contiguous").as_ptr()
}

#[test]
fn operators_agree_with_the_scalar_ones_on_every_layout() {
    let x = Tensor::from_fn([3, 1, 4], |i| (i[0] * 4 + i[2]) as f64 - 5.5);
    let y = Tensor::from_fn([2, 4], |i| 1.0 / (i[0] * 4 + i[1] + 1) as f64);
    let at = |f: fn(f64, f64) -> f64| {
        Tensor::from_fn([3, 2, 4], |i| f(x[[i[0], 0, i[2]]], y[[i[1], i[2]]]))
    };
    let expected = [at(|a, b| a + b), at(|a, b| a - b), at(|a, b| a * b), at(|a, b| a / b)];
    let narrow = |x: &Tensor<f64>| x.cast::<f32>();
    for a in &disguises(&x, f64::NAN) {
        for b in &disguises(&y, f64::NAN) {
            assert_eq!([a + b, a - b, a * b, a / b], expected);
            let (a, b) = (narrow(a), narrow(b));
            assert_eq!((&a * &b).to_vec(), a.zip_map(&b, |a, b| a * b).to_vec());
            assert_eq!((&a / &b).to_vec(), a.zip_map(&b, |a, b| a / b).to_vec());
        }
    }
}

#[test]
fn shapes_broadcast_as_in_numpy() {
    let shape = |a: &[usize], b: &[usize]| {
        (Tensor::<f32>::ones(a) + Tensor::<f32>::ones(b)).shape().to_vec()
    };
    assert_eq!(shape(&[0], &[1]), [0]);
    assert_eq!(shape(&[3, 1], &[0]), [3, 0]);
    assert_eq!(shape(&[4, 0], &[4, 1]), [4, 0]);
    assert_eq!(shape(&[], &[2, 3]), [2, 3]);
    assert_eq!(shape(&[], &[]), []);
    assert_eq!(
        panic_of(|| Tensor::<f32>::ones([0]) * Tensor::<f32>::ones([3])),
        "mul: shapes [0] and [3] do not broadcast: sizes 0 and 3 differ at axis 0"
    );
}

#[test]
fn numbers_stand_on_both_sides_and_need_no_suffix() {
    let x = tensor![1.0, 2.0];
    assert_eq!((2.0 * &x - 1.0) / 2, tensor![0.5, 1.5]);
    assert_eq!(1.0 / x, tensor![1.0, 0.5]);
    let x: Tensor<f32> = tensor![1.0, 2.0];
    assert_eq!((1.0 - &x * 0.5) + 0.25f32, tensor![0.75, 0.25]);
    assert_eq!(x * 0.1, tensor![0.1f32, 0.2]);
    let x = tensor![1i64, -2];
    assert_eq!(10 - 3 * &x, tensor![7, 16]);
    assert_eq!((x + 1) * 2, tensor![4, -2]);
    let x: Tensor<usize> = tensor![6, 4];
    assert_eq!(12 / &x + 1, tensor![3usize, 4]);
    assert_eq!(panic_of(|| &x + (-1)), "-1 does not fit the element type usize");
}

#[test]
fn an_owned_operand_gives_its_buffer_to_the_result() {
    let a = Tensor::<f32>::ones([2, 3]);
    let at = place(&a);
    let b = a + 1.0;
    assert_eq!(place(&b), at);
    let c = 1.0 - b;
    assert_eq!(place(&c), at);
    let row = tensor![[1.0f32, 2.0, 3.0]];
    let d = &row - c;
    assert_eq!((place(&d), d.to_vec()), (at, vec![2.0, 3.0, 4.0, 2.0, 3.0, 4.0]));
    let e = -d;
    assert_eq!((place(&e), e[[0, 0]]), (at, -2.0));
    let f = row / e;
    assert_eq!((place(&f), f.to_vec()[0]), (at, -0.5));
}

#[test]
fn what_another_tensor_reads_is_never_overwritten() {
    let a = tensor![1.0, 2.0, 3.0, 4.0];
    let view = a.slice(crate::s![1..3]);
    let b = a + 10.0;
    assert_eq!((b[[1]], view.to_vec()), (12.0, vec![2.0, 3.0]));
    let c = view.clone() * &view;
    assert_eq!((c.to_vec(), view.to_vec()), (vec![4.0, 9.0], vec![2.0, 3.0]));
    let mut d = b.clone();
    d += 1.0;
    assert_eq!((b[[0]], d[[0]]), (11.0, 12.0));
    let wide = tensor![1.0, 2.0].broadcast_to([2, 2]) + 1.0;
    assert_eq!(wide.to_vec(), [2.0, 3.0, 2.0, 3.0]);
    let own = tensor![1.0, 2.0];
    assert_eq!((&own + &own).to_vec(), [2.0, 4.0]);
}

#[test]
fn assignment_keeps_shape_and_place() {
    let mut x = Tensor::<f64>::ones([2, 2]);
    let at = place(&x);
    x += tensor![1.0, 2.0];
    x *= 2;
    x -= &tensor![[1.0], [2.0]];
    x /= 0.5;
    assert_eq!((place(&x), x.to_vec()), (at, vec![6.0, 10.0, 4.0, 8.0]));
    let mut turned = x.t();
    turned += 1.0;
    assert_eq!((turned.to_vec(), x[[0, 0]]), (vec![7.0, 5.0, 11.0, 9.0], 6.0));
    let twice = x.clone();
    x += twice;
    assert_eq!(x.to_vec(), [12.0, 20.0, 8.0, 16.0]);
    let text = panic_of(|| x += Tensor::<f64>::ones([3, 1, 1]));
    let wanted = "add_assign: shape [3, 1, 1] does not broadcast to [2, 2], \
                  which an assignment cannot change";
    assert_eq!((text.as_str(), x.to_vec()), (wanted, vec![12.0, 20.0, 8.0, 16.0]));
}

#[test]
fn integers_that_overflow_panic_and_leave_the_tensor_alone() {
    let mut x = tensor![1u8, 255, 3];
    assert_eq!(panic_of(|| &x + 1), "add: 255 + 1 does not fit u8");
    assert_eq!(panic_of(|| x += 1), "add_assign: 255 + 1 does not fit u8");
    assert_eq!(x.to_vec(), [1, 255, 3]);
    assert_eq!(panic_of(|| &x / 0), "div: 1 / 0 is undefined");
    assert_eq!(panic_of(|| -&x), "neg: 0 - 1 does not fit u8");
    assert_eq!(panic_of(|| -tensor![i64::MIN]), format!("neg: 0 - {} does not fit i64", i64::MIN));
    assert_eq!(
        panic_of(|| tensor![i64::MIN] / -1),
        format!("div: {} / -1 does not fit i64", i64::MIN)
    );
    assert_eq!(panic_of(|| tensor![3usize] - 4), "sub: 3 - 4 does not fit usize");
    assert_eq!(panic_of(|| tensor![7u8, 20] * 13), "mul: 20 * 13 does not fit u8");
    assert_eq!((-tensor![1i64, -2]).to_vec(), [-1, 2]);
}

#[test]
fn floats_follow_ieee_754() {
    let x = tensor![1.0f64, -1.0, 0.0] / 0.0;
    assert_eq!((x[[0]], x[[1]], x[[2]].is_nan()), (f64::INFINITY, -f64::INFINITY, true));
    assert!((-tensor![0.0f32])[[0]].is_sign_negative());
    assert!((-&tensor![0.0f32])[[0]].is_sign_negative());
}

#[test]
fn long_tensors_are_computed_in_parts_that_fit() {
    let n = 100_003;
    let x = Tensor::arange(0.0f32, n as f32, 1.0);
    let y = x.flip(0) + &x;
    assert!(y.iter().all(|y| y == (n - 1) as f32));
    let mut z = x.clone();
    z -= x.flip(0).flip(0);
    assert!(z.iter().all(|z| z == 0.0));
}

#[test]
fn a_tensor_is_negated_alike_in_place_and_beside_itself() {
    fn check<T: crate::Number>(x: Tensor<T>) {
        let expected = x.map(|x| x.negated().unwrap());
        for x in [x.clone(), x.t().to_contiguous().t(), x.flip(1).to_contiguous().flip(1)] {
            let copy = x.map(|x| x); // contiguous, and nobody else's
            assert!(-&x == expected && -x == expected);
            let at = place(&copy);
            let y = -copy;
            assert!(place(&y) == at && y == expected);
        }
    }
    let x = Tensor::from_fn([301, 333], |i| (i[0] * 333 + i[1]) as f64 - 5e4);
    check(x.cast::<f32>());
    check(x.cast::<i64>());
    check(x);
    // Far into what several threads overwrite.
    let at = |i: &[usize]| if i[0] == 77_777 { i64::MIN } else { 1 };
    let text = format!("neg: 0 - {} does not fit i64", i64::MIN);
    assert_eq!(panic_of(|| -Tensor::from_fn([100_000], at)), text);
}

#[test]
fn of_several_elements_without_a_result_the_first_is_named() {
    let x = Tensor::from_fn([300_000], |i| match i[0] {
        50_000 => 200u8,
        120_000.. => 255,
        _ => 0,
    });
    for threads in [1, 2, 3, 6] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for _ in 0..20 {
            let texts = pool.install(|| {
                let own = x.map(|x| x);
                [panic_of(|| &x + &x), panic_of(|| -&x), panic_of(|| -own)]
            });
            let neg = "neg: 0 - 200 does not fit u8";
            assert_eq!(texts, ["add: 200 + 200 does not fit u8", neg, neg]);
        }
    }
}

#[test]
fn mistakes_are_reported_at_the_line_that_makes_them() {
    use std::sync::Mutex;
    static LINES: Mutex<Vec<(String, u32)>> = Mutex::new(Vec::new());
    let lines = std::thread::spawn(|| {
        let me = std::thread::current().id();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match info.location() {
            Some(l) if std::thread::current().id() == me => {
                LINES.lock().unwrap().push((l.file().into(), l.line()));
            }
            _ => before(info),
        }));
        let (x, y) = (Tensor::<f64>::ones([2]), Tensor::<f64>::ones([3]));
        let (mut z, mut n) = (x.clone(), tensor![1u8]);
        let bytes = Tensor::<u8>::full([1000, 1000], 2);
        let line = line!();
        panic_of(|| &x + &y);
        panic_of(|| x.clone() * y.clone());
        panic_of(|| z -= &y);
        panic_of(|| x.pow(&y));
        panic_of(|| x.lt(&y));
        panic_of(|| x.gt(0.0).select(&x, &y));
        panic_of(|| x.zip_map(&y, |a, b| a * b));
        panic_of(|| x.clamp(2, 1));
        panic_of(|| Tensor::arange(0.0, 1.0, f64::NAN));
        panic_of(|| Tensor::<f64>::zeros([usize::MAX, 2]));
        panic_of(|| x.max_abs_diff(&y));
        panic_of(|| tensor![i64::MAX] + tensor![1i64]);
        panic_of(|| Tensor::<u8>::full([100_000], 200) * Tensor::full([100_000], 2));
        panic_of(|| 0 - &tensor![1usize]);
        panic_of(|| n -= 2);
        panic_of(|| &n / 0);
        panic_of(|| -&n);
        panic_of(|| -n.clone());
        panic_of(|| -tensor![1u8]);
        panic_of(|| bytes.sum());
        panic_of(|| bytes.sum_axis(1));
        panic_of(|| bytes.sum_keepdim(0));
        panic_of(|| bytes.prod());
        panic_of(|| bytes.prod_axis(0));
        panic_of(|| bytes.prod_keepdim(1));
        panic_of(|| bytes.cumsum(0));
        panic_of(|| bytes.sum_axis(2));
        (line + 1..line + 28).collect::<Vec<_>>()
    });
    let lines = lines.join().unwrap();
    let seen = LINES.lock().unwrap();
    assert!(seen.iter().all(|(file, _)| file == file!()), "{seen:?}");
    assert_eq!(seen.iter().map(|s| s.1).collect::<Vec<_>>(), lines);
}

#[test]
fn parts_of_rows_of_any_length_give_what_their_copies_give() {
    let x = Tensor::from_fn([40, 3000], |i| (i[0] * 3000 + i[1]) as f64 - 7e4);
    for len in [1, 200, 255, 256, 300, 1000, 2048, 2900] {
        let a = x.slice(s![1..39, 3..3 + len]);
        let spread = |part: Tensor<f64>| part.broadcast_to([38, len]);
        let parts = [
            a.clone(),
            a.to_contiguous(),
            a.flip(1),
            spread(a.slice(s![..1])),
            spread(a.slice(s![.., ..1])),
            spread(a.slice(s![..1, ..1])),
        ];
        for (a, b) in parts.iter().flat_map(|a| parts.iter().map(move |b| (a, b))) {
            let (near_a, near_b) = (a.to_contiguous(), b.to_contiguous());
            assert_eq!(a - b, &near_a - &near_b, "{len}");
            assert_eq!(a.relu(), near_a.relu(), "{len}");
            assert_eq!(a.gt(b).select(b, a), near_a.gt(&near_b).select(&near_b, &near_a), "{len}");
        }
    }
}

#[test]
fn a_sum_that_does_not_fit_is_found_wherever_it_stands() {
    fn check<T: crate::Number>(edges: [T; 5]) {
        let pairs = || edges.into_iter().flat_map(|a| edges.map(|b| (a, b)));
        for (k, (a, b)) in pairs().enumerate() {
            // Among sums that fit, at any place of a vector.
            let at = 37 + k;
            let place = |x: T| Tensor::from_fn([100], |i| if i[0] == at { x } else { T::one() });
            let (x, y) = (place(a), place(b));
            let (wide_a, wide_b) = (a.to_i128().unwrap(), b.to_i128().unwrap());
            type Op<T> = fn(&Tensor<T>, &Tensor<T>) -> Tensor<T>;
            let checks: [(char, Option<i128>, Op<T>); 3] = [
                ('+', wide_a.checked_add(wide_b), |x, y| x + y),
                ('-', wide_a.checked_sub(wide_b), |x, y| x - y),
                ('*', wide_a.checked_mul(wide_b), |x, y| x * y),
            ];
            for (sign, exact, op) in checks {
                match exact.and_then(T::from) {
                    Some(exact) => assert!(op(&x, &y)[[at]] == exact, "{a} {sign} {b}"),
                    None => {
                        let text = panic_of(|| op(&x, &y));
                        let expected = format!("{a} {sign} {b} does not fit {}", T::DTYPE);
                        assert!(text.ends_with(&expected), "{text}: {expected}");
                    }
                }
            }
        }
    }
    check([i64::MIN, -1, 1, 1 << 62, i64::MAX]);
    check([0, 1, 1 << 62, usize::MAX - 1, usize::MAX]);
    check([0u8, 1, 127, 128, 255]);
    let x = Tensor::from_fn([100], |i| if i[0] == 77 { i64::MIN } else { i[0] as i64 });
    assert_eq!(panic_of(|| -&x), format!("neg: 0 - {} does not fit i64", i64::MIN));
}
