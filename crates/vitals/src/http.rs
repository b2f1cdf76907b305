//! Listeners: one for everyone, and one on the loopback interface for the control door.
//!
//! Promises that requests under way when the process stops are given a moment to end.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use vitals_api::Router;

use crate::failure::{OrFail, Outcome};
use crate::supervisor::Stop;

/// How long requests under way may take once the process stops.
const GRACE: Duration = Duration::from_secs(10);

/// Takes an address.
pub(crate) async fn bind(address: SocketAddr) -> Outcome<(TcpListener, SocketAddr)> {
    let what = format!("nothing can be served at {address}");
    let mend = "choose another address with --listen, or stop what uses this one";
    let listener = TcpListener::bind(address).await.or_fail(&what, mend)?;
    let bound = listener.local_addr().or_fail(&what, mend)?;
    Ok((listener, bound))
}

/// Serves until it is time to stop.
pub(crate) async fn serve(listener: TcpListener, routes: Router, stop: Stop) -> Outcome {
    let graceful = stop.clone();
    let serving = vitals_api::serve(listener, routes, async move { graceful.stopped().await });
    let overdue = async {
        stop.stopped().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        done = serving => done.or_fail("HTTP cannot be served", ""),
        () = overdue => Ok(()),
    }
}
