//! `bedrock-sim --listen 127.0.0.1:0 [--script FILE.json]`: a scripted Bedrock Runtime for programs
//! in any language. `bedrock-sim --listen 127.0.0.1:0 --serve sts`: a Security Token Service.
//!
//! Prints its URL in one line and serves until its standard input closes or it is told to stop. The
//! format of the file is that of [`bedrock_sim::Script`].

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use bedrock_sim::{BedrockSim, Script, StsSim};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

const USAGE: &str = "usage: bedrock-sim [--listen ADDRESS:PORT] [--script FILE.json | --serve sts]";

fn main() -> ExitCode {
    let Err(error) = Options::from_args(std::env::args().skip(1)).and_then(serve) else {
        return ExitCode::SUCCESS;
    };
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        told += &format!(": {error}");
        source = error.source();
    }
    // With standard error closed there is nobody left to tell.
    let _ = writeln!(io::stderr(), "bedrock-sim: {told}");
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
            return until_told(&sts.url()).await;
        }
        let bedrock = BedrockSim::start_on(options.listen).await?;
        if let Some(script) = script {
            bedrock.load(script);
        }
        until_told(&bedrock.url()).await
    })
}

async fn until_told(url: &str) -> Result<(), Box<dyn Error>> {
    let ends = Ends::watch()?;
    writeln!(io::stdout(), "{url}")?;
    io::stdout().flush()?;
    ends.first().await;
    Ok(())
}

/// Everything that ends the program, watched from before its URL is known.
struct Ends {
    stdin_closed: oneshot::Receiver<()>,
    #[cfg(unix)]
    terminated: Signal,
    #[cfg(unix)]
    interrupted: Signal,
}

impl Ends {
    fn watch() -> io::Result<Self> {
        let (closed, stdin_closed) = oneshot::channel();
        // A thread of its own: the runtime would wait for a blocking read before it ends.
        std::thread::spawn(move || {
            // An unreadable input is as good as a closed one.
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            // Nobody listens any more where a signal came first.
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
    async fn first(mut self) {
        tokio::select! {
            _ = self.stdin_closed => {}
            _ = self.terminated.recv() => {}
            _ = self.interrupted.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn first(self) {
        // Its other end is only dropped after it sent.
        let _ = self.stdin_closed.await;
    }
}
