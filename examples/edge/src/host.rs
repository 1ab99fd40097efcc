//! What a host calls: `room` for a request, which it fills in, and `answer`, which takes the room back
//! and returns where the answer lies, after its length in four bytes.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::panic::PanicInfo;
use core::{ptr, slice};

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Returns room for a request of so many bytes.
#[unsafe(no_mangle)]
extern "C" fn room(length: usize) -> *mut u8 {
    let room: Box<[u8]> = vec![0; length].into();
    Box::into_raw(room).cast()
}

/// Answers the request in a `room` of this length.
#[unsafe(no_mangle)]
unsafe extern "C" fn answer(room: *mut u8, length: usize) -> *const u8 {
    // SAFETY: the host gives the room that it was given, once, and its length.
    let request = unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(room, length)) };
    let answer = crate::answer(&request);
    let mut said = Vec::from((answer.len() as u32).to_le_bytes());
    said.extend_from_slice(&answer);
    let said: Box<[u8]> = said.into();
    Box::into_raw(said).cast()
}

/// Takes an answer back that was read.
#[unsafe(no_mangle)]
unsafe extern "C" fn done(answer: *mut u8) {
    // SAFETY: the host gives an answer that it was given, once; its length stands before it.
    unsafe {
        let mut length = [0; 4];
        length.copy_from_slice(slice::from_raw_parts(answer, 4));
        let length = u32::from_le_bytes(length) as usize + 4;
        drop(Box::from_raw(ptr::slice_from_raw_parts_mut(answer, length)));
    }
}
