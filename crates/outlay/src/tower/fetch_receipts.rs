use http::header::HOST;
use http::{Request, Response, StatusCode};
use http_body::Body;
use outlay_otel::PendingReceipt;
use tower_service::Service;

use super::client_layer::IsAsked;
use crate::Outlay;
use crate::shown_url::without_userinfo;

/// A host's receipts for one piece of work hold at most this many bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// As many of them are read. A piece of work has one for each of its runs.
const MAX_RECEIPTS: usize = 1_000;

/// Asks once for each receipt that has not come and of which it is known where it can be asked for, and counts those that
/// are final by now. Returns how many it counted.
///
/// `service` is the client that the work was asked with, or any other that the hosts trust; give it a time limit. Errors
/// leave the receipt waiting: ask again later, with growing pauses, until [`Outlay::pending_receipts`] is empty or the late
/// limit is over. One that is said to be gone (410) is not asked for again, and is lost; one that is not found may be with
/// another replica behind the same name, which keeps the receipts of what it has done itself.
pub async fn fetch_receipts<S, B, R>(outlay: &Outlay, service: &mut S) -> usize
where
    S: Service<Request<B>, Response = Response<R>>,
    B: Default,
    R: Body,
{
    let mut counted = 0;
    for pending in outlay.pending_receipts() {
        let Ok(mut request) = receipt_request(&pending).body(B::default()) else { continue };
        request.extensions_mut().insert(IsAsked);
        if std::future::poll_fn(|cx| service.poll_ready(cx)).await.is_err() {
            break;
        }
        let Ok(response) = service.call(request).await else { continue };
        let status = response.status();
        if status == StatusCode::GONE {
            outlay.engine().lose_receipt(pending.id);
        }
        if !status.is_success() {
            continue;
        }
        let Some(text) = read(response.into_body()).await else { continue };
        let mut bad = None;
        let mut receipts = text.lines().filter(|line| !line.trim().is_empty());
        for receipt in receipts.by_ref().take(MAX_RECEIPTS) {
            match outlay.engine().receive_receipt_of(pending.id, receipt) {
                Ok(outlay_ledger::Received::Joined | outlay_ledger::Received::Late) => counted += 1,
                Ok(_) => {}
                Err(error) => {
                    let (first, count) = bad.take().unwrap_or((error, 0));
                    bad = Some((first, count + 1));
                }
            }
        }
        let (origin, more) = (without_userinfo(&pending.origin), receipts.count());
        if let Some((first, count)) = bad {
            tracing::warn!(target: "outlay", %origin, receipts = count, "receipts are not counted, the first: {first}");
        }
        if more > 0 {
            tracing::warn!(target: "outlay", %origin, receipts = more, "no more than {MAX_RECEIPTS} receipts of one answer are read");
        }
    }
    counted
}

/// Returns a request in the form of the one for the work: with a full address, or the host in a header.
fn receipt_request(pending: &PendingReceipt) -> http::request::Builder {
    match pending.origin.strip_prefix("//") {
        Some(host) => Request::get(&*pending.path).header(HOST, host),
        None => Request::get(format!("{}{}", pending.origin, pending.path)),
    }
}

async fn read<R: Body>(body: R) -> Option<String> {
    let mut body = std::pin::pin!(body);
    let mut bytes = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(mut data) = frame.ok()?.into_data() {
            use bytes::Buf as _;
            if bytes.len() + data.remaining() > MAX_BODY {
                return None;
            }
            while data.has_remaining() {
                let chunk = data.chunk();
                let taken = chunk.len();
                bytes.extend_from_slice(chunk);
                data.advance(taken);
            }
        }
    }
    String::from_utf8(bytes).ok()
}
