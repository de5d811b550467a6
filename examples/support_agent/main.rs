//! A support agent on Amazon Bedrock, and the cost of each of its steps.
//!
//! ```sh
//! cargo run --example support_agent              # a simulated Bedrock on loopback: no account, no cost
//! cargo run --example support_agent -- --aws     # Amazon Bedrock, with the credentials of your environment
//! cargo run --example support_agent -- --help
//! ```
//!
//! `agent.rs` is the agent. The model decides with `toolUse` what happens next. Outlay adds only the names of agents, steps
//! and tools, and the call of `metered` below.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example prints its results")]

mod agent;
mod chat;
mod error;
mod json;
mod options;
mod researcher;
mod simulated;
mod stream;
#[cfg(test)]
mod tests;
mod tools;

use std::env;
use std::process::ExitCode;

use aws_sdk_bedrockruntime::Client;
use outlay::bedrock::Metered as _;
use outlay::{Outcome, Outlay, Report, Usd};

use crate::agent::{Models, TICKET};
use crate::error::{Error, with_causes};
use crate::options::{HELP, Options};

const TELEMETRY_COMMAND: &str = "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 cargo run --example support_agent";

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::parse(env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => return fail(&with_causes(&error)),
    };
    if options.help {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let prices = match options.prices() {
        Ok(prices) => prices,
        Err(error) => return fail(&with_causes(&error)),
    };
    let _telemetry = match outlay::telemetry::init("helpdesk") {
        Ok(telemetry) => telemetry,
        Err(error) => return fail(&with_causes(&error)),
    };

    let outlay = Outlay::builder().prices(prices);
    let outlay = options.viewer.into_iter().fold(outlay, outlay::OutlayBuilder::viewer).build();
    let (answer, report) = if options.aws {
        let client = Client::new(&aws_config::load_from_env().await);
        resolve_ticket(&outlay, client, &options.models).await
    } else {
        match simulated::bedrock().await {
            Ok(bedrock) => resolve_ticket(&outlay, simulated::client(&bedrock), &options.models).await,
            Err(error) => return fail(&with_causes(&error)),
        }
    };

    if let Ok(answer) = &answer {
        println!("{answer}\n");
    }
    let has_endpoint = env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_some();
    println!("{}", if has_endpoint { report } else { report.with_hint(TELEMETRY_COMMAND) });
    match answer {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// Runs one task with dimensions and a budget. Returns the answer and the cost report.
async fn resolve_ticket(outlay: &Outlay, client: Client, models: &Models) -> (Result<String, Error>, Report) {
    let client = client.metered(outlay);
    let task = outlay
        .task("resolve-ticket")
        .team("support")
        .product("helpdesk")
        .cost_center("cc-4711")
        .environment("production")
        .customer_segment("enterprise")
        .workflow("tickets")
        .owner("ana")
        .dimension("tenant", "acme")
        .conversation("c-17")
        .budget(Usd::from_cents(50))
        .start();

    let answer = task.try_run(agent::resolve(&client, models, TICKET)).await;

    let outcome = if answer.is_ok() { Outcome::success() } else { Outcome::failure() };
    (answer, task.finish(outcome))
}

fn fail(error: &str) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(2)
}
