//! The guided fuzzer's side of a family: what it runs, and how much memory reading may take.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use fuzz::Family;

/// What reading may allocate at once besides twice its input (hostile.md W2).
const ALLOCATION_BYTES: usize = 64 * 1024;

/// The system's allocator, which ends the process when one allocation exceeds what was allowed.
struct Watched;

static ALLOWED: AtomicUsize = AtomicUsize::new(usize::MAX);

#[global_allocator]
static ALLOCATOR: Watched = Watched;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        check(size);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn check(size: usize) {
    if size > ALLOWED.load(Relaxed) {
        ALLOWED.store(usize::MAX, Relaxed);
        panic!("{size} bytes at once");
    }
}

/// One input of the fuzzer; the family is named by the program.
pub fn run(bytes: &[u8]) {
    static FAMILY: OnceLock<&'static Family> = OnceLock::new();
    let family = FAMILY.get_or_init(|| {
        let name = std::env::var("FUZZ_FAMILY").expect("FUZZ_FAMILY names the family");
        Family::named(&name).expect("a family")
    });
    if family.is_decoder {
        ALLOWED.store(ALLOCATION_BYTES + 2 * bytes.len(), Relaxed);
    }
    family.try_out(bytes);
    ALLOWED.store(usize::MAX, Relaxed);
}
