//! HTTP/2, as hyper's client speaks it, over a connection of a user's own. A user sends one request after
//! another, so there is one stream at a time.
//!
//! Requests are those of HTTP/1.1, put into frames. Bytes are counted and timed where they pass the connection,
//! frames and all. Tasks beside the user's drive the connection, and end with it: all of it must be used within
//! a [`LocalSet`](tokio::task::LocalSet).

mod fault;
mod request;
mod tap;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::{Rc, Weak};

use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use tokio::task::JoinSet;

use self::fault::failed;
use self::request::Outgoing;
use self::tap::{Tap, Tapped};
use crate::http::connection::Connection;
use crate::http::error::ExchangeError;
use crate::http::flight::Crash;
use crate::http::head::MAX_HEAD;
use crate::http::request::Request;
use crate::http::{Response, Timing};
use crate::outcome::{OwnFault, Phase};

/// Whether bytes are what a server of HTTP/2 begins with (RFC 9113, 3.4): a frame of settings, and no HTTP/1.
pub(crate) fn is_settings(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 0, _, 4, 0, 0, 0, 0, 0, ..])
}

/// A connection that speaks HTTP/2.
#[derive(Debug)]
pub(crate) struct Http2 {
    sender: SendRequest<Outgoing>,
    tap: Rc<Tap>,
    /// What drives the connection; dropped with it.
    _tasks: Rc<RefCell<JoinSet<()>>>,
}

impl Http2 {
    /// Begins to speak over a connection that is there.
    pub(crate) async fn begin(connection: Connection) -> Result<Http2, ExchangeError> {
        let (tapped, tap) = Tapped::new(connection);
        let tasks = Rc::new(RefCell::new(JoinSet::new()));
        let mut builder = http2::Builder::new(Tasks(Rc::downgrade(&tasks)));
        builder.max_header_list_size(MAX_HEAD as u32);
        let begun = builder.handshake(tapped).await;
        let (sender, driver) = begun.map_err(|error| failed(&error, &tap, false, false))?;
        // How it ends is told to the request that is under way.
        tasks.borrow_mut().spawn_local(async move { drop(driver.await) });
        Ok(Http2 { sender, tap, _tasks: tasks })
    }

    /// Whether it takes another request, as far as is known.
    pub(crate) fn is_idle(&self) -> bool {
        self.sender.is_ready() && self.tap.is_open()
    }

    /// Sends a request and reads its answer. `phase` says how far it got, for whoever has no more time for it.
    pub(crate) async fn exchange(
        &mut self,
        request: &Request<'_>,
        is_reused: bool,
        response: &mut Response,
        timing: &mut Timing,
        phase: &Cell<Phase>,
    ) -> Result<(), Crash> {
        phase.set(Phase::Send);
        let watch = Watch::new(&self.tap, timing);
        let message = request::message(request, &self.tap).map_err(|problem| {
            let detail = format!("this request cannot be sent in HTTP/2: {problem}");
            Crash::Failed(ExchangeError::own(OwnFault::Template, detail))
        })?;
        let mut answer = std::pin::pin!(self.sender.try_send_request(message));
        let answered = poll_fn(|cx| {
            let answered = answer.as_mut().poll(cx);
            if self.tap.is_sent() {
                phase.set(Phase::Wait);
            }
            answered
        });
        let answer = match answered.await {
            Ok(answer) => answer,
            Err(mut error) => {
                // Given back untouched.
                if is_reused && error.take_message().is_some() && !self.tap.has_written() {
                    return Err(Crash::Unsent);
                }
                return Err(Crash::Failed(failed(error.error(), &self.tap, is_reused, false)));
            }
        };
        phase.set(Phase::Receive);
        watch.timing.first_byte_read = Some(self.tap.last_read());
        let (head, body) = answer.into_parts();
        let headers = head.headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
        response.take_head(head.status.as_u16(), headers);
        let received = receive(body, response).await;
        received.map_err(|error| Crash::Failed(failed(&error, &self.tap, is_reused, true)))?;
        watch.timing.ended = self.tap.last_read();
        Ok(())
    }
}

/// Reads a body to its end.
async fn receive(mut body: Incoming, response: &mut Response) -> Result<(), hyper::Error> {
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        // Trailers say nothing that anybody could look at.
        if let Ok(data) = frame?.into_data() {
            response.take_payload(&data);
        }
    }
    Ok(())
}

/// Notes what passed a connection in the time of one exchange, however that ends: also where it is dropped.
struct Watch<'a> {
    tap: &'a Tap,
    timing: &'a mut Timing,
}

impl<'a> Watch<'a> {
    fn new(tap: &'a Rc<Tap>, timing: &'a mut Timing) -> Watch<'a> {
        tap.begin();
        timing.first_byte_written = None;
        Watch { tap, timing }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.timing.first_byte_written = self.tap.first_write();
        (self.timing.bytes_sent, self.timing.bytes_received) = self.tap.counts();
    }
}

/// Where hyper puts the tasks of a connection. They know the set that holds them, and do not keep it alive.
#[derive(Debug, Clone)]
struct Tasks(Weak<RefCell<JoinSet<()>>>);

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, task: F) {
        if let Some(tasks) = self.0.upgrade() {
            let mut tasks = tasks.borrow_mut();
            // Those that are done (each body that was sent is one) are let go as others come.
            while tasks.try_join_next().is_some() {}
            tasks.spawn_local(task);
        }
    }
}
