//! Names to addresses, asked once per worker and name.
//!
//! A load test asks whether the service holds, not its resolver: a thousand users that start together must
//! not send a thousand queries, nor queue for the few threads that the blocking resolver runs on. So the
//! first asks, the others wait for the same answer, and it is kept for the run. A failure is not kept.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::http::Origin;

/// More are forgotten: servers that redirect to ever new names must not fill the memory.
const MOST_NAMES: usize = 1024;

/// A name's addresses, there or being asked for.
type Answer = Rc<OnceCell<Rc<[IpAddr]>>>;

thread_local! {
    static KNOWN: RefCell<HashMap<Arc<str>, Answer>> = RefCell::new(HashMap::new());
}

/// What a lookup found.
#[derive(Debug)]
pub(crate) struct Addresses {
    known: Rc<[IpAddr]>,
    port: u16,
    /// Whether the resolver had to be asked, or waited for.
    pub(crate) asked: bool,
}

impl Addresses {
    pub(crate) fn iter(&self) -> impl Iterator<Item = SocketAddr> {
        self.known.iter().map(|&ip| SocketAddr::new(ip, self.port))
    }
}

/// The addresses to try, in this order; never none.
pub(crate) async fn resolve(origin: &Origin) -> io::Result<Addresses> {
    let port = origin.port();
    if let Some(address) = origin.address() {
        return Ok(Addresses { known: Rc::new([address]), port, asked: false });
    }
    let answer = KNOWN.with_borrow_mut(|known| {
        if known.len() >= MOST_NAMES && !known.contains_key(origin.host()) {
            known.clear();
        }
        match known.get(origin.host()) {
            Some(answer) => Rc::clone(answer),
            None => Rc::clone(known.entry(Arc::from(origin.host())).or_default()),
        }
    });
    if let Some(known) = answer.get() {
        return Ok(Addresses { known: Rc::clone(known), port, asked: false });
    }
    let known = answer
        .get_or_try_init(|| async {
            let found: Rc<[IpAddr]> =
                tokio::net::lookup_host((origin.host(), port)).await?.map(|address| address.ip()).collect();
            if found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
            }
            Ok(found)
        })
        .await?;
    Ok(Addresses { known: Rc::clone(known), port, asked: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn asks_once_per_name() {
        let origin: Origin = "http://localhost:7".parse().unwrap();
        assert!(resolve(&origin).await.unwrap().asked);
        let again = resolve(&"http://localhost:8".parse().unwrap()).await.unwrap();
        assert!(!again.asked);
        assert!(again.iter().all(|address| address.port() == 8 && address.ip().is_loopback()));
        let literal = resolve(&"http://[::1]:9".parse().unwrap()).await.unwrap();
        assert_eq!(literal.iter().collect::<Vec<_>>(), ["[::1]:9".parse().unwrap()]);
    }
}
