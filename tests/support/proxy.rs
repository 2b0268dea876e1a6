//! A small proxy that opens ways (CONNECT) and passes bytes on.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running proxy. It refuses with `status` where that is not 200.
#[derive(Debug)]
pub(crate) struct Tunnels {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Tunnels {
    pub(crate) fn start(status: u16) -> Tunnels {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let heads = Arc::clone(&theirs);
                // An error is somebody's going away: nothing to do about it here.
                thread::spawn(move || serve(stream, status, &heads));
            }
        });
        Tunnels { address, heads }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked: the heads of requests, as they came.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, status: u16, heads: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let authority = head.split(' ').nth(1).unwrap_or_default().to_owned();
    heads.lock().unwrap().push(head);
    if status != 200 {
        return write!(client, "HTTP/1.1 {status} Whatever\r\ncontent-length: 0\r\n\r\n");
    }
    let server = TcpStream::connect(authority)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (back_from, back_to) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || pass_on(back_from, back_to));
    pass_on(client, server);
    Ok(())
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
