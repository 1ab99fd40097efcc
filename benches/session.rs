//! Both sessions in memory, bytes to bytes, in both eras, beside plain serde on the same frames;
//! and what large frames cost. No I/O.

#[expect(dead_code, reason = "every session has a server of its own here")]
mod echo;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcp_proto::Era;
use mcp_proto::frame::LineDecoder;
use mcp_proto::model::method::{CallTool, EmptyResult, ListTools, Ping};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::tool::{CallToolParams, CallToolResult, ListToolsResult, Tool};
use mcp_proto::rpc::Raw;
use mcp_proto::session::{CallOptions, ClientEvent, Session};

use self::echo::floor::Floor;
use self::echo::{MESSAGE, Sessions};

const ERAS: [(&str, Era); 2] = [("legacy", Era::Legacy), ("modern", Era::Modern)];

fn echo(criterion: &mut Criterion) {
    for (name, era) in ERAS {
        let mut group = criterion.benchmark_group(format!("echo/{name}"));
        let mut sessions = Sessions::open(era);
        let mut floor = Floor::like(&mut sessions, MESSAGE);
        let frames = sessions.frames(MESSAGE);
        group.throughput(Throughput::Bytes(
            frames.iter().map(Vec::len).sum::<usize>() as u64,
        ));
        group.bench_function("floor", |b| b.iter(|| floor.echo(black_box(MESSAGE))));
        group.bench_function("sessions", |b| b.iter(|| sessions.echo(black_box(MESSAGE))));
        group.finish();
    }
}

fn ping(criterion: &mut Criterion) {
    let mut sessions = Sessions::open(Era::Legacy);
    criterion.bench_function("ping/legacy", |b| {
        b.iter(|| {
            let call = sessions.client.ping(sessions.now, CallOptions::new());
            let call = call.expect("the session is open");
            sessions.carry_to_server();
            sessions.carry_to_client();
            let Some(ClientEvent::Completed(completed)) = sessions.client.poll_event() else {
                panic!("the ping has not ended");
            };
            assert_eq!(completed.of::<Ping>(call), Some(Ok(EmptyResult::new())));
        });
    });
}

fn tools(criterion: &mut Criterion) {
    const SCHEMA: &str = r#"{"type":"object","properties":{"message":{"type":"string","description":"The message to process"},"count":{"type":"integer","minimum":0}},"required":["message"]}"#;
    let names: Vec<String> = (0..100).map(|n| format!("tool_{n:03}")).collect();
    let schema = Raw::new(SCHEMA).expect("it is JSON");
    let about = "Does something useful with its two arguments and returns a text result.";
    let tool = |name| Tool::new(name, schema.reborrow()).description(about);
    let list = ListToolsResult::new(names.iter().map(tool).collect());
    let bytes = serde_json::to_string(&list).expect("it is JSON").len() as u64;
    let mut group = criterion.benchmark_group("tools/list of 100");
    group.throughput(Throughput::Bytes(bytes));
    for (name, era) in ERAS {
        let mut sessions = Sessions::open(era);
        group.bench_function(name, |b| {
            b.iter(|| {
                let params = PaginatedRequestParams::new();
                let call =
                    sessions
                        .client
                        .call::<ListTools>(sessions.now, &params, CallOptions::new());
                let call = call.expect("the session is open");
                sessions.carry_to_server();
                let request = sessions.request();
                sessions
                    .server
                    .reply::<ListTools>(sessions.now, request.id, &list)
                    .expect("the request is open");
                sessions.carry_to_client();
                let Some(ClientEvent::Completed(completed)) = sessions.client.poll_event() else {
                    panic!("the call has not ended");
                };
                let list = completed.of(call).expect("it is this call");
                assert_eq!(list.expect("it has a result").tools.len(), 100);
            });
        });
    }
    group.finish();
}

fn large_text(criterion: &mut Criterion) {
    let line = "00000042 the quick brown \"fox\" jumps over the lazy dog and keeps running far\n";
    for size in [64 << 10, 1 << 20] {
        let text = line.repeat(size / line.len());
        let mut group = criterion.benchmark_group(format!("text of {} KiB", size >> 10));
        group.throughput(Throughput::Bytes(text.len() as u64));
        for (name, era) in ERAS {
            let mut sessions = Sessions::open(era);
            group.bench_function(name, |b| {
                b.iter(|| {
                    let params = CallToolParams::new("read");
                    let call =
                        sessions
                            .client
                            .call::<CallTool>(sessions.now, &params, CallOptions::new());
                    let call = call.expect("the session is open");
                    sessions.carry_to_server();
                    let request = sessions.request();
                    sessions
                        .server
                        .reply::<CallTool>(
                            sessions.now,
                            request.id,
                            &CallToolResult::text(text.as_str()),
                        )
                        .expect("the request is open");
                    sessions.carry_to_client();
                    let Some(ClientEvent::Completed(completed)) = sessions.client.poll_event()
                    else {
                        panic!("the call has not ended");
                    };
                    let result = completed.of(call).expect("it is this call");
                    let result = result.expect("it has a result");
                    assert_eq!(result.content[0].as_text(), Some(text.as_str()));
                });
            });
        }
        group.finish();
    }
}

/// The same frame in one piece and in many: the cost must not depend on how it was cut.
fn chunks(criterion: &mut Criterion) {
    let mut frame = format!(
        r#"{{"jsonrpc":"2.0","method":"x","params":{{"t":"{}"}}}}"#,
        "x".repeat(1 << 20)
    );
    frame.push('\n');
    let mut group = criterion.benchmark_group("1 MiB frame");
    group.throughput(Throughput::Bytes(frame.len() as u64));
    for (name, chunk) in [("one piece", frame.len()), ("4 KiB chunks", 4 << 10)] {
        let mut sessions = Sessions::open(Era::Legacy);
        let mut decoder = LineDecoder::new(16 << 20);
        group.bench_function(name, |b| {
            b.iter(|| {
                for chunk in frame.as_bytes().chunks(chunk) {
                    decoder.push(chunk);
                    while let Some(frame) = decoder.next_frame() {
                        let frame = frame.expect("it is a good line");
                        let route = mcp_proto::session::Route::Pipe;
                        sessions.server.handle_frame(sessions.now, route, frame);
                    }
                }
                assert!(sessions.server.poll_event().is_some());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, echo, ping, tools, large_text, chunks);
criterion_main!(benches);
