//! The service as a program of its own: arguments, the address it tells, its log, and the signals that end it.

use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;

use clap::Parser;
use ticketing::{Config, listen, serve};
use tokio::signal::unix::{SignalKind, signal};
use tracing::error;
use tracing::level_filters::LevelFilter;

/// The reference ticketing service that loadtest brings along.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; loopback unless said otherwise
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The port; 0 takes any free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Answer under /admin: anyone who reaches the port may then reset the world
    #[arg(long)]
    admin: bool,
    /// The least that is logged to standard error: off, error, warn, info, debug (a line for each request), trace
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log: LevelFilter,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log(arguments.log);
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(io::stderr(), "ticketing: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Sends the log to standard error, a line for each event. A panic is one too: it ends a connection, not the
/// service, and would else be several lines.
fn log(least: LevelFilter) {
    tracing_subscriber::fmt().with_max_level(least).with_ansi(false).with_writer(io::stderr).init();
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        error!(place, "panicked: {}", panic.payload_as_str().unwrap_or("without a text"));
    }));
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(async {
        let Arguments { host, port, admin, .. } = arguments;
        let listener = listen(host, *port).await.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!(
                    "port {port} of {host} is in use; end what listens there, or choose another with --port"
                )
            }
            _ => format!("cannot listen on {host}:{port}: {error}"),
        })?;
        let ended = ended().map_err(|error| format!("cannot wait for signals: {error}"))?;
        let address = listener.local_addr().map_err(|error| format!("cannot tell the address: {error}"))?;
        // Whoever started us may not be reading any more; that is no reason not to serve.
        let _ = writeln!(io::stdout(), "listening on http://{address}");
        serve(listener, Config { admin: *admin }, ended)
            .await
            .map_err(|error| format!("cannot serve: {error}"))
    })
}

/// Done at the first Ctrl-C or SIGTERM.
fn ended() -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
