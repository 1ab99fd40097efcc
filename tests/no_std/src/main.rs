//! A program without the standard library that links both sessions and the high-level server and lets them speak. It brings its
//! own panic handler, so it doesn't compile once `std` has crept into the crate or what it depends on.
//! Its exit code is zero when the tool call has come back.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ffi::c_int;
use core::sync::atomic::{AtomicUsize, Ordering};

use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::{CallToolParams, CallToolResult, NO_ARGUMENTS_SCHEMA};
use mcp_proto::server::Event;
use mcp_proto::session::{
    CallOptions, ClientConfig, ClientEvent, Route, ServerConfig, ServerEvent,
};
use mcp_proto::{ClientSession, Instant, Server, ServerSession, Session, Tool};

// The C library has the entry point, `memcpy` and the like; nothing of it is called from here.
#[link(name = "c")]
unsafe extern "C" {}

/// Hands out an arena from front to back and takes nothing back.
struct Arena {
    bytes: UnsafeCell<[u8; SIZE]>,
    used: AtomicUsize,
}

const SIZE: usize = 4 << 20;

#[global_allocator]
static ARENA: Arena = Arena {
    bytes: UnsafeCell::new([0; SIZE]),
    used: AtomicUsize::new(0),
};

// SAFETY: each byte is handed out once, to one caller.
unsafe impl Sync for Arena {}

// SAFETY: the ranges handed out never overlap, are aligned, and lie inside the arena.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = self.bytes.get() as usize;
        let take = |used: usize| {
            let start = (base + used).next_multiple_of(layout.align()) - base;
            start.checked_add(layout.size()).filter(|end| *end <= SIZE)
        };
        match self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
        {
            Ok(used) => {
                let start = (base + used).next_multiple_of(layout.align()) - base;
                // SAFETY: `take` has found the range to lie inside the arena.
                unsafe { self.bytes.get().cast::<u8>().add(start) }
            }
            Err(_) => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

// `alloc` comes compiled for unwinding and names these two; a program that aborts never calls them.
#[unsafe(no_mangle)]
pub extern "C" fn rust_eh_personality() {}
#[unsafe(no_mangle)]
pub extern "C" fn _Unwind_Resume() {}

/// The program.
#[unsafe(no_mangle)]
pub extern "C" fn main(_: c_int, _: *const *const u8) -> c_int {
    match (by_hand(), by_handler()) {
        (Some(true), Some(true)) => 0,
        _ => 1,
    }
}

/// With a server that answers by hand.
fn by_hand() -> Option<bool> {
    let tools = ServerCapabilities::new().tools(false);
    let server = ServerSession::new(ServerConfig::new("server", "1").capabilities(tools));
    converse(server, |server, now, event| {
        if let ServerEvent::Request(request) = event {
            let result = CallToolResult::text("done");
            server.reply::<CallTool>(now, request.id, &result).ok()?;
        }
        Some(())
    })
}

/// With a server whose tool is a function.
fn by_handler() -> Option<bool> {
    let tool = Tool::new("work", NO_ARGUMENTS_SCHEMA);
    let server = Server::new("server", "1").tool(tool, |_, (): ()| Ok("done"));
    converse(server.service(), |service, now, event| {
        if let Event::Job(job) = event {
            service.handle_outcome(now, job.run());
        }
        Some(())
    })
}

/// Opens a session, calls a tool and compares the answer; `None` when a command was refused.
fn converse<S: Session>(
    mut server: S,
    mut answer: impl FnMut(&mut S, Instant, S::Event) -> Option<()>,
) -> Option<bool> {
    let mut client = ClientSession::new(ClientConfig::new("client", "1"));
    let now = Instant::ZERO;
    client.open(now).ok()?;
    for _ in 0..8 {
        carry(&mut client, &mut server, now);
        while let Some(event) = server.poll_event() {
            answer(&mut server, now, event)?;
        }
        carry(&mut server, &mut client, now);
        while let Some(event) = client.poll_event() {
            match event {
                ClientEvent::Opened { .. } => {
                    let params = CallToolParams::new("work");
                    client
                        .call::<CallTool>(now, &params, CallOptions::new())
                        .ok()?;
                }
                ClientEvent::Completed(call) => {
                    let result = call.result::<CallTool>().ok()?;
                    return Some(result.content.first()?.as_text() == Some("done"));
                }
                _ => {}
            }
        }
    }
    None
}

fn carry(from: &mut impl Session, to: &mut impl Session, now: Instant) {
    let mut frame = Vec::new();
    while from.poll_transmit(&mut frame).is_some() {
        to.handle_frame(now, Route::Pipe, core::mem::take(&mut frame).into());
    }
}
