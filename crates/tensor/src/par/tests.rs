use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::*;
use crate::testing::in_pool;

/// How often each of `parts` parts is done.
fn counts(parts: usize) -> Vec<usize> {
    let counts: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
    run(parts, &|k| {
        counts[k].fetch_add(1, Ordering::Relaxed);
    });
    counts.into_iter().map(AtomicUsize::into_inner).collect()
}

#[test]
fn each_part_is_done_once_inside_and_outside_of_pools() {
    for parts in [0, 1, 2, 7, 1000] {
        assert_eq!(counts(parts), vec![1; parts]);
        for threads in [1, 2, 3, 6] {
            for _ in 0..20 {
                assert_eq!(in_pool(threads, || counts(parts)), vec![1; parts]);
            }
        }
    }
}

#[test]
fn work_within_work_is_done() {
    let total = AtomicUsize::new(0);
    in_pool(3, || {
        run(5, &|i| {
            run(7, &|j| {
                total.fetch_add(10 * i + j, Ordering::Relaxed);
            })
        })
    });
    assert_eq!(total.into_inner(), 10 * 10 * 7 + 21 * 5);
}

#[test]
fn nobody_waits_for_a_thread_that_does_something_else() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool of threads");
    let (free, blocked) = mpsc::channel::<()>();
    pool.spawn(move || assert!(blocked.recv().is_err()));
    // One thread of the pool is blocked until the work of the other is done.
    pool.install(|| assert_eq!(counts(100), vec![1; 100]));
    drop(free);
}

#[test]
fn a_panic_arrives_with_its_payload_when_all_parts_were_tried() {
    for threads in [1, 2, 4] {
        let tried = AtomicUsize::new(0);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            in_pool(threads, || {
                run(50, &|k| {
                    tried.fetch_add(1, Ordering::Relaxed);
                    assert!(k != 20, "part twenty");
                });
            });
        }));
        let payload = outcome.expect_err("a part has panicked");
        assert_eq!(payload.downcast_ref(), Some(&"part twenty"));
        let alone = threads == 1;
        assert_eq!(tried.into_inner(), if alone { 21 } else { 50 });
        assert_eq!(in_pool(threads, || counts(9)), vec![1; 9]);
    }
}

#[test]
fn each_thread_has_a_room_of_its_own() {
    for (threads, rooms) in [(1, 1), (2, 2), (4, 2), (4, 4), (3, 7)] {
        for _ in 0..20 {
            let mut rooms: Vec<Vec<usize>> = vec![Vec::new(); rooms];
            in_pool(threads, || run_in(&mut rooms, 100, |room, part| room.push(part)));
            assert!(rooms.iter().skip(threads).all(Vec::is_empty));
            let mut parts = rooms.concat();
            parts.sort_unstable();
            assert_eq!(parts, Vec::from_iter(0..100));
        }
    }
}

#[test]
fn a_thread_whose_part_has_panicked_does_the_next_ones_in_its_room() {
    let mut rooms = [0, 0];
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        in_pool(2, || {
            run_in(&mut rooms, 50, |room, part| {
                *room += 1;
                assert!(part % 10 != 3, "part {part}");
            })
        })
    }));
    assert!(outcome.is_err());
    assert_eq!(rooms.iter().sum::<usize>(), 50);
}

#[test]
fn parts_of_a_slice_are_disjoint_and_cover_it() {
    for len in [0, 1, 1023, 1024, 5000, 100_001] {
        let mut out = vec![0usize; len];
        in_pool(4, || {
            for_parts(&mut out, 1, |start, part| {
                for (k, x) in part.iter_mut().enumerate() {
                    *x += start + k;
                }
            })
        });
        assert!(out.iter().enumerate().all(|(k, &x)| k == x), "{len}");
        in_pool(4, || {
            for_chunks(&mut out, 7, usize::MAX, |k, part| {
                for x in part {
                    *x = k;
                }
            })
        });
        assert!(out.iter().enumerate().all(|(k, &x)| k / 7 == x), "{len}");
        let items = out.chunks_mut(100);
        in_pool(4, || for_each_of(items, usize::MAX, |part| part.fill(3)));
        assert!(out.iter().all(|&x| x == 3));
    }
}
