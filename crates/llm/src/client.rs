//! The endpoint and one call of it.
//!
//! Promises one request, an answer of bounded size, no redirect followed, and errors without a word of the server's
//! or the key. Does not try again: what to do about a failure is its caller's.

use std::fmt;

use futures::StreamExt;
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url, header};
use serde_json::{Value, json};
use vitals_model::limits::{LLM_ANSWER_BYTES_MAX, LLM_ANSWER_TOKENS_MAX};

use crate::reply::{ANSWER, DECLINE};

/// A key. Shown by nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// A key as it stands in the environment or a file.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Where a model is asked, and which.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The address in front of `/chat/completions`, such as `https://models.example/v1`.
    pub base_url: String,
    /// The key, where one is needed.
    pub key: Option<Key>,
    /// The model's name.
    pub model: String,
}

/// Why a call gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("it cannot be reached")]
    Unreachable,
    #[error("it answered {0}")]
    Status(u16),
    #[error("its answer is too long")]
    TooLong,
    #[error("its answer broke off")]
    BrokeOff,
}

/// A client of one endpoint.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: Url,
    key: Option<Key>,
    model: String,
}

/// One of a conversation's texts.
pub(crate) type Message = (&'static str, String);

impl Client {
    /// A client; an error is one plain sentence.
    pub(crate) fn new(endpoint: Endpoint) -> Result<Self, String> {
        let Endpoint { base_url, key, model } = endpoint;
        let address = format!("{}/chat/completions", base_url.trim_end_matches('/'));
        let url = Url::parse(&address).map_err(|_| "the model's address is no URL".to_owned())?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err("the model's address is no http or https URL".to_owned());
        }
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            // NB: a proxy of the environment would see the questions; the endpoint is who was chosen.
            .no_proxy()
            .build()
            .map_err(|_| "an HTTP client cannot be made".to_owned())?;
        Ok(Self { http, url, key, model })
    }

    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// Asks once.
    pub(crate) async fn ask(&self, messages: &[Message]) -> Result<Vec<u8>, NoAnswer> {
        let mut request = self
            .http
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(body(&self.model, messages).to_string());
        if let Some(Key(key)) = &self.key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.map_err(|_| NoAnswer::Unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(NoAnswer::Status(response.status().as_u16()));
        }
        let (mut answer, mut pieces) = (Vec::new(), response.bytes_stream());
        while let Some(piece) = pieces.next().await {
            answer.extend_from_slice(&piece.map_err(|_| NoAnswer::BrokeOff)?);
            if answer.len() > LLM_ANSWER_BYTES_MAX {
                return Err(NoAnswer::TooLong);
            }
        }
        Ok(answer)
    }
}

fn body(model: &str, messages: &[Message]) -> Value {
    let messages: Vec<Value> = messages
        .iter()
        .map(|(role, content)| json!({ "role": role, "content": content }))
        .collect();
    json!({
        "model": model,
        "messages": messages,
        "temperature": 0,
        "max_tokens": LLM_ANSWER_TOKENS_MAX,
        "tools": [
            tool(ANSWER, "Answers the question with one read-only SELECT.", "sql", "One SELECT."),
            tool(DECLINE, "Says that the tables do not hold the answer.", "why", "The reason."),
        ],
        "tool_choice": "required",
        "parallel_tool_calls": false,
    })
}

/// A tool with one text, strictly.
fn tool(name: &str, does: &str, argument: &str, says: &str) -> Value {
    json!({
        "type": "function",
        "function": {
            "name": name,
            "description": does,
            "strict": true,
            "parameters": {
                "type": "object",
                "properties": { argument: { "type": "string", "description": says } },
                "required": [argument],
                "additionalProperties": false,
            },
        },
    })
}
