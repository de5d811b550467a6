//! The SDK's hooks. They contain no logic: each passes what it gets to the [`Call`].

use std::fmt;
use std::sync::{Arc, Once, OnceLock};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, BeforeSerializationInterceptorContextMut,
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_types::region::Region;
use outlay_otel::{Engine, OpenCall};

use crate::call::{Call, CallHandle};
use crate::downgrade;
use crate::input::{Request, RequestDetails};
use crate::metering_entry::Metering;
use crate::refusal_to_sdk_error::sdk_error;
use crate::request_metadata;
use crate::stream::{count_sent, tap_answer};

/// The interceptor that meters calls.
///
/// Accounting never fails a call. The only error that it returns is a refusal, before anything is sent.
#[derive(Clone)]
pub struct OutlayInterceptor {
    engine: Engine,
}

impl OutlayInterceptor {
    /// Creates an interceptor that meters with `engine`, unless a scope has another engine.
    #[doc(hidden)]
    pub fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone() }
    }

    /// Returns a value that differs between two interceptors on one call. The SDK shares one interceptor between a
    /// client's configuration and those built from it.
    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Returns the call's entry if this interceptor meters the call.
    fn metering<'a>(&self, cfg: &'a ConfigBag) -> Option<&'a Metering> {
        cfg.load::<Metering>().filter(|metering| metering.interceptor_id == self.id())
    }

    /// Returns the call if this interceptor meters it.
    fn call<'a>(&self, cfg: &'a ConfigBag) -> Option<&'a Arc<Call>> {
        self.metering(cfg)?.call()
    }
}

#[dyn_dispatch_hint]
impl Intercept for OutlayInterceptor {
    fn name(&self) -> &'static str {
        "OutlayInterceptor"
    }

    fn read_before_execution(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(metering) = cfg.load::<Metering>() {
            if metering.interceptor_id != self.id() {
                warn_once_of_metering_twice();
            }
            return Ok(());
        }
        if self.engine.is_disabled() {
            return Ok(());
        }
        let scope = self.engine.scope_of_call();
        let engine = Engine::of(&scope);
        let started = engine.now();
        cfg.interceptor_state().store_put(Metering {
            scope,
            engine,
            started,
            interceptor_id: self.id(),
            call: OnceLock::new(),
        });
        Ok(())
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(metering) = self.metering(cfg) {
            request_metadata::put_on_input(context.input_mut(), metering);
            if metering.engine.downgrades() {
                let region = cfg.load::<Region>().map(AsRef::as_ref);
                downgrade::begin_downgraded(metering, context.input_mut(), region)?;
            }
        }
        Ok(())
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(request) = Request::of(context.input()) else { return Ok(()) };
        let Some(metering) = self.metering(cfg) else { return Ok(()) };
        if let Some(handle) = metering.call.get() {
            handle.0.input_changed(request.size(), request.limits());
            return Ok(());
        }
        let region = cfg.load::<Region>().map(AsRef::as_ref);
        let RequestDetails { kind, start, limits, size, requested } =
            request.read(&metering.engine, metering.started, region);
        let open = OpenCall::begin(&metering.scope, start).map_err(sdk_error)?;
        metering
            .call
            .get_or_init(|| CallHandle(Call::new(metering.engine.clone(), kind, size, limits, requested, open)));
        Ok(())
    }

    fn read_after_serialization(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(call) = self.call(cfg) {
            call.serialized(context.request());
        }
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(call) = self.call(cfg) {
            call.attempt_started(cfg.load::<RequestAttempts>().map_or(u32::MAX, |number| number.attempts()));
        }
        Ok(())
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let metering = self.metering(cfg);
        if let Some((metering, call)) = metering.and_then(|metering| Some((metering, metering.call()?))) {
            call.ask_store_now().map_err(sdk_error)?;
            request_metadata::put_on_request(context.request_mut(), call.kind(), metering);
        }
        Ok(())
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(call) = self.call(cfg).filter(|call| call.may_count_sent()) {
            let body = std::mem::replace(context.request_mut().body_mut(), SdkBody::taken());
            *context.request_mut().body_mut() = count_sent(body, &call.sent_events());
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(call) = self.call(cfg) {
            call.attempt_sent(context.request());
            call.attempt_signed(context.request(), components);
            call.report_attempt_sent();
        }
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(call) = self.call(cfg) else { return Ok(()) };
        call.attempt_answered(context.response());
        if call.may_tap(context.response()) {
            let body = std::mem::replace(context.response_mut().body_mut(), SdkBody::taken());
            *context.response_mut().body_mut() = tap_answer(body, call);
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(call) = self.call(cfg) {
            call.attempt_ended(context.output_or_error().and_then(Result::err), context.response());
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(call) = self.call(cfg) {
            call.executed(context.output_or_error(), context.response());
        }
        Ok(())
    }
}

impl fmt::Debug for OutlayInterceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutlayInterceptor").finish_non_exhaustive()
    }
}

fn warn_once_of_metering_twice() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            target: "outlay",
            "a call is metered twice: Outlay's interceptor is set more than once on the client, its configuration or \
             the operation; the first one meters, and each call counts once"
        );
    });
}
