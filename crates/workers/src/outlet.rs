//! An answer on its way from a worker to its reader.
//!
//! Holds as many bytes as an ordinary answer may have, so that a slow reader does not keep a worker; an
//! export that is larger waits for its reader. Promises that a reader who goes away is noticed.

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use vitals_model::limits::QUERY_ANSWER_BYTES_MAX;
use vitals_query::QueryError;
use vitals_query::answers::Piece;

use crate::batches;

/// Most pieces that wait, however small.
const PIECES: usize = 1024;

type Held = (Result<Piece, QueryError>, Option<OwnedSemaphorePermit>);

/// The worker's end.
#[derive(Debug)]
pub(crate) struct Outlet {
    to: mpsc::Sender<Held>,
    room: Arc<Semaphore>,
}

/// Both ends: one to put pieces in, one to read them from.
pub(crate) fn outlet() -> (Outlet, BoxStream<'static, Result<Piece, QueryError>>) {
    let (to, from) = mpsc::channel::<Held>(PIECES);
    let room = Arc::new(Semaphore::new(QUERY_ANSWER_BYTES_MAX));
    let pieces = futures::stream::unfold(from, |mut from| async {
        let (piece, _room) = from.recv().await?;
        Some((piece, from))
    });
    (Outlet { to, room }, pieces.boxed())
}

impl Outlet {
    /// Puts rows in, once there is room. False: the reader is gone.
    pub(crate) async fn rows(&self, batch: RecordBatch) -> bool {
        let bytes = batches::bytes(&batch).min(QUERY_ANSWER_BYTES_MAX);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes);
        tokio::select! {
            room = room => match room {
                Ok(room) => self.to.send((Ok(Piece::Batch(batch)), Some(room))).await.is_ok(),
                Err(_) => false,
            },
            () = self.gone() => false,
        }
    }

    /// Puts the end in, good or bad.
    pub(crate) async fn end(&self, end: Result<Piece, QueryError>) {
        // An error means that the reader is gone.
        self.to.send((end, None)).await.unwrap_or_default();
    }

    /// Puts a bad end in, and waits for nobody: a reader without room hears that the answer broke off.
    pub(crate) fn fail(self, error: QueryError) {
        self.to.try_send((Err(error), None)).unwrap_or_default();
    }

    /// Ends when the reader is gone.
    pub(crate) async fn gone(&self) {
        self.to.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, BinaryArray};
    use futures::FutureExt;

    use super::*;

    fn batch(bytes: usize) -> RecordBatch {
        let column: ArrayRef = Arc::new(BinaryArray::from_vec(vec![&vec![0; bytes]]));
        RecordBatch::try_from_iter([("bytes", column)]).unwrap()
    }

    #[tokio::test]
    async fn an_ordinary_answer_needs_no_reader_and_a_larger_one_waits_for_its() {
        let (outlet, mut pieces) = outlet();
        let part = QUERY_ANSWER_BYTES_MAX / 4 - 64;
        for _ in 0..4 {
            assert_eq!(outlet.rows(batch(part)).now_or_never(), Some(true));
        }
        assert!(outlet.rows(batch(part)).now_or_never().is_none(), "full");
        pieces.next().await.unwrap().unwrap();
        assert_eq!(outlet.rows(batch(part)).now_or_never(), Some(true));
        let waiting = outlet.rows(batch(2 * QUERY_ANSWER_BYTES_MAX));
        drop(pieces);
        assert!(!waiting.await, "nobody waits for a reader that is gone");
        outlet.gone().await;
    }
}
