//! A peer on a socket: one thread, hyper with HTTP/1.1, the same for both.

use std::convert::Infallible;
use std::fmt::Debug;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpSocket;
use tokio::task::{LocalSet, spawn_local};
use tower_service::Service;

use crate::peer;

/// Prints the port and serves until its input ends. Tells of a change for each line of it.
pub async fn serve<S, B>(service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + 'static,
    B: Body<Data = Bytes> + 'static,
    B::Error: Debug + std::error::Error + Send + Sync,
{
    let socket = TcpSocket::new_v4().expect("a socket");
    // So that whoever doesn't read is felt soon; connections inherit it.
    socket.set_send_buffer_size(8192).expect("a small buffer");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let listener = socket.listen(4096).expect("a port");
    println!("{}", listener.local_addr().expect("an address").port());
    let accept = async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("no delay");
            let service = TowerToHyperService::new(service.clone());
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            spawn_local(connection);
        }
    };
    let told = async {
        let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || {
            std::io::stdin()
                .lines()
                .map_while(Result::ok)
                .all(|_| sender.send(()).is_ok())
        });
        while lines.recv().await.is_some() {
            peer::tell();
        }
    };
    let local = LocalSet::new();
    local
        .run_until(async {
            tokio::select! { () = accept => {}, () = told => {} }
        })
        .await;
}
