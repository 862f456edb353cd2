//! ClientToken: a creation that is repeated with the same token makes nothing new.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::operation::ResourceKind;
use super::{Call, Document, Router};
use crate::emulator::error::{ApiError, ErrorKind};

/// How many tokens are remembered; the oldest is forgotten first
const TOKENS_MAX: usize = 1_000;

/// A creation that went through
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Token {
    kind: ResourceKind,
    text: String,
    /// Of the body, so that another request under the same token is told apart
    digest: u64,
    arn: String,
    at: Duration,
    /// What the creation answered, for a resource that has gone since
    reply: Document,
}

impl Token {
    pub(super) const fn at(&self) -> Duration {
        self.at
    }
}

impl Router {
    /// What a creation under the same token is answered: the resource, or what the first one was answered if that has gone since
    pub(super) fn remembered(&self, kind: ResourceKind, call: Call<'_>) -> Result<Option<Value>, ApiError> {
        let kept = Duration::from_secs(call.terms.switches.router_token_seconds);
        let is_kept = |token: &&Token| kept.is_zero() || call.now.elapsed.saturating_sub(token.at) < kept;
        let Some(given) = client_token(call) else {
            return Ok(None);
        };
        let found = self
            .tokens
            .iter()
            .rev()
            .filter(is_kept)
            .find(|token| token.kind == kind && token.text == given);
        let Some(token) = found else {
            return Ok(None);
        };
        if token.digest != call.request.digest() {
            let text = "A request with the same clientToken but different parameters was made before.";
            return Err(ApiError::new(ErrorKind::Conflict, text));
        }
        let reply = match self.resource(&token.arn) {
            Some(resource) => self.wrapped(resource, call.terms),
            None => json!({ kind.key(): token.reply }),
        };
        Ok(Some(reply))
    }

    pub(super) fn remember(&mut self, kind: ResourceKind, arn: &str, reply: Document, call: Call<'_>) {
        let Some(given) = client_token(call) else {
            return;
        };
        if self.tokens.len() == TOKENS_MAX {
            self.tokens.pop_front();
        }
        self.tokens.push_back(Token {
            kind,
            text: given.to_owned(),
            digest: call.request.digest(),
            arn: arn.to_owned(),
            at: call.now.elapsed,
            reply,
        });
    }
}

fn client_token(call: Call<'_>) -> Option<&str> {
    call.request.body.get("clientToken")?.as_str()
}
