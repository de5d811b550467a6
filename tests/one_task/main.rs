//! A process that runs one task with one call, like a cron job or a function.
//!
//! usage: one-task URL-OF-BEDROCK TASK-NAME ONCE-OR-TWICE
//!
//! Exports on exit, and with `twice` also while the call runs. The `OTEL_*` variables configure the export. Prints the
//! task's cost in pico-dollars.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "this is a test program")]

use std::time::Duration;

use aws_sdk_bedrockruntime::Client;
use outlay::bedrock::Metered as _;
use outlay::{Outcome, Outlay};
use outlay_tests::{client_config, haiku};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [url, name, exports] = arguments.as_slice() else { panic!("URL TASK-NAME ONCE-OR-TWICE") };
    let telemetry = outlay::telemetry::init("nightly-job").unwrap();
    let outlay = Outlay::builder().build();
    let client = Client::from_conf(client_config(url).build()).metered(&outlay);
    let task = outlay.task(name).start();
    let export_early = async {
        if exports == "twice" {
            tokio::time::sleep(Duration::from_millis(100)).await;
            telemetry.flush();
        }
    };
    let (answer, ()) = task.run(async { tokio::join!(haiku(&client).send(), export_early) }).await;
    answer.unwrap();
    let report = task.finish(Outcome::success());
    println!("{}", report.totals().cost().usd().unwrap().picos());
}
