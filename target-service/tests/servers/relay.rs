//! A relay between the service and one of its servers, which cuts the line, or holds back the answer to one
//! statement: so a request is caught exactly where it shall be.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails a test, which is what it is for")]

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};

/// A relay that runs until it is dropped or cut.
pub(crate) struct Relay {
    trap: Arc<Trap>,
    task: JoinHandle<()>,
}

/// What is waited for on all lines, and what came after it.
#[derive(Default)]
struct Trap {
    /// A statement that holds a part of these bytes springs it, once.
    statement: Mutex<Option<Vec<u8>>>,
    sprung: watch::Sender<bool>,
    released: watch::Sender<bool>,
    /// What the service said on the line of that statement afterwards.
    later: Mutex<Vec<Vec<u8>>>,
    said: Notify,
}

impl Relay {
    /// Relays to the server at an address like `mysql://root@127.0.0.1:3306/x`, and gives its address here.
    pub(crate) async fn before(url: &str) -> (Self, String) {
        let authority = url.split("//").nth(1).unwrap().split('/').next().unwrap();
        let server = authority.rsplit('@').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = url.replace(&server, &listener.local_addr().unwrap().to_string());
        let trap = Arc::new(Trap::default());
        let task = tokio::spawn(relay(listener, server, Arc::clone(&trap)));
        (Self { trap, task }, url)
    }

    /// Holds back what the server answers on the line where next a statement with this text goes out.
    pub(crate) fn hold_answer_to(&self, text: &str) {
        *self.trap.statement.lock().unwrap() = Some(text.into());
    }

    pub(crate) async fn sprung(&self) {
        self.trap.sprung.subscribe().wait_for(|&sprung| sprung).await.unwrap();
    }

    /// Lets the answer through, and gives what the service says next on that line.
    pub(crate) async fn release(&self) -> Vec<u8> {
        self.trap.released.send_replace(true);
        loop {
            let said = self.trap.said.notified();
            if let Some(next) = self.trap.later.lock().unwrap().first() {
                return next.clone();
            }
            said.await;
        }
    }

    /// Closes all lines, and takes no more.
    pub(crate) async fn cut(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// The lines end with the listener.
async fn relay(listener: TcpListener, server: String, trap: Arc<Trap>) {
    let mut lines = JoinSet::new();
    loop {
        let Ok((service, _)) = listener.accept().await else { return };
        let Ok(server) = TcpStream::connect(&server).await else { continue };
        let (from_service, to_service) = service.into_split();
        let (from_server, to_server) = server.into_split();
        let caught = watch::Sender::new(false);
        lines.spawn(answers(from_server, to_service, caught.subscribe(), trap.released.subscribe()));
        lines.spawn(statements(from_service, to_server, caught, Arc::clone(&trap)));
    }
}

async fn statements(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    caught: watch::Sender<bool>,
    trap: Arc<Trap>,
) {
    let mut part = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut part).await {
        let said = &part[..length];
        if *caught.borrow() {
            trap.later.lock().unwrap().push(said.to_vec());
            trap.said.notify_one();
        }
        let is_it = |text: &mut Vec<u8>| said.windows(text.len()).any(|window| window == text);
        if trap.statement.lock().unwrap().take_if(is_it).is_some() {
            caught.send_replace(true);
            trap.sprung.send_replace(true);
        }
        if to.write_all(said).await.is_err() {
            return;
        }
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    caught: watch::Receiver<bool>,
    mut released: watch::Receiver<bool>,
) {
    let mut part = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut part).await {
        if *caught.borrow() && released.wait_for(|&released| released).await.is_err() {
            return;
        }
        if to.write_all(&part[..length]).await.is_err() {
            return;
        }
    }
}
