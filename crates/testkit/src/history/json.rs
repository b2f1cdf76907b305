//! Objects of JSON as text, so that a number can be written in every way a source may write it.

use std::fmt::Write;

/// An object under construction: fields in the order they were added.
#[derive(Debug, Default)]
pub(super) struct Object {
    text: String,
}

impl Object {
    /// Adds a field whose value is JSON already.
    pub(super) fn raw(mut self, name: &str, value: &str) -> Self {
        let comma = if self.text.is_empty() { "" } else { "," };
        write!(self.text, "{comma}\"{name}\":{value}").expect("a String takes all text");
        self
    }

    /// Adds a text field.
    pub(super) fn text(self, name: &str, value: &str) -> Self {
        let quoted = serde_json::Value::from(value).to_string();
        self.raw(name, &quoted)
    }

    /// Adds a text field if there is a value.
    pub(super) fn maybe(self, name: &str, value: Option<String>) -> Self {
        match value {
            Some(value) => self.text(name, &value),
            None => self,
        }
    }

    /// Adds a decimal, as text or as a number.
    pub(super) fn decimal(self, name: &str, (value, quoted): (&str, bool)) -> Self {
        if quoted { self.text(name, value) } else { self.raw(name, value) }
    }

    /// The object's text.
    pub(super) fn finish(self) -> String {
        format!("{{{}}}", self.text)
    }
}
