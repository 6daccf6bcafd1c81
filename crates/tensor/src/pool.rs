//! A bounded pool of memory blocks, so that a training step does not pay for page faults.
//!
//! Large blocks that go back to the operating system are zeroed and mapped anew page by page when
//! they are asked for again, which for a 64 MB sum costs nine tenths of its time. Blocks are kept
//! in size classes (four to each power of two, so at most a quarter is wasted), small ones in a
//! list of the thread, large ones in one shared list. Both are bounded: where a block would exceed
//! the bound, an eighth of each class is freed, the oldest first, so that sizes which are no longer
//! asked for make room for those that are. The pool never changes a value.
//!
//! Blocks of 2 MiB and more ask for huge pages: reading one then costs a third less, and
//! walking down the columns of a matrix in it half.

use std::alloc::{self, Layout};
use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::Mutex;

use crate::buffer::ALIGN;

/// One cache line: the unit and the alignment of every block.
#[repr(align(64))]
pub(crate) struct Line(#[allow(dead_code, reason = "there for its size")] [u8; ALIGN]);

/// Blocks up to this many bytes are kept by the thread that frees them.
const SMALL: usize = 1 << 16;
/// The size of a huge page, and what blocks of that size are aligned to.
const HUGE: usize = 1 << 21;
/// A thread keeps at most this many bytes.
const KEPT_BY_THREAD: usize = 1 << 21;
/// All threads together keep at most this many bytes of large blocks.
const KEPT_SHARED: usize = 1 << 30;
const CLASSES: usize = 4 * 64;

/// The size of the block that serves a request, and the index of its class.
fn class_of(bytes: usize) -> (usize, usize) {
    let bytes = bytes.max(ALIGN);
    let exponent = (bytes - 1).ilog2().max(ALIGN.ilog2() + 1);
    let quarter = 1usize << (exponent - 2);
    let size = bytes.div_ceil(quarter) * quarter;
    let size = size.next_multiple_of(ALIGN);
    let exponent = size.ilog2();
    let class = 4 * exponent as usize + ((size >> (exponent - 2)) & 3);
    (size, class)
}

/// Free blocks by class, and their bytes together.
struct Shelf {
    blocks: Vec<Vec<Block>>,
    bytes: usize,
    limit: usize,
}

/// A free block of the class whose list it stands in.
struct Block(NonNull<u8>);

// SAFETY: a free block is owned by the list it stands in and referred to by nobody else.
unsafe impl Send for Block {}

impl Shelf {
    const fn new(limit: usize) -> Self {
        Shelf { blocks: Vec::new(), bytes: 0, limit }
    }

    fn take(&mut self, size: usize, class: usize) -> Option<NonNull<u8>> {
        let block = self.blocks.get_mut(class)?.pop()?;
        self.bytes -= size;
        Some(block.0)
    }

    /// Keeps the block, and frees older ones where there is no room for it; hands it back if it
    /// would not fit alone.
    fn give(&mut self, block: NonNull<u8>, size: usize, class: usize) -> Option<NonNull<u8>> {
        if size > self.limit {
            return Some(block);
        }
        if self.blocks.is_empty() {
            self.blocks.resize_with(CLASSES, Vec::new);
        }
        while self.bytes + size > self.limit {
            self.free(|count| count.div_ceil(8));
        }
        self.blocks[class].push(Block(block));
        self.bytes += size;
        None
    }

    /// Frees as many blocks of each class as `of` makes of their number, the oldest first.
    fn free(&mut self, of: impl Fn(usize) -> usize) {
        for (class, blocks) in self.blocks.iter_mut().enumerate() {
            let size = (4 + class % 4) << (class / 4).saturating_sub(2);
            for block in blocks.drain(..of(blocks.len())) {
                // SAFETY: blocks of this class were made by `fresh(size)`; the shelf owned it.
                unsafe { release(block.0, size) };
                self.bytes -= size;
            }
        }
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.free(|count| count);
    }
}

static SHARED: Mutex<Shelf> = Mutex::new(Shelf::new(KEPT_SHARED));
thread_local! {
    static OWN: RefCell<Shelf> = const { RefCell::new(Shelf::new(KEPT_BY_THREAD)) };
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("sizes are checked before a buffer is made")
}

/// How a huge block is allocated: with room to align it, and for the address of the allocation just
/// below it. Rejected: asking the allocator for the alignment, for it would then write zeros
/// itself, to every page, instead of relying on fresh ones.
fn padded(size: usize) -> Layout {
    layout(size.saturating_add(HUGE), align_of::<usize>())
}

/// A new block of zeros.
fn fresh(size: usize) -> NonNull<u8> {
    let whole = if size < HUGE { layout(size, ALIGN) } else { padded(size) };
    // SAFETY: `size` is at least ALIGN, so not 0.
    let start = unsafe { alloc::alloc_zeroed(whole) };
    let start = NonNull::new(start).unwrap_or_else(|| alloc::handle_alloc_error(whole));
    if size < HUGE {
        return start;
    }
    // At least one address further, as `start` is itself a multiple of its size.
    let ahead = HUGE - start.addr().get() % HUGE;
    // SAFETY: `ahead` is at most HUGE, so `size` bytes from there on are in the allocation; and at
    // least the size of an address, so that one fits between, aligned as both ends are.
    unsafe {
        let block = start.add(ahead);
        block.cast::<NonNull<u8>>().sub(1).write(start);
        advise_huge(block, size);
        block
    }
}

/// Gives a block back to the system.
///
/// # Safety
/// The block came from `fresh(size)`, and nobody refers to it any more.
unsafe fn release(block: NonNull<u8>, size: usize) {
    if size < HUGE {
        // SAFETY: `fresh` allocated it with this layout.
        unsafe { alloc::dealloc(block.as_ptr(), layout(size, ALIGN)) };
    } else {
        // SAFETY: `fresh` wrote the address of the allocation there, and no buffer reaches it.
        unsafe {
            let start = block.cast::<NonNull<u8>>().sub(1).read();
            alloc::dealloc(start.as_ptr(), padded(size));
        }
    }
}

/// Asks the system for huge pages. Advice: whether it is heard changes no value.
#[cfg(target_os = "linux")]
fn advise_huge(block: NonNull<u8>, size: usize) {
    use std::ffi::{c_int, c_void};
    unsafe extern "C" {
        fn madvise(start: *mut c_void, length: usize, advice: c_int) -> c_int;
    }
    const MADV_HUGEPAGE: c_int = 14;
    // SAFETY: the pages are those of the caller's block; the advice changes no byte of them.
    unsafe { madvise(block.as_ptr().cast(), size, MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn advise_huge(_: NonNull<u8>, _: usize) {}

/// Runs `f` on the shelf where blocks of `size` are kept; `None` while the thread is being torn
/// down.
fn on_shelf<R>(size: usize, f: impl FnOnce(&mut Shelf) -> R) -> Option<R> {
    if size <= SMALL {
        OWN.try_with(|own| f(&mut own.borrow_mut())).ok()
    } else {
        // A panic cannot happen while the lock is held, but a poisoned pool is as good as any.
        Some(f(&mut SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner())))
    }
}

/// An initialised block of at least `bytes` bytes, `bytes` not 0, aligned to [`ALIGN`].
pub(crate) fn take(bytes: usize) -> NonNull<u8> {
    let (size, class) = class_of(bytes);
    if let Some(Some(block)) = on_shelf(size, |shelf| shelf.take(size, class)) {
        return block;
    }
    fresh(size)
}

/// Takes back a block that [`take`] gave for the same `bytes`.
///
/// # Safety
/// The block came from `take(bytes)`, and nobody refers to it any more.
pub(crate) unsafe fn give(block: NonNull<u8>, bytes: usize) {
    let (size, class) = class_of(bytes);
    let refused = on_shelf(size, |shelf| shelf.give(block, size, class)).unwrap_or(Some(block));
    if let Some(block) = refused {
        // SAFETY: `take` had it from `fresh(size)`; by contract nobody refers to it.
        unsafe { release(block, size) };
    }
}

/// Bytes that lie unused in the shared part of the pool and in this thread's part.
pub fn idle_bytes() -> usize {
    on_shelf(SMALL, |own| own.bytes).unwrap_or(0)
        + on_shelf(SMALL + 1, |all| all.bytes).unwrap_or(0)
}

/// Gives the unused blocks of the shared part and of this thread's part back to the system.
pub fn clear() {
    for size in [SMALL, SMALL + 1] {
        on_shelf(size, |shelf| *shelf = Shelf::new(shelf.limit));
    }
}

/// Room of a list below which nothing is given back.
const MODEST: usize = 1 << 20;

/// Empties a list that a thread leaves to its next use, and gives back an eighth of the room
/// that this use has not needed: what one large program took is gone after some dozens of small
/// ones, while a loop that goes through large and small ones by turns keeps most of what the
/// large ones need.
pub fn reuse<X>(list: &mut Vec<X>) {
    let (used, room) = (list.len(), list.capacity());
    list.clear();
    if room * size_of::<X>() > MODEST {
        list.shrink_to(room - (room - used) / 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_what_they_use_and_give_back_the_rest_in_time() {
        let mut list = Vec::new();
        let used = |list: &mut Vec<u64>, count| {
            list.resize(count, 0);
            reuse(list);
            list.capacity()
        };
        let large = used(&mut list, 10 * MODEST);
        assert!((0..100).all(|_| used(&mut list, large) == large));
        assert!(used(&mut list, 3) >= large / 8 * 7);
        (0..100).for_each(|_| _ = used(&mut list, 3));
        let left = list.capacity() * size_of::<u64>();
        assert!((1..=MODEST).contains(&left), "{left} bytes");
        assert_eq!(used(&mut list, 3) * size_of::<u64>(), left);
    }

    #[test]
    fn a_class_determines_its_size_and_wastes_at_most_a_quarter() {
        for bytes in (1..5000).chain((1 << 20) - 3..(1 << 20) + 3).chain([usize::MAX / 8]) {
            let (size, class) = class_of(bytes);
            assert!(size >= bytes && size % ALIGN == 0);
            assert!(size <= (bytes + bytes / 4).max(bytes + ALIGN), "{bytes} -> {size}");
            assert_eq!(class_of(size), (size, class));
            assert_eq!((4 + class % 4) << (class / 4 - 2), size, "{bytes}");
        }
    }

    #[test]
    fn sizes_no_longer_asked_for_make_room_for_others() {
        let mut shelf = Shelf::new(1 << 16);
        let mut used = |bytes: usize, count: usize| {
            let (size, class) = class_of(bytes);
            let mut made = 0;
            let taken: Vec<_> = (0..count)
                .map(|_| shelf.take(size, class).unwrap_or_else(|| (made += 1, fresh(size)).1))
                .collect();
            for block in taken {
                assert!(shelf.give(block, size, class).is_none() && shelf.bytes <= shelf.limit);
            }
            made
        };
        assert_eq!((used(1 << 10, 64), used(1 << 10, 64)), (64, 0), "as many as fit are kept");
        assert!((0..100).any(|_| used(1 << 13, 7) == 0), "the others keep their room");
        let (size, class) = class_of(1 << 17);
        let block = shelf.give(fresh(size), size, class).expect("it does not fit");
        // SAFETY: just made, and handed back.
        unsafe { release(block, size) };
    }

    #[test]
    fn blocks_of_all_sizes_are_aligned_zeroed_and_can_be_released() {
        for size in [ALIGN, 1 << 16, HUGE - ALIGN, HUGE, HUGE + (HUGE >> 2), 3 * HUGE] {
            let block = fresh(size);
            assert_eq!(block.addr().get() % if size < HUGE { ALIGN } else { HUGE }, 0, "{size}");
            // SAFETY: the block has `size` initialised bytes, and is released once, after its use.
            unsafe {
                let bytes = std::slice::from_raw_parts_mut(block.as_ptr(), size);
                assert!(bytes.iter().all(|&b| b == 0), "{size}");
                bytes.fill(0xff);
                release(block, size);
            }
        }
    }

    #[test]
    fn a_block_given_back_is_handed_out_again() {
        let a = take(1 << 20);
        // SAFETY: just taken, and not used further.
        unsafe { give(a, 1 << 20) };
        let b = take(1 << 20);
        // SAFETY: just taken, and not used further.
        unsafe { give(b, 1 << 20) };
        assert_eq!(a, b);
    }
}
