//! Sockets and threads: one acceptor, a worker per core, and an end that waits for whoever is being served.
//!
//! Each worker is a thread with a runtime of its own, and a connection stays with the worker it was given to.

use std::error::Error;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{error, warn};

use crate::http::{Front, Reset};

/// How often what has expired is cleared away although nobody asks for it.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// How long a connection that is not being served may stay once the service is to end.
const IDLE_GRACE: Duration = Duration::from_secs(1);
/// How long to wait when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// The largest head of a request: its first line and all headers. There may be a hundred of those.
const LARGEST_HEAD: usize = 32 * 1024;

/// A connection on its way to a worker, with its place among the most there may be.
type Handover = (std::net::TcpStream, OwnedSemaphorePermit);
/// Never full: each connection in it has its place.
type Connections = mpsc::UnboundedSender<Handover>;

/// Serves at most so many connections at once, until `shutdown` is done and all requests under way are answered.
pub(crate) async fn run(
    listener: TcpListener,
    front: Front,
    most_connections: usize,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let incoming = Incomers { listener, places: Arc::new(Semaphore::new(most_connections)) };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    if cores == 1 || !front.is_free_of_runtimes() {
        // Another thread on the same core would only cost switches; and what waits for servers stays on the
        // runtime that it was given, which has the threads it needs.
        let (connections, given) = mpsc::unbounded_channel();
        tokio::join!(accept(incoming, vec![connections], &front, shutdown), work(given, front.clone()));
        return Ok(());
    }
    let (mut workers, mut ends) = (Vec::new(), Vec::new());
    for number in 0..cores {
        let (connections, end) = start_worker(number, front.clone())?;
        workers.push(connections);
        ends.push(end);
    }
    accept(incoming, workers, &front, shutdown).await;
    for end in ends {
        // The sender is dropped when the thread ends, however it does.
        let _ = end.await;
    }
    Ok(())
}

fn start_worker(number: usize, front: Front) -> io::Result<(Connections, oneshot::Receiver<()>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (connections, given) = mpsc::unbounded_channel();
    let (ended, end) = oneshot::channel();
    thread::Builder::new().name(format!("ticketing-{number}")).spawn(move || {
        runtime.block_on(work(given, front));
        drop(ended);
    })?;
    Ok((connections, end))
}

/// Where connections come in, as long as there are places for them.
struct Incomers {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Incomers {
    /// The next connection. Those for which there is no place stay with the system, which has room for some.
    async fn next(&self) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, _) = self.listener.accept().await?;
        Ok((stream, place))
    }
}

/// Gives connections to the workers in turn. Returning drops their channels, which tells them to end.
async fn accept(
    incoming: Incomers,
    workers: Vec<Connections>,
    front: &Front,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let mut sweep = interval(SWEEP_EVERY);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for worker in workers.iter().cycle() {
        let (stream, place) = loop {
            tokio::select! {
                () = &mut shutdown => {
                    // Requests under way are waited for, and those that are held up on purpose need not be.
                    front.clear_faults();
                    return;
                }
                next = incoming.next() => match next {
                    Ok(next) => break next,
                    // One client's failure, or no descriptors for now: neither ends the service.
                    Err(error) => {
                        warn!(%error, "cannot accept a connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                _ = sweep.tick() => front.sweep(),
            }
        };
        // Answers are small and whole; holding one back for more to come would only delay it.
        let _ = stream.set_nodelay(true);
        // Taken off this thread's poll, to be put on the worker's.
        match stream.into_std() {
            Ok(stream) => {
                // The client finds its connection closed.
                if worker.send((stream, place)).is_err() {
                    error!("a worker has ended before the service");
                }
            }
            Err(error) => warn!(%error, "cannot hand a connection over"),
        }
    }
}

/// Serves the connections it is given, and ends when no more can come and all are done.
async fn work(mut given: mpsc::UnboundedReceiver<Handover>, front: Front) {
    let (stop, stopped) = watch::channel(());
    while let Some((stream, place)) = given.recv().await {
        match TcpStream::from_std(stream) {
            Ok(stream) => {
                let served = serve_connection(stream, front.clone(), stopped.clone());
                tokio::spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(error) => warn!(%error, "cannot take a connection over"),
        }
    }
    stop.send_replace(());
    drop(stopped);
    // Each connection holds a receiver for as long as it lasts.
    stop.closed().await;
}

async fn serve_connection(stream: TcpStream, front: Front, mut stopped: watch::Receiver<()>) {
    let busy = AtomicBool::new(false);
    let service = service_fn(|request: Request<Incoming>| {
        let (front, busy) = (&front, &busy);
        async move {
            busy.store(true, Ordering::Relaxed);
            let answer = front.answer(request).await;
            busy.store(false, Ordering::Relaxed);
            answer
        }
    });
    let mut connection = http1::Builder::new()
        // As the scripts of some clients spell them; HTTP itself does not mind.
        .title_case_headers(true)
        .header_read_timeout(None)
        .max_header_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let by_itself = tokio::select! {
        ended = &mut connection => Some(ended),
        _ = stopped.changed() => None,
    };
    let ended = if let Some(ended) = by_itself {
        ended
    } else {
        Pin::new(&mut connection).graceful_shutdown();
        loop {
            match timeout(IDLE_GRACE, &mut connection).await {
                Ok(ended) => break ended,
                // A request under way is waited for; a half-sent one, or an answer that nobody reads, is not.
                Err(_) if busy.load(Ordering::Relaxed) => {}
                Err(_) => return,
            }
        }
    };
    // What else breaks a connection is the client's business: it is gone, or did not speak HTTP.
    if ended.is_err_and(|error| error.source().is_some_and(<dyn Error>::is::<Reset>)) {
        // Closing then sends no farewell but a reset, and throws away what was still to be sent.
        let _ = connection.into_parts().io.inner().set_zero_linger();
    }
}
