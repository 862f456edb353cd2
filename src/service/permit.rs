//! Leave to make one mutating call.

use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use tokio::time::Instant;

/// Headers that name the caller: what CloudTrail and the emulator keep of a call.
const USER_AGENTS: [&str; 2] = ["user-agent", "x-amz-user-agent"];

/// Leave to make one mutating call, right now.
///
/// No call that changes anything can be made without, and only `execute::Gate` grants one, after it has asked the
/// lease: that is what keeps a process without the lease from writing.
#[derive(Debug)]
pub struct Permit<'gate> {
    terms: Terms,
    gate: PhantomData<&'gate ()>,
}

/// When the call must have left the process, and the lease it is made under.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    limits: Limits,
    /// Holder and epoch of the lease; none where there is no lease with epochs.
    stamp: Option<Arc<str>>,
}

impl Permit<'_> {
    /// For the gate alone; `tests/it/tidy.rs` keeps others from calling it.
    pub(crate) fn granted(limits: Limits, stamp: Option<Arc<str>>) -> Self {
        Self {
            terms: Terms { limits, stamp },
            gate: PhantomData,
        }
    }

    #[cfg(test)]
    pub(crate) fn limits(&self) -> Limits {
        self.terms.limits
    }

    /// What the call has to carry.
    pub(crate) fn terms(self) -> Terms {
        self.terms
    }
}

impl Intercept for Terms {
    fn name(&self) -> &'static str {
        "Terms"
    }

    /// Adds the lease to the user agent, so that the record of calls shows the process behind each write.
    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(stamp) = &self.stamp else { return Ok(()) };
        let headers = context.request_mut().headers_mut();
        for name in USER_AGENTS {
            let before = headers.get(name).unwrap_or_default();
            let stamped = format!("{before} md/slotwise-lease#{stamp}");
            headers.try_insert(name, stamped.trim_start().to_owned())?;
        }
        Ok(())
    }

    /// Hands the limit on to where the request leaves.
    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().add_extension(self.limits);
        Ok(())
    }
}

/// How long a permit is valid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// From then on the call is not begun.
    pub(crate) begin_before: Instant,
    /// From then on nothing of it is sent, also where it was begun.
    pub(crate) leave_before: Instant,
}

/// The leave to write ended before the request left; nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error("write permit expired before the request was sent")]
pub(super) struct TooLate;

impl Limits {
    /// To begin and to leave within `time`.
    #[cfg(test)]
    pub(crate) fn within(time: std::time::Duration) -> Self {
        let before = Instant::now() + time;
        Self {
            begin_before: before,
            leave_before: before,
        }
    }

    /// Makes `call`, unless it is too late.
    ///
    /// A process can be stopped for a while wherever it waits: for its turn, for a connection. So the time is looked at
    /// each time before the call continues, not by a timer next to it: with a timer and a connection that are ready at once,
    /// as after a long stop, chance would decide which comes first.
    pub(super) async fn keep(
        self,
        call: impl Future<Output = Result<HttpResponse, ConnectorError>>,
    ) -> Result<HttpResponse, ConnectorError> {
        if Instant::now() >= self.begin_before.min(self.leave_before) {
            return Err(ConnectorError::other(TooLate.into(), None));
        }
        let mut call = pin!(call);
        poll_fn(|context| {
            if Instant::now() >= self.leave_before {
                // It may have left before.
                return Poll::Ready(Err(ConnectorError::timeout(TooLate.into())));
            }
            call.as_mut().poll(context)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use aws_smithy_types::body::SdkBody;
    use tokio::time::sleep;

    use super::*;

    /// A request that connects for a second, then leaves.
    async fn request(left: &AtomicU32) -> Result<HttpResponse, ConnectorError> {
        sleep(Duration::from_secs(1)).await;
        left.fetch_add(1, Ordering::Relaxed);
        let status = 200
            .try_into()
            .map_err(|_| ConnectorError::user("a status".into()))?;
        Ok(HttpResponse::new(status, SdkBody::empty()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_begun_in_time_may_take_longer() {
        let left = AtomicU32::new(0);
        let limit = Limits {
            begin_before: Instant::now() + Duration::from_millis(500),
            leave_before: Instant::now() + Duration::from_secs(10),
        };
        limit.keep(request(&left)).await.unwrap();
        assert_eq!(left.load(Ordering::Relaxed), 1);
        let error = limit.keep(request(&left)).await.unwrap_err();
        assert!(!error.is_timeout(), "nothing has left: {error:?}");
        assert_eq!(left.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_was_stopped_while_it_connected_sends_nothing() {
        let left = AtomicU32::new(0);
        let limit = Limits::within(Duration::from_secs(1));
        // Connection and limit are due at the same moment, as after a long stop.
        let error = limit.keep(request(&left)).await.unwrap_err();
        assert!(error.is_timeout(), "it may have left: {error:?}");
        assert_eq!(left.load(Ordering::Relaxed), 0);

        let limit = Limits::within(Duration::from_secs(2));
        limit.keep(request(&left)).await.unwrap();
        assert_eq!(left.load(Ordering::Relaxed), 1);
        sleep(Duration::from_secs(2)).await;
        let error = limit.keep(request(&left)).await.unwrap_err();
        assert!(!error.is_timeout(), "nothing has left: {error:?}");
        assert_eq!(left.load(Ordering::Relaxed), 1);
    }
}
