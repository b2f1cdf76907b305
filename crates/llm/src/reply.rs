//! What a model's server answers, read leniently, and what of it is taken.
//!
//! Compatible servers leave fields out, send arguments as a text or as an object, or put the call into the content.
//! Promises that what is taken is one SQL text or a no: prose is never handed on, and what is neither is garbage.

use serde::Deserialize;
use serde_json::Value;
use vitals_model::limits::QUERY_TEXT_BYTES_MAX;

/// The tool that gives SQL.
pub(crate) const ANSWER: &str = "answer_with_sql";
/// The tool that declines.
pub(crate) const DECLINE: &str = "decline";

/// What a model said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// SQL.
    Sql(String),
    /// That the tables do not hold the answer.
    No,
}

/// An answer that is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Useless {
    /// It is not what was asked for.
    Garbage,
    /// The provider will not answer.
    Refused,
}

#[derive(Deserialize)]
struct Whole {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    total_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Choice {
    message: Option<Message>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Message {
    content: Option<Value>,
    refusal: Option<Value>,
    #[serde(default)]
    tool_calls: Option<Vec<Call>>,
    function_call: Option<Function>,
}

#[derive(Deserialize)]
struct Call {
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<Value>,
}

/// What an answer says, and how many tokens it says it cost.
pub(crate) fn read(body: &[u8]) -> (Result<Said, Useless>, Option<u64>) {
    let Ok(whole) = serde_json::from_slice::<Whole>(body) else {
        return (Err(Useless::Garbage), None);
    };
    let tokens = whole.usage.and_then(|it| it.total_tokens);
    (said(whole.choices.into_iter().next()), tokens)
}

fn said(choice: Option<Choice>) -> Result<Said, Useless> {
    let choice = choice.ok_or(Useless::Garbage)?;
    let message = choice.message.unwrap_or_default();
    let refused = message.refusal.is_some_and(|it| !it.is_null());
    if refused || choice.finish_reason.as_deref() == Some("content_filter") {
        return Err(Useless::Refused);
    }
    let calls = message.tool_calls.unwrap_or_default();
    if calls.len() > 1 {
        return Err(Useless::Garbage);
    }
    let call = calls.into_iter().next().and_then(|it| it.function).or(message.function_call);
    match (call, message.content) {
        (Some(call), _) => of_call(call.name.as_deref(), call.arguments),
        (None, Some(Value::String(content))) => of_content(&content),
        (None, _) => Err(Useless::Garbage),
    }
}

fn of_call(name: Option<&str>, arguments: Option<Value>) -> Result<Said, Useless> {
    let arguments = match arguments {
        Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or(Value::Null),
        Some(other) => other,
        None => Value::Null,
    };
    match name {
        Some(DECLINE) => Ok(Said::No),
        Some(ANSWER) => {
            let sql = arguments.get("sql").and_then(Value::as_str).unwrap_or_default();
            of_sql(sql)
        }
        _ => Err(Useless::Garbage),
    }
}

/// A call, or SQL alone, where a server has put it into the content.
fn of_content(content: &str) -> Result<Said, Useless> {
    let content = content.trim();
    let fenced = content.strip_prefix("```").and_then(|it| it.strip_suffix("```"));
    let inner = match fenced.and_then(|it| it.split_once('\n')) {
        Some((_, inner)) => inner.trim(),
        None => content,
    };
    if let Ok(Value::Object(mut call)) = serde_json::from_str(inner) {
        if call.contains_key("sql") {
            return of_call(Some(ANSWER), Some(Value::Object(call)));
        }
        let arguments = call.remove("arguments").or_else(|| call.remove("parameters"));
        return of_call(call.get("name").and_then(Value::as_str), arguments);
    }
    of_sql(inner)
}

fn of_sql(sql: &str) -> Result<Said, Useless> {
    let sql = sql.trim().trim_end_matches(';').trim();
    let first = sql.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    let begins = ["SELECT", "WITH"].contains(&first.as_str());
    // Anything else is the guard's to refuse; prose is nobody's SQL.
    if !begins || sql.len() > QUERY_TEXT_BYTES_MAX {
        return Err(Useless::Garbage);
    }
    Ok(Said::Sql(sql.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(message: Value) -> Result<Said, Useless> {
        read(json!({ "choices": [{ "message": message }] }).to_string().as_bytes()).0
    }

    fn call(name: &str, arguments: Value) -> Value {
        json!({ "tool_calls": [{ "id": "x", "type": "function", "function": { "name": name, "arguments": arguments } }] })
    }

    #[test]
    fn sql_is_found_wherever_servers_put_it() {
        let sql = Ok(Said::Sql("SELECT 1".to_owned()));
        for message in [
            call(ANSWER, json!("{\"sql\": \"SELECT 1;\"}")),
            call(ANSWER, json!({ "sql": " SELECT 1 " })),
            json!({ "function_call": { "name": ANSWER, "arguments": "{\"sql\":\"SELECT 1\"}" } }),
            json!({ "content": "```sql\nSELECT 1;\n```" }),
            json!({ "content": "{\"sql\": \"SELECT 1\"}" }),
            json!({ "content": "```json\n{\"name\": \"answer_with_sql\", \"arguments\": {\"sql\": \"SELECT 1\"}}\n```" }),
        ] {
            assert_eq!(of(message.clone()), sql, "{message}");
        }
        assert_eq!(of(call(DECLINE, json!("no json"))), Ok(Said::No));
    }

    #[test]
    fn what_is_neither_sql_nor_a_no_is_garbage() {
        for message in [
            json!({}),
            json!({ "content": "Sure! Here is your query: SELECT 1" }),
            json!({ "content": "![x](http://evil/?q=1)" }),
            call("fetch_url", json!({ "url": "http://evil/" })),
            call(ANSWER, json!("{\"sql\": 7}")),
            call(ANSWER, json!("{broken")),
            call(ANSWER, json!({ "sql": "DROP TABLE customers" })),
            json!({ "tool_calls": [call(ANSWER, json!({"sql": "SELECT 1"}))["tool_calls"][0], call(ANSWER, json!({"sql": "SELECT 2"}))["tool_calls"][0]] }),
        ] {
            assert_eq!(of(message.clone()), Err(Useless::Garbage), "{message}");
        }
        assert_eq!(
            of(json!({ "refusal": "I will not", "content": "SELECT 1" })),
            Err(Useless::Refused)
        );
        assert_eq!(read(b"<html>").0, Err(Useless::Garbage));
        assert_eq!(read(b"{\"choices\": []}").0, Err(Useless::Garbage));
        assert_eq!(read(br#"{"choices": [], "usage": {"total_tokens": 7}}"#).1, Some(7));
    }
}
