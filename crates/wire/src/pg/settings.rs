//! The settings of a connection: those that tools set and ask for as a matter of course.
//!
//! Promises that no setting reaches the engine, that none changes what a question means, and that the
//! deadline can be set lower than the house's and never higher. The zone is the tenant's and stays so.

use std::collections::BTreeMap;
use std::time::Duration;

use vitals_model::limits::QUERY_TIME_MS_MAX;

use super::refusal::Refusal;

/// The version PostgreSQL's clients are told: what they may expect of the catalogue and the protocol.
pub(super) const SERVER_VERSION: &str = "16.6";

/// Settings with their values at the beginning, and whether a client is told of a change.
const SETTINGS: [(&str, &str, bool); 36] = [
    ("application_name", "", true),
    ("array_nulls", "on", false),
    ("backslash_quote", "safe_encoding", false),
    ("bytea_output", "hex", false),
    ("client_encoding", "UTF8", true),
    ("client_min_messages", "notice", false),
    ("datestyle", "ISO, MDY", true),
    ("default_transaction_isolation", "repeatable read", false),
    ("default_transaction_read_only", "on", true),
    ("enable_seqscan", "on", false),
    ("escape_string_warning", "on", false),
    ("extra_float_digits", "1", false),
    ("idle_in_transaction_session_timeout", "0", false),
    ("idle_session_timeout", "0", false),
    ("in_hot_standby", "off", true),
    ("integer_datetimes", "on", true),
    ("intervalstyle", "postgres", true),
    ("is_superuser", "off", true),
    ("jit", "off", false),
    ("lc_collate", "C", false),
    ("lc_ctype", "C", false),
    ("lc_messages", "C", false),
    ("lc_monetary", "C", false),
    ("lock_timeout", "0", false),
    ("max_identifier_length", "63", false),
    ("role", "none", false),
    ("row_security", "on", false),
    ("search_path", "public", false),
    ("server_encoding", "UTF8", true),
    ("server_version", SERVER_VERSION, true),
    ("server_version_num", "160006", false),
    ("standard_conforming_strings", "on", true),
    ("statement_timeout", "0", false),
    ("timezone", "UTC", true),
    ("transaction_isolation", "repeatable read", false),
    ("transaction_read_only", "on", false),
];

/// How a setting is written to a client that is told of it.
fn shown(name: &str) -> &str {
    match name {
        "datestyle" => "DateStyle",
        "intervalstyle" => "IntervalStyle",
        "timezone" => "TimeZone",
        other => other,
    }
}

/// What came of setting something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    /// Nobody need be told.
    Quietly,
    /// The client is told of the new value.
    Told(&'static str, String),
    /// It stays as it is; the client is warned.
    Kept(Refusal),
}

/// The settings of one connection.
#[derive(Debug, Default)]
pub(super) struct Settings {
    changed: BTreeMap<&'static str, String>,
    zone: Option<&'static str>,
}

fn known(name: &str) -> Option<(&'static str, &'static str, bool)> {
    SETTINGS.into_iter().find(|(it, ..)| name.eq_ignore_ascii_case(it))
}

fn unknown(name: &str) -> Refusal {
    Refusal::new("42704", format!("there is no setting \"{name}\""), "see docs/connect.md")
}

impl Settings {
    /// The value of a setting.
    pub(super) fn show(&self, name: &str) -> Result<String, Refusal> {
        let (name, first, _) = known(name).ok_or_else(|| unknown(name))?;
        Ok(match name {
            "timezone" => self.zone.unwrap_or(first).to_owned(),
            "statement_timeout" => format!("{}ms", self.deadline().as_millis()),
            _ => self.changed.get(name).cloned().unwrap_or_else(|| first.to_owned()),
        })
    }

    /// What a client is told at the beginning.
    pub(super) fn told(&self) -> Vec<(String, String)> {
        let told = SETTINGS.into_iter().filter(|(.., told)| *told);
        told.filter_map(|(name, ..)| Some((shown(name).to_owned(), self.show(name).ok()?)))
            .collect()
    }

