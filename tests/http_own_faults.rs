//! What this machine cannot do is never blamed on the target. Alone in its process, whose limits it changes.

mod support;

use std::time::Duration;

use loadtest::http::{ExchangeError, KeepBody, Origin, Request, Response, Timing, UserConnections};
use loadtest::outcome::OwnFault;
use rustix::process::{Resource, getrlimit, setrlimit};
use support::faulty::{Behaviour, Faulty};

#[tokio::test]
async fn running_out_of_descriptors_is_our_own_fault() {
    let server = Faulty::start(Behaviour::Ok);
    let origin: Origin = server.url().parse().unwrap();
    let request = Request {
        origin: &origin,
        wire: b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        insets: &[],
        is_head: false,
        timeout: Duration::from_secs(10),
        keep_body: KeepBody::Never,
    };
    let (mut response, mut timing) = (Response::new(), Timing::new());

    let before = getrlimit(Resource::Nofile);
    let mut few = before;
    few.current = Some(3);
    setrlimit(Resource::Nofile, few).unwrap();
    let outcome = <UserConnections>::default().exchange(&request, &mut response, &mut timing).await;
    setrlimit(Resource::Nofile, before).unwrap();

    let Err(ExchangeError::Own { fault, detail }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(fault, OwnFault::NoDescriptors);
    assert!(detail.contains("ulimit -n"), "{detail}");
    let outcome = <UserConnections>::default().exchange(&request, &mut response, &mut timing).await;
    assert_eq!(outcome, Ok(()));
}
