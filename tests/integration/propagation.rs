//! Work that one process asks of another: whose it is goes out, what it cost comes back.

mod by_hand;
mod hostile;
mod http;
mod late;
mod two_processes;
mod worker;
