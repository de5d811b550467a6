use http::header::HOST;
use http::{Request, Response, StatusCode};
use http_body::Body;
use outlay_otel::PendingReceipt;
use tower_service::Service;

use super::client_layer::IsHandled;
use crate::Outlay;
use crate::shown_url::without_userinfo;

/// The maximum size in bytes of an answer, which holds the receipts of one piece of work.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// The maximum number of receipts that are read from an answer. A piece of work has one for each run.
const MAX_RECEIPTS: usize = 1_000;

/// Asks once for each of [`Outlay::pending_receipts`], and counts those that are final. Returns how many were counted.
///
/// `service` is the client that sent the work, or any other that the hosts trust; give it a timeout. After an error the
/// receipt stays pending: ask again later, with growing pauses, until [`Outlay::pending_receipts`] is empty or the late
/// limit has passed. A receipt that is gone (410) is lost, and is not asked for again. One that is not found (404) may be
/// at another replica behind the same name, since each replica keeps the receipts of its own work.
pub async fn fetch_receipts<S, B, R>(outlay: &Outlay, service: &mut S) -> usize
where
    S: Service<Request<B>, Response = Response<R>>,
    B: Default,
    R: Body,
{
    let mut counted = 0;
    for pending in outlay.pending_receipts() {
        let Ok(mut request) = receipt_request(&pending).body(B::default()) else { continue };
        request.extensions_mut().insert(IsHandled);
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
        let Some(text) = read_text(response.into_body()).await else { continue };
        let mut errors = None;
        let mut receipts = text.lines().filter(|line| !line.trim().is_empty());
        for receipt in receipts.by_ref().take(MAX_RECEIPTS) {
            match outlay.engine().receive_receipt_of(pending.id, receipt) {
                Ok(outlay_ledger::Received::Joined | outlay_ledger::Received::Late) => counted += 1,
                Ok(_) => {}
                Err(error) => {
                    let (first, count) = errors.take().unwrap_or((error, 0));
                    errors = Some((first, count + 1));
                }
            }
        }
        let (origin, unread) = (without_userinfo(&pending.origin), receipts.count());
        if let Some((first, count)) = errors {
            tracing::warn!(target: "outlay", %origin, receipts = count, "receipts were not counted, the first: {first}");
        }
        if unread > 0 {
            tracing::warn!(
                target: "outlay",
                %origin,
                receipts = unread,
                "only the first {MAX_RECEIPTS} receipts of an answer were read"
            );
        }
    }
    counted
}

/// Returns the request for a receipt. Like the request for the work, it has a full URL, or the host in a header.
fn receipt_request(pending: &PendingReceipt) -> http::request::Builder {
    match pending.origin.strip_prefix("//") {
        Some(host) => Request::get(&*pending.path).header(HOST, host),
        None => Request::get(format!("{}{}", pending.origin, pending.path)),
    }
}

/// Returns the body's text; `None` if it is too long, not UTF-8, or fails.
async fn read_text<R: Body>(body: R) -> Option<String> {
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
                let length = chunk.len();
                bytes.extend_from_slice(chunk);
                data.advance(length);
            }
        }
    }
    String::from_utf8(bytes).ok()
}
