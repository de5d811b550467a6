//! A proxy between a process and Redis, which can lose, delay or hold messages.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The port that new connections lead to.
    port: AtomicU16,
    loses_answers: AtomicBool,
    /// The delay of each answer, in milliseconds.
    delay: AtomicU64,
    /// The number of connections, from the first on, whose requests are held.
    held: AtomicU64,
    connections: AtomicU64,
    lost: AtomicU64,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        proxy.redirect_to(port);
        let state = proxy.state.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let port = state.port.load(Ordering::SeqCst);
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let number = state.connections.fetch_add(1, Ordering::SeqCst);
                let request_state = state.clone();
                thread::spawn(move || forward(from, to, || request_state.pass_request(number)));
                let answer_state = state.clone();
                thread::spawn(move || forward(server, client, || answer_state.pass_answer()));
            }
        });
        proxy
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Leads new connections to another port.
    pub(crate) fn redirect_to(&self, port: u16) {
        self.state.port.store(port, Ordering::SeqCst);
    }

    /// Closes each connection instead of delivering its next answer.
    pub(crate) fn lose_answers(&self) {
        self.state.loses_answers.store(true, Ordering::SeqCst);
    }

    /// Delivers answers again.
    pub(crate) fn deliver_answers(&self) {
        self.state.loses_answers.store(false, Ordering::SeqCst);
    }

    pub(crate) fn delay_answers(&self, by: Duration) {
        self.state.delay.store(by.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }

    /// Holds the requests on existing connections until they are released.
    pub(crate) fn hold_requests(&self) {
        self.state.held.store(self.state.connections.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Holds the requests on existing and new connections.
    pub(crate) fn cut_off(&self) {
        self.state.held.store(u64::MAX, Ordering::SeqCst);
    }

    /// Forwards held requests.
    pub(crate) fn release(&self) {
        self.state.held.store(0, Ordering::SeqCst);
    }

    /// Returns the number of lost answers.
    pub(crate) fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::SeqCst)
    }
}

impl State {
    /// Waits for the delay. Returns whether an answer passes.
    fn pass_answer(&self) -> bool {
        let loses = self.loses_answers.load(Ordering::SeqCst);
        self.lost.fetch_add(loses.into(), Ordering::SeqCst);
        thread::sleep(Duration::from_millis(self.delay.load(Ordering::SeqCst)));
        !loses
    }

    /// Waits until a request is not held.
    fn pass_request(&self, connection: u64) -> bool {
        while self.held.load(Ordering::SeqCst) > connection {
            thread::sleep(Duration::from_millis(1));
        }
        true
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, passes: impl Fn() -> bool) {
    let mut buffer = [0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !passes() || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
