//! `loadtest target`: the bundled service in the foreground, or as the child of a run.

use std::io::Write as _;

use anyhow::Context as _;

use crate::cli::TargetArgs;
use crate::exit::Exit;
use crate::target::announce;

pub(super) fn run(args: &TargetArgs) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(args))
}

async fn serve(args: &TargetArgs) -> anyhow::Result<Exit> {
    let listener = ticketing::listen("127.0.0.1", args.port).await.with_context(|| {
        let port = args.port;
        format!(
            "cannot listen on 127.0.0.1:{port}; choose another with `--port`, or `--port 0` for a free one"
        )
    })?;
    let url = format!("http://{}", listener.local_addr()?);
    announce(&mut std::io::stdout(), &url)?;
    if !args.child {
        let admin = if args.admin { "" } else { "; start it with --admin for /admin/reset and /admin/audit" };
        let _ = writeln!(std::io::stderr(), "the ticketing service; Ctrl-C ends it{admin}");
    }
    let child = args.child;
    let shutdown = async move {
        if child {
            parent_is_gone().await;
        } else {
            crate::signals::first().await;
        }
    };
    let config = ticketing::Config { admin: args.admin, ..ticketing::Config::default() };
    ticketing::serve(listener, config, shutdown).await?;
    Ok(Exit::Passed)
}

/// Ready when standard input closes: the parent has ended, or wants this to end.
async fn parent_is_gone() {
    let (gone, heard) = tokio::sync::oneshot::channel();
    // A thread of its own: a blocking read of standard input would keep the runtime from ending.
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        let _ = std::io::Read::read_to_end(&mut std::io::stdin(), &mut rest);
        let _ = gone.send(());
    });
    let _ = heard.await;
}
