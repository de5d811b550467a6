//! A Redis on loopback that a test can kill, pause and restart.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use uuid::Uuid;

/// Returns the paths of the server's program and of its libraries.
fn program() -> Option<&'static (String, String)> {
    static PROGRAM: OnceLock<Option<(String, String)>> = OnceLock::new();
    let found = PROGRAM.get_or_init(|| {
        std::env::var_os("OUTLAY_INDEPENDENT")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/independent/redis_server.sh");
        let printed = Command::new(script).stderr(Stdio::inherit()).output().expect("the script can be started");
        let printed = String::from_utf8(printed.stdout).unwrap();
        let value = |key: &str| printed.lines().find_map(|line| Some(line.strip_prefix(key)?.to_owned()));
        Some((
            value("REDIS_SERVER=").expect("the script prints the path of redis-server"),
            value("REDIS_LIBRARIES=").unwrap_or_default(),
        ))
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
    /// Starts a server. Returns `None`, and prints a note to standard error, unless `OUTLAY_INDEPENDENT` is set.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        let mut server = Self::stopped(options)?;
        server.restart();
        Some(server)
    }

    /// Returns a server with a port that is not running.
    pub(crate) fn stopped(options: &[&str]) -> Option<Self> {
        program()?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("outlay-redis-{}", Uuid::now_v7()));
        std::fs::create_dir_all(&folder).unwrap();
        Some(Self { port, folder, options: options.iter().map(|&option| option.to_owned()).collect(), child: None })
    }

    /// Starts the server, again or for the first time, and waits until it answers.
    pub(crate) fn restart(&mut self) {
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
            let Ok(mut connection) = redis::Client::open(self.url()).unwrap().get_connection() else { return false };
            redis::cmd("PING").query::<String>(&mut connection).is_ok()
        });
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn connection(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// Kills the server without a shutdown, like the kernel when it is out of memory.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Suspends the server. It still accepts connections, but does not answer.
    pub(crate) fn pause(&self) {
        signal(self.child.as_ref().unwrap().id(), "STOP");
    }

    pub(crate) fn resume(&self) {
        signal(self.child.as_ref().unwrap().id(), "CONT");
    }

    /// Returns spent and reserved of the only budget.
    pub(crate) fn figures(&self) -> (i128, i128) {
        let mut all = self.all_figures();
        assert!(all.len() <= 1, "{all:?}");
        all.pop().map_or((0, 0), |(_, spent, reserved)| (spent, reserved))
    }

    /// Returns key, spent and reserved of all budgets.
    pub(crate) fn all_figures(&self) -> Vec<(Vec<u8>, i128, i128)> {
        let mut connection = self.connection();
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("{outlay:*}:*:*:*").query(&mut connection).unwrap();
        let mut all = Vec::new();
        for key in keys {
            let kind: String = redis::cmd("TYPE").arg(&key).query(&mut connection).unwrap();
            if kind != "hash" {
                continue;
            }
            let figures = redis::cmd("HMGET").arg(&key).arg(&["spent", "reserved"]).query(&mut connection);
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
    let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().unwrap();
    assert!(status.success(), "cannot send {name} to {pid}");
}

/// Waits until `holds` returns true, for at most 20 seconds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "timed out waiting until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
