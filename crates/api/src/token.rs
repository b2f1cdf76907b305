//! The secret that opens the control door.
//!
//! Promises that it is compared in constant time and never shown by `Debug`. Is not an account: whoever
//! can read the data directory's `run.json` is the operator.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A random token of 244 bits, as text.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ControlToken(String);

impl ControlToken {
    /// A new one, from the operating system's randomness.
    #[must_use]
    pub fn random() -> Self {
        let (a, b) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
        Self(format!("{}{}", a.simple(), b.simple()))
    }

    /// The text, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `offered` is the token. Takes as long for a near miss as for a far one.
    #[must_use]
    pub fn matches(&self, offered: &str) -> bool {
        let (own, offered) = (self.0.as_bytes(), offered.as_bytes());
        let difference = own
            .iter()
            .zip(offered.iter().chain(std::iter::repeat(&0)))
            .fold(0_u8, |sum, (a, b)| sum | (a ^ b));
        own.len() == offered.len() && difference == 0
    }
}

impl fmt::Debug for ControlToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ControlToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_matches() {
        let token = ControlToken::random();
        let text = token.expose().to_owned();
        assert!(token.matches(&text));
        assert!(!token.matches(""));
        assert!(!token.matches(&text[1..]));
        assert!(!token.matches(&format!("{text}0")));
        assert!(!token.matches(ControlToken::random().expose()));
        assert!(!format!("{token:?}").contains(&text));
    }
}
