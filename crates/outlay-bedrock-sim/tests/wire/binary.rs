use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn bedrock_sim(args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_bedrock-sim"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn url_of(sim: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(sim.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// Returns the exit status, or kills the program if it does not exit in time.
fn wait_for_exit(sim: &mut Child) -> Option<std::process::ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        if let Some(status) = sim.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    sim.kill().unwrap();
    None
}

#[test]
fn serves_until_stdin_closes() {
    let mut sim = bedrock_sim(&["--listen", "127.0.0.1:0"]);
    let url = url_of(&mut sim);
    let address = url.strip_prefix("http://127.0.0.1:").unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", address.parse().unwrap())).is_ok());
    assert!(sim.try_wait().unwrap().is_none());
    drop(sim.stdin.take());
    assert!(wait_for_exit(&mut sim).unwrap().success());
}

#[cfg(unix)]
#[test]
fn stops_on_sigterm() {
    let mut sim = bedrock_sim(&[]);
    url_of(&mut sim);
    assert!(Command::new("kill").arg(sim.id().to_string()).status().unwrap().success());
    assert!(wait_for_exit(&mut sim).unwrap().success());
}

#[test]
fn invalid_arguments_are_reported() {
    for (args, message) in [
        (&["--listen", "0.0.0.0:0"][..], "bedrock-sim: 0.0.0.0:0 is not a loopback address"),
        (&["--listen", "here"], "bedrock-sim: --listen here: invalid socket address syntax"),
        (&["--script", "no/such.json"], "bedrock-sim: no/such.json: cannot be read: "),
        (&["--sing"], "bedrock-sim: usage: bedrock-sim "),
    ] {
        let mut sim = bedrock_sim(args);
        assert_eq!(wait_for_exit(&mut sim).unwrap().code(), Some(1));
        let mut stderr = String::new();
        sim.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert!(stderr.starts_with(message), "{stderr}");
    }
}
