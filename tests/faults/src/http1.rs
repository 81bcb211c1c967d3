//! A GET request over a connection of its own, as a client behind a failing network makes one.

use std::{io, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The host that the application believes itself to be.
pub(crate) const HOST: &str = "localhost";

/// Requests `path`, and reads the whole response.
pub(crate) async fn get(server: SocketAddr, path: &str, headers: HeaderMap) -> io::Result<Response<Bytes>> {
    let stream = TcpStream::connect(server).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let mut request = Request::get(path)
        .header(header::HOST, HOST)
        .header("sec-fetch-site", "none")
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    request.headers_mut().extend(headers);
    let answer = async {
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        Ok(Response::from_parts(parts, body))
    };
    tokio::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        ended = connection => match ended {
            // The connection may end in the same moment in which the body does.
            Ok(()) => answer.await,
            Err(error) => Err(io::Error::other(error)),
        },
    }
}
