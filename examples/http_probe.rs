//! What one request costs: CPU time and memory of the HTTP client alone, on one thread.
//!
//!     taskset -c 0 cargo run --release --example http_probe -- serve 9300
//!     taskset -c 1 cargo run --release --example http_probe -- load http://127.0.0.1:9300 50 10
//!     taskset -c 1 wrk -t1 -c50 -d10s -s post.lua http://127.0.0.1:9300/
//!
//! `load URL USERS SECONDS [THINK_MS]`. Linux only: it reads its costs from /proc/self.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use loadtest::http::request::{HeadStart, USER_AGENT, finish, write_head_start, write_header};
use loadtest::http::{KeepBody, Origin, Request, Response, Timing, UserConnections};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::LocalSet;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", port] => local.block_on(&runtime, serve(port.parse()?)),
        ["load", url, users, seconds] => {
            local.block_on(&runtime, load(url, users.parse()?, seconds.parse()?, 0))
        }
        ["load", url, users, seconds, think] => {
            local.block_on(&runtime, load(url, users.parse()?, seconds.parse()?, think.parse()?))
        }
        _ => bail!("http_probe serve PORT | load URL USERS SECONDS [THINK_MS]"),
    }
}

/// A server as cheap as can be: one answer for each read, whatever was asked.
async fn serve(port: u16) -> anyhow::Result<()> {
    const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n\
        date: Thu, 01 Jan 1970 00:00:00 GMT\r\nx-request-id: 0123456789abcdef\r\ncontent-length: 53\r\n\r\n\
        {\"id\":\"0123456789abcdef\",\"seat\":\"A12\",\"state\":\"held\"}";
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::task::spawn_local(async move {
            let mut bytes = vec![0; 2048];
            while let Ok(count) = stream.read(&mut bytes).await {
                if count == 0 || stream.write_all(ANSWER).await.is_err() {
                    break;
                }
            }
        });
    }
}

async fn load(url: &str, users: usize, seconds: u64, think: u64) -> anyhow::Result<()> {
    let origin: Origin = url.parse()?;
    let answered = Rc::new(Cell::new(0_u64));
    let failed = Rc::new(Cell::new(0_u64));
    let memory_before = resident()?;
    for nth in 0..users {
        let (origin, answered, failed) = (origin.clone(), Rc::clone(&answered), Rc::clone(&failed));
        tokio::task::spawn_local(async move {
            // Not all at once: a backlog holds a few hundred.
            tokio::time::sleep(Duration::from_micros(nth as u64 * 200)).await;
            let host = origin.authority();
            let mut connections = UserConnections::new(None);
            let mut response = Response::new();
            let mut timing = Timing::new();
            let mut wire = Vec::new();
            loop {
                wire.clear();
                let start = HeadStart {
                    method: "POST",
                    target: b"/orders",
                    host: &host,
                    user_agent: Some(USER_AGENT),
                };
                let _ = write_head_start(&mut wire, &start);
                let _ = write_header(&mut wire, "content-type", b"application/json");
                finish(&mut wire, "POST", Some(br#"{"event":"concert-1","seats":["A12","A13"]}"#));
                let request = Request {
                    origin: &origin,
                    wire: &wire,
                    is_head: false,
                    timeout: Duration::from_secs(10),
                    keep_body: KeepBody::Always,
                };
                match connections.exchange(&request, &mut response, &mut timing).await {
                    Ok(()) if response.status() == 201 => answered.set(answered.get() + 1),
                    _ => failed.set(failed.get() + 1),
                }
                response.reset();
                if think > 0 {
                    tokio::time::sleep(Duration::from_millis(think)).await;
                }
            }
        });
    }
    // Until all have connected.
    tokio::time::sleep(Duration::from_millis(500 + users as u64 / 2)).await;
    let (before, cpu_before, start) = (answered.get(), cpu()?, Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (count, spent) = (answered.get() - before, cpu()?.saturating_sub(cpu_before));
    let memory = resident()?.saturating_sub(memory_before);
    eprintln!(
        "{count} answers, {} failures, {:.0}/s, {:.2} us CPU each, {:.1} KiB for each user",
        failed.get(),
        count as f64 / start.elapsed().as_secs_f64(),
        spent.as_secs_f64() * 1e6 / count as f64,
        memory as f64 / 1024.0 / users as f64,
    );
    Ok(())
}

/// Time on a core, user and system, to the nanosecond.
fn cpu() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanos = text.split_whitespace().next().context("schedstat is empty")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}

fn resident() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = text.split_whitespace().nth(1).context("statm is short")?.parse()?;
    Ok(pages * 4096)
}
