//! Between a process and Redis: it can lose the answers, after Redis has done what it was asked.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    loses: AtomicBool,
    /// Each answer comes so many milliseconds late.
    late: AtomicU64,
    lost: AtomicU64,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        let state = proxy.state.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pass(from, to, None));
                let state = state.clone();
                thread::spawn(move || pass(server, client, Some(&state)));
            }
        });
        proxy
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
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

    pub(crate) fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::SeqCst)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, may_lose: Option<&State>) {
    let mut buffer = [0; 65_536];
    while let Ok(many @ 1..) = from.read(&mut buffer) {
        if let Some(state) = may_lose.filter(|state| state.loses.load(Ordering::SeqCst)) {
            state.lost.fetch_add(1, Ordering::SeqCst);
            break;
        }
        if let Some(state) = may_lose {
            thread::sleep(Duration::from_millis(state.late.load(Ordering::SeqCst)));
        }
        if to.write_all(&buffer[..many]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
