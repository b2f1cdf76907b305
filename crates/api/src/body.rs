//! A body of pieces that ends with trailers: what is known only when the last row was sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::HttpBody;
use axum::http::HeaderMap;
use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt};
use http_body::Frame;
use vitals_query::QueryError;

/// A piece of a body.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Bytes.
    Data(Bytes),
    /// The last bytes, and the trailers.
    Last(Bytes, HeaderMap),
}

/// The body.
pub(crate) struct Trailed {
    pieces: BoxStream<'static, Result<Piece, QueryError>>,
    trailers: Option<HeaderMap>,
}

impl Trailed {
    pub(crate) fn new(
        pieces: impl Stream<Item = Result<Piece, QueryError>> + Send + 'static,
    ) -> Self {
        Self { pieces: pieces.boxed(), trailers: None }
    }
}

impl HttpBody for Trailed {
    type Data = Bytes;
    type Error = QueryError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, QueryError>>> {
        if let Some(trailers) = self.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        self.pieces.poll_next_unpin(context).map(|piece| {
            Some(piece?.map(|piece| match piece {
                Piece::Data(bytes) => Frame::data(bytes),
                Piece::Last(bytes, trailers) => {
                    self.trailers = Some(trailers);
                    Frame::data(bytes)
                }
            }))
        })
    }
}
