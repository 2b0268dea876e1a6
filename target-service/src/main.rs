//! The service as a program of its own: arguments, the address it tells, its log, the signals that end it, and
//! the question for its health that a container without a shell needs.

use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use ticketing::{Clock, Config, PORT, Servers, Surroundings, health, listen, serve_in};
use tokio::signal::unix::{SignalKind, signal};
use tracing::error;
use tracing::level_filters::LevelFilter;

/// The reference ticketing service that loadtest brings along.
///
/// Each flag may also be given by the environment, as in a container.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; loopback unless said otherwise
    #[arg(long, env = "TICKETING_HOST", default_value = "127.0.0.1")]
    host: String,
    /// The port; 0 takes any free one
    #[arg(long, env = "TICKETING_PORT", default_value_t = PORT)]
    port: u16,
    /// Answer under /admin: anyone who reaches the port may then reset the world
    #[arg(long, env = "TICKETING_ADMIN")]
    admin: bool,
    /// Keep the world in `MySQL` or `MariaDB`, as in `mysql://user:password@host:3306/database`; needs --cache
    #[arg(long, value_name = "URL", requires = "cache", env = "TICKETING_STORE", hide_env_values = true)]
    store: Option<String>,
    /// The Redis for tokens, locks, pages and order events, as in `redis://host:6379`; needs --store
    #[arg(long, value_name = "URL", requires = "store", env = "TICKETING_CACHE", hide_env_values = true)]
    cache: Option<String>,
    /// The most connections at once; further ones wait until one ends
    #[arg(long, value_name = "COUNT", env = "TICKETING_MOST_CONNECTIONS", default_value_t = Config::DEFAULT.most_connections)]
    most_connections: usize,
    /// The least that is logged to standard error: off, error, warn, info, debug (a line for each request), trace
    #[arg(long, value_name = "LEVEL", env = "TICKETING_LOG", default_value = "warn")]
    log: LevelFilter,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Ask a running service whether it is ready, and end with 0 if it is and with 1 if not
    Health {
        /// What to ask; without it, /readyz at the port of this machine that `--port` or `TICKETING_PORT` names
        #[arg(long)]
        url: Option<String>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        Some(Command::Health { url }) => ask(&arguments, url.as_deref()),
        None => {
            log(arguments.log);
            run(&arguments)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(io::stderr(), "ticketing: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Asks for the service's health, and tells its answer.
fn ask(arguments: &Arguments, url: Option<&str>) -> Result<(), String> {
    let of_this_machine = format!("http://127.0.0.1:{}/readyz", arguments.port);
    let url = url.unwrap_or(&of_this_machine);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(health(url)).map_err(|error| format!("{url}: {error}"))?;
    let _ = writeln!(io::stdout(), "{url}: ready");
    Ok(())
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
    raise_open_files();
    let servers = arguments.store.clone().zip(arguments.cache.clone());
    let servers = servers.map(|(database, cache)| Servers { database, cache });
    // In memory, the service has threads of its own for requests.
    let mut runtime = match servers {
        None => tokio::runtime::Builder::new_current_thread(),
        Some(_) => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.enable_all().build().map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(async {
        let &Arguments { ref host, port, admin, most_connections, .. } = arguments;
        let listener = listen(host, port).await.map_err(|error| match error.kind() {
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
        let surroundings = Surroundings { clock: Clock::system(), servers };
        serve_in(listener, Config { admin, most_connections }, surroundings, ended)
            .await
            .map_err(|error| format!("cannot serve: {error}"))
    })
}

/// Each connection is an open file, and many shells allow few of them until a program asks for more.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // Where that is refused, connections beyond are too, one by one.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
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