    /// Sets something; without a value, to what it was at the beginning.
    pub(super) fn set(&mut self, name: &str, value: Option<String>) -> Result<Changed, Refusal> {
        let (name, _, told) = known(name).ok_or_else(|| unknown(name))?;
        let Some(value) = value else {
            self.changed.remove(name);
            let value = self.show(name)?;
            return Ok(if told { Changed::Told(shown(name), value) } else { Changed::Quietly });
        };
        let is = |it: &str| value.eq_ignore_ascii_case(it);
        let kept = |what: &str| Changed::Kept(Refusal::new("01000", what, ""));
        match name {
            "timezone" => {
                return Ok(match self.zone {
                    Some(zone) if is(zone) => Changed::Quietly,
                    _ => kept("the zone stays the tenant's: days and instants are in it"),
                });
            }
            "client_encoding" if !is("utf8") && !is("utf-8") && !is("unicode") => {
                return Err(Refusal::new("22023", "text is UTF8 here", "use client_encoding UTF8"));
            }
            "client_encoding" => return Ok(Changed::Quietly),
            "standard_conforming_strings" if !is("on") && !is("true") && !is("1") => {
                return Err(Refusal::new("22023", "a backslash is a backslash here", ""));
            }
            "datestyle" if !value.to_ascii_uppercase().starts_with("ISO") => {
                return Ok(kept("dates stay in ISO style"));
            }
            "role" if !is("none") => {
                return Err(Refusal::new("42501", "a connection stays its tenant's", ""));
            }
            "statement_timeout" => {
                milliseconds(&value).ok_or_else(|| {
                    Refusal::new(
                        "22023",
                        "a timeout is a number of milliseconds, or has a unit",
                        "",
                    )
                })?;
            }
            "server_version"
            | "server_version_num"
            | "server_encoding"
            | "integer_datetimes"
            | "is_superuser"
            | "in_hot_standby"
            | "max_identifier_length"
            | "lc_collate"
            | "lc_ctype" => {
                let message = format!("the setting \"{name}\" cannot be changed");
                return Err(Refusal::new("55P02", message, ""));
            }
            "default_transaction_read_only" | "transaction_read_only" => {
                return Ok(if is("on") || is("true") || is("1") {
                    Changed::Quietly
                } else {
                    kept("everything stays read only")
                });
            }
            _ => {}
        }
        self.changed.insert(name, value.clone());
        Ok(if told { Changed::Told(shown(name), value) } else { Changed::Quietly })
    }

    /// Everything as at the beginning, but for what the connection is.
    pub(super) fn reset(&mut self) {
        self.changed.clear();
    }

    /// Learns the tenant's zone; whether that is new.
    pub(super) fn learn_zone(&mut self, zone: &'static str) -> bool {
        self.zone.replace(zone) != Some(zone)
    }

    /// How long a statement may take.
    pub(super) fn deadline(&self) -> Duration {
        let asked = self.changed.get("statement_timeout").and_then(|it| milliseconds(it));
        let asked = asked.filter(|ms| *ms > 0).unwrap_or(u64::MAX);
        Duration::from_millis(asked.min(QUERY_TIME_MS_MAX))
    }
}

/// `250`, `5s`, `1min` as milliseconds.
fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let count: u64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    count.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_goes_down_and_never_up() {
        let mut settings = Settings::default();
        let most = Duration::from_millis(QUERY_TIME_MS_MAX);
        assert_eq!(settings.deadline(), most);
        for (value, expected) in [
            ("250", Duration::from_millis(250)),
            ("2s", Duration::from_secs(2)),
            ("1d", most),
            ("0", most),
        ] {
            settings.set("statement_timeout", Some(value.to_owned())).unwrap();
            assert_eq!(settings.deadline(), expected, "{value}");
        }
        let refused = settings.set("statement_timeout", Some("soon".to_owned()));
        assert_eq!(refused.map_err(|it| it.code), Err("22023"));
    }

    #[test]
    fn what_would_change_meaning_is_kept_or_refused() {
        let mut settings = Settings::default();
        settings.learn_zone("Europe/Berlin");
        let mut set = |name: &str, value: &str| settings.set(name, Some(value.to_owned()));
        assert!(matches!(set("TimeZone", "America/New_York"), Ok(Changed::Kept(_))));
        assert_eq!(set("timezone", "europe/berlin"), Ok(Changed::Quietly));
        assert_eq!(set("client_encoding", "latin1").map_err(|it| it.code), Err("22023"));
        assert_eq!(set("role", "other").map_err(|it| it.code), Err("42501"));
        assert_eq!(set("vitals.tenant", "other").map_err(|it| it.code), Err("42704"));
        assert_eq!(set("is_superuser", "on").map_err(|it| it.code), Err("55P02"));
        assert_eq!(set("extra_float_digits", "3"), Ok(Changed::Quietly));
        assert_eq!(settings.show("TIMEZONE"), Ok("Europe/Berlin".to_owned()));
        assert_eq!(settings.show("extra_float_digits"), Ok("3".to_owned()));
        let told = Changed::Told("TimeZone", "Europe/Berlin".to_owned());
        assert_eq!(settings.set("timezone", None), Ok(told));
        settings.reset();
        assert_eq!(settings.show("extra_float_digits"), Ok("1".to_owned()));
        assert!(SETTINGS.is_sorted_by_key(|it| it.0));
    }
}
