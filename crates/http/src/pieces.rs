//! Answers that come in pieces, as fast as they are taken.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::mpsc;

/// An answer of that content type. One whose pieces end without a `None` is seen to be cut off. What is `held` is so until
/// the last is taken.
pub(crate) fn in_pieces<H: Send + Unpin + 'static>(
    content_type: &'static str,
    pieces: mpsc::Receiver<Option<Bytes>>,
    held: H,
) -> Response {
    let mut response = Response::new(Body::new(Pieces {
        pieces,
        is_over: false,
        _held: held,
    }));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A body that comes in pieces.
struct Pieces<H> {
    pieces: mpsc::Receiver<Option<Bytes>>,
    is_over: bool,
    _held: H,
}

impl<H: Unpin> hyper::body::Body for Pieces<H> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let frame = match ready!(self.pieces.poll_recv(context)) {
            Some(Some(piece)) => return Poll::Ready(Some(Ok(Frame::data(piece)))),
            Some(None) => None,
            // The connection breaks off, so that the client sees that there was more.
            None => Some(Err(io::ErrorKind::UnexpectedEof.into())),
        };
        self.is_over = true;
        Poll::Ready(frame)
    }
}
