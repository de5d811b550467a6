//! Runs a simulator for programs in any language.
//!
//! - `bedrock-sim --listen 127.0.0.1:0 [--script FILE.json]` simulates Bedrock Runtime. The format of the file is that of
//!   [`outlay_bedrock_sim::Script`].
//! - `bedrock-sim --listen 127.0.0.1:0 --serve sts` simulates the Security Token Service.
//!
//! The program prints its URL on one line. It serves until its standard input closes or it receives a signal to stop.

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use outlay_bedrock_sim::{BedrockSim, Script, StsSim};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

const USAGE: &str = "usage: bedrock-sim [--listen ADDRESS:PORT] [--script FILE.json | --serve sts]";

fn main() -> ExitCode {
    let Err(error) = Options::from_args(std::env::args().skip(1)).and_then(serve) else {
        return ExitCode::SUCCESS;
    };
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        message += &format!(": {error}");
        source = error.source();
    }
    // Writing fails if standard error is closed.
    let _ = writeln!(io::stderr(), "bedrock-sim: {message}");
    ExitCode::FAILURE
}

struct Options {
    listen: SocketAddr,
    script: Option<String>,
    sts: bool,
}

impl Options {
    fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut options = Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), script: None, sts: false };
        while let Some(option) = args.next() {
            match (option.as_str(), args.next()) {
                ("--listen", Some(address)) => {
                    options.listen = address.parse().map_err(|error| format!("--listen {address}: {error}"))?;
                }
                ("--script", Some(file)) => options.script = Some(file),
                ("--serve", Some(service)) if service == "sts" => options.sts = true,
                _ => return Err(USAGE.into()),
            }
        }
        Ok(options)
    }
}

fn serve(options: Options) -> Result<(), Box<dyn Error>> {
    let script = options.script.map(Script::read).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if options.sts {
            let sts = StsSim::start_on(options.listen).await?;
            return print_url_and_wait(&sts.url()).await;
        }
        let bedrock = BedrockSim::start_on(options.listen).await?;
        if let Some(script) = script {
            bedrock.load(script);
        }
        print_url_and_wait(&bedrock.url()).await
    })
}

async fn print_url_and_wait(url: &str) -> Result<(), Box<dyn Error>> {
    let shutdown = Shutdown::watch()?;
    writeln!(io::stdout(), "{url}")?;
    io::stdout().flush()?;
    shutdown.wait().await;
    Ok(())
}

/// The events that stop the program. They are watched before the URL is printed.
struct Shutdown {
    stdin_closed: oneshot::Receiver<()>,
    #[cfg(unix)]
    terminated: Signal,
    #[cfg(unix)]
    interrupted: Signal,
}

impl Shutdown {
    fn watch() -> io::Result<Self> {
        let (closed, stdin_closed) = oneshot::channel();
        // Not a blocking task, because the runtime would wait for it on shutdown.
        std::thread::spawn(move || {
            // An input that cannot be read counts as closed.
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            // Sending fails if a signal stopped the program first.
            let _ = closed.send(());
        });
        Ok(Self {
            stdin_closed,
            #[cfg(unix)]
            terminated: signal(SignalKind::terminate())?,
            #[cfg(unix)]
            interrupted: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(unix)]
    async fn wait(mut self) {
        tokio::select! {
            _ = self.stdin_closed => {}
            _ = self.terminated.recv() => {}
            _ = self.interrupted.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn wait(self) {
        // The sender is dropped only after it has sent.
        let _ = self.stdin_closed.await;
    }
}
