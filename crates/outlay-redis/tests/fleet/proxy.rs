//! Between a process and Redis: it can lose the answers, after Redis has done what it was asked.

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
    /// Where connections to come lead.
    to: AtomicU16,
    loses: AtomicBool,
    /// Each answer comes so many milliseconds late.
    late: AtomicU64,
    /// What comes on the first so many connections is kept for now.
    held: AtomicU64,
    connections: AtomicU64,
    lost: AtomicU64,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        proxy.lead_to(port);
        let state = proxy.state.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let to = state.to.load(Ordering::SeqCst);
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let number = state.connections.fetch_add(1, Ordering::SeqCst);
                let of_requests = state.clone();
                thread::spawn(move || pass(from, to, || of_requests.hold(number)));
                let of_answers = state.clone();
                thread::spawn(move || pass(server, client, || of_answers.answer()));
            }
        });
        proxy
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on connections to come lead there.
    pub(crate) fn lead_to(&self, port: u16) {
        self.state.to.store(port, Ordering::SeqCst);
    }

    /// From now on each connection dies in the place of its next answer.
    pub(crate) fn lose_answers(&self) {
        self.state.loses.store(true, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.state.loses.store(false, Ordering::SeqCst);
    }

    pub(crate) fn delay_answers(&self, by: Duration) {
        self.state.late.store(by.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }

    /// From now on what comes on the connections that there are reaches Redis only when it is let go.
    pub(crate) fn hold_requests(&self) {
        self.state.held.store(self.state.connections.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// The same of connections to come: nothing reaches Redis.
    pub(crate) fn cut_off(&self) {
        self.state.held.store(u64::MAX, Ordering::SeqCst);
    }

    pub(crate) fn let_go(&self) {
        self.state.held.store(0, Ordering::SeqCst);
    }

    pub(crate) fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::SeqCst)
    }
}

impl State {
    /// Whether an answer passes.
    fn answer(&self) -> bool {
        let loses = self.loses.load(Ordering::SeqCst);
        self.lost.fetch_add(loses.into(), Ordering::SeqCst);
        thread::sleep(Duration::from_millis(self.late.load(Ordering::SeqCst)));
        !loses
    }

    /// A request passes, sooner or later.
    fn hold(&self, connection: u64) -> bool {
        while self.held.load(Ordering::SeqCst) > connection {
            thread::sleep(Duration::from_millis(1));
        }
        true
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, passes: impl Fn() -> bool) {
    let mut buffer = [0; 65_536];
    while let Ok(many @ 1..) = from.read(&mut buffer) {
        if !passes() || to.write_all(&buffer[..many]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
