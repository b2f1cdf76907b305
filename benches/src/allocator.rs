//! mimalloc, as the product uses it, with a count of live bytes that can be switched on.
//!
//! Promises to cost one untaken branch while it is off. What was allocated before and is freed after it was switched
//! on counts as negative, so only differences mean something.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ON: AtomicBool = AtomicBool::new(false);
static LIVE_BYTES: AtomicIsize = AtomicIsize::new(0);

struct Counting;

fn count(bytes: usize, sign: isize) {
    if ON.load(Ordering::Relaxed) {
        let bytes = isize::try_from(bytes).expect("a layout's size fits isize");
        LIVE_BYTES.fetch_add(sign * bytes, Ordering::Relaxed);
    }
}

#[expect(unsafe_code, reason = "an allocator cannot be written without; it only forwards")]
// SAFETY: every call is forwarded to mimalloc as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller's promises are mimalloc's.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the caller's promises are mimalloc's.
        unsafe { MiMalloc.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(layout.size(), -1);
        count(new_size, 1);
        // SAFETY: the caller's promises are mimalloc's.
        unsafe { MiMalloc.realloc(at, layout, new_size) }
    }
}

/// Switches the count on or off.
pub(crate) fn counting(on: bool) {
    ON.store(on, Ordering::Relaxed);
}

/// Bytes allocated less bytes freed while the count was on.
pub(crate) fn live_bytes() -> isize {
    LIVE_BYTES.load(Ordering::Relaxed)
}
