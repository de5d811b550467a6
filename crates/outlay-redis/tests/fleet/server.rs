//! A Redis of our own on loopback, which a test may kill, stop and start again.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use uuid::Uuid;

/// The server's program, and where its libraries are.
fn program() -> Option<&'static (String, String)> {
    static PROGRAM: OnceLock<Option<(String, String)>> = OnceLock::new();
    let found = PROGRAM.get_or_init(|| {
        std::env::var_os("OUTLAY_INDEPENDENT")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/independent/redis_server.sh");
        let printed = Command::new(script).stderr(Stdio::inherit()).output().expect("the script can be started");
        let printed = String::from_utf8(printed.stdout).unwrap();
        let value = |key: &str| printed.lines().find_map(|line| Some(line.strip_prefix(key)?.to_owned()));
        Some((value("REDIS_SERVER=").expect("there is a Redis"), value("REDIS_LIBRARIES=").unwrap_or_default()))
    });
    if found.is_none() {
        eprintln!("skipped: set OUTLAY_INDEPENDENT=1 to run it against Redis");
    }
    found.as_ref()
}

#[derive(Debug)]
pub(crate) struct Server {
    port: u16,
    folder: PathBuf,
    options: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// `None`, with a word to standard error, unless `OUTLAY_INDEPENDENT` is set.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        let server = Self::stopped(options)?;
        Some(server.up())
    }

    /// One that has a port and is not there.
    pub(crate) fn stopped(options: &[&str]) -> Option<Self> {
        program()?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("outlay-redis-{}", Uuid::now_v7()));
        std::fs::create_dir_all(&folder).unwrap();
        Some(Self { port, folder, options: options.iter().map(|&option| option.to_owned()).collect(), child: None })
    }

    fn up(mut self) -> Self {
        self.run();
        self
    }

    /// Starts it, again or for the first time, and waits until it answers.
    pub(crate) fn run(&mut self) {
        let (server, libraries) = program().unwrap();
        let child = Command::new(server)
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(&self.folder)
            .args(&self.options)
            .env("LD_LIBRARY_PATH", libraries)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        eventually("Redis answers", || {
            let Ok(mut link) = redis::Client::open(self.url()).unwrap().get_connection() else { return false };
            redis::cmd("PING").query::<String>(&mut link).is_ok()
        });
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn link(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// As the kernel does when memory is short.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// It goes on listening, and answers nothing.
    pub(crate) fn pause(&self) {
        signal(self.child.as_ref().unwrap().id(), "STOP");
    }

    pub(crate) fn resume(&self) {
        signal(self.child.as_ref().unwrap().id(), "CONT");
    }

    /// What stands in the one budget that there is: spent, reserved.
    pub(crate) fn figures(&self) -> (i128, i128) {
        let mut all = self.all_figures();
        assert!(all.len() <= 1, "{all:?}");
        all.pop().map_or((0, 0), |(_, spent, reserved)| (spent, reserved))
    }

    /// What stands in all budgets: key, spent, reserved.
    pub(crate) fn all_figures(&self) -> Vec<(Vec<u8>, i128, i128)> {
        let mut link = self.link();
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("{outlay:*}:*:*:*").query(&mut link).unwrap();
        let mut all = Vec::new();
        for key in keys {
            let kind: String = redis::cmd("TYPE").arg(&key).query(&mut link).unwrap();
            if kind != "hash" {
                continue;
            }
            let figures = redis::cmd("HMGET").arg(&key).arg(&["spent", "reserved"]).query(&mut link);
            let (spent, reserved): (Option<String>, Option<String>) = figures.unwrap();
            let number = |text: Option<String>| text.map_or(0, |text| text.parse().unwrap());
            all.push((key, number(spent), number(reserved)));
        }
        all.sort();
        all
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            signal(child.id(), "CONT");
        }
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().unwrap();
    assert!(sent.success(), "{pid} cannot be sent {name}");
}

pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never came to pass: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
