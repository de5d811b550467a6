//! Identity and signing without a tokio runtime, as under other executors.

use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{Thread, current, park};

use aws_sdk_bedrockruntime::config::StalledStreamProtectionConfig;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use outlay_tests::{call_spans, haiku};

use super::*;

/// A sleep implementation on a thread.
#[derive(Debug)]
struct ThreadSleep;

impl AsyncSleep for ThreadSleep {
    fn sleep(&self, duration: Duration) -> Sleep {
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            std::thread::sleep(duration.min(Duration::from_secs(1)));
            drop(sender);
        });
        Sleep::new(async move { drop(receiver.await) })
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => park(),
        }
    }
}

const ANSWER: &str = r#"{"output":{"message":{"role":"assistant","content":[{"text":"ok"}]}},"stopReason":"end_turn",
    "usage":{"inputTokens":10,"outputTokens":1,"totalTokens":11},"metrics":{"latencyMs":1}}"#;
const ASSUMED: &str = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>\
    <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2026-11-30T13:00:00Z</Expiration>\
    </Credentials><AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/tickets/tickets</Arn>\
    <AssumedRoleId>A:tickets</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>";
const CALLER_IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
<Arn>arn:aws:iam::123456789012:user/ana</Arn><UserId>U</UserId><Account>123456789012</Account>\
</GetCallerIdentityResult></GetCallerIdentityResponse>";

fn sts(requests: &Arc<AtomicU64>) -> aws_sdk_sts::Client {
    let requests = requests.clone();
    let http = infallible_client_fn(move |request: http::Request<SdkBody>| {
        requests.fetch_add(1, Ordering::SeqCst);
        let body = request.body().bytes().unwrap_or_default();
        let is_caller_identity = body.windows(17).any(|part| part == b"GetCallerIdentity");
        let answer = if is_caller_identity { CALLER_IDENTITY } else { ASSUMED };
        http::Response::builder().status(200).body(SdkBody::from(answer)).unwrap()
    });
    let config = sts_client("http://127.0.0.1:9").config().to_builder().http_client(http).sleep_impl(ThreadSleep);
    aws_sdk_sts::Client::from_conf(config.build())
}

/// Returns the configuration of a client that needs neither a network nor timers.
fn offline_config(clock: &ManualClock) -> aws_sdk_bedrockruntime::config::Builder {
    let http = infallible_client_fn(|_: http::Request<SdkBody>| {
        http::Response::builder().status(200).body(SdkBody::from(ANSWER)).unwrap()
    });
    client_config("http://127.0.0.1:9")
        .http_client(http)
        .sleep_impl(ThreadSleep)
        .time_source(clock.clone())
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

#[test]
fn without_a_tokio_runtime_a_principal_stays_unknown_and_a_role_is_assumed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let requests = Arc::new(AtomicU64::new(0));
    let principals = Principals::new(sts(&requests));
    let h = runtime.block_on(Harness::with(|builder| builder.principals(principals)));
    let clock = ManualClock::at_noon();
    let config = offline_config(&clock);
    let client = Client::from_conf(config.build()).metered(&h.outlay);
    let log = Log::default();
    let _subscriber = tracing::subscriber::set_default(log.subscriber());
    for _ in 0..3 {
        block_on(haiku(&client).send()).unwrap();
    }
    assert_eq!(requests.load(Ordering::SeqCst), 0);
    assert_eq!(log.lines_with("no tokio runtime to ask STS in").len(), 1, "the warning is logged once");
    assert!(!call_spans(&h.spans())[0].has("outlay.aws.principal"));

    let client = Identities::new(sts(&requests)).role("tickets", TICKETS).sign(client);
    let task = h.outlay.task("tickets").start();
    for expected in [1, 1, 2] {
        block_on(task.run(haiku(&client).send())).unwrap();
        assert_eq!(requests.load(Ordering::SeqCst), expected);
        // The session is renewed only when it must be, because nothing renews it in the background.
        clock.advance(if expected == 1 { 1_790 } else { 0 });
    }
    let spans = h.spans();
    assert!(call_spans(&spans)[3..].iter().all(|span| span.text("outlay.aws.session") == Some("tickets")));
}

#[test]
fn without_a_tokio_runtime_a_call_dropped_while_sts_hangs_blocks_no_other_call() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let h = runtime.block_on(Harness::new());
    let config = offline_config(&ManualClock::at_noon());
    let silent = aws_smithy_http_client::test_util::NeverClient::new();
    let sts = sts_client("http://127.0.0.1:9").config().to_builder();
    let sts = sts.http_client(silent.clone()).sleep_impl(ThreadSleep).build();
    let identities = Identities::new(aws_sdk_sts::Client::from_conf(sts)).role("tickets", TICKETS);
    let client = identities.sign(Client::from_conf(config.build())).metered(&h.outlay);
    let task = h.outlay.task("tickets").start();
    {
        let mut dropped = pin!(task.run(haiku(&client).send()));
        let started = std::time::Instant::now();
        while silent.num_calls() == 0 {
            assert!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert!(started.elapsed() < Duration::from_secs(10));
        }
    }
    let started = std::time::Instant::now();
    block_on(task.run(haiku(&client).send())).unwrap();
    assert!(started.elapsed() < Duration::from_millis(900), "the call falls back at once");
    assert_eq!(silent.num_calls(), 1);
}

#[test]
fn in_a_runtime_without_timers_a_principal_is_resolved_and_a_role_is_assumed() {
    let (simulators, requests) = (tokio::runtime::Runtime::new().unwrap(), Arc::new(AtomicU64::new(0)));
    let principals = Principals::new(sts(&requests));
    let h = simulators.block_on(Harness::with(|builder| builder.principals(principals)));
    let client = Client::from_conf(offline_config(&ManualClock::at_noon()).build()).metered(&h.outlay);
    let signed = Identities::new(sts(&requests)).role("tickets", TICKETS).sign(client.clone());
    let bare = tokio::runtime::Builder::new_current_thread().build().unwrap();
    bare.block_on(async {
        haiku(&client).send().await.unwrap();
        while requests.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        haiku(&client).send().await.unwrap();
        h.outlay.task("tickets").start().run(haiku(&signed).send()).await.unwrap();
    });
    let spans = h.spans();
    let calls = call_spans(&spans);
    assert_eq!(calls[1].text("outlay.aws.principal"), Some("arn:aws:iam::123456789012:user/ana"));
    assert_eq!(calls[2].text("outlay.aws.principal"), Some(TICKETS));
}
