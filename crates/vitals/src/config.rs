//! Settings: defaults, then a TOML file, then `VITALS_*`, then flags; the later wins.
//!
//! Promises that an unknown key in the file is an error naming it, and that a secret never appears in an
//! error. Reads the environment once; nothing else in the program does.
//!
//! An unknown `VITALS_*` variable is warned about by every command, and no error: orchestrators set such names
//! themselves (of a service called vitals: `VITALS_SERVICE_HOST`, `VITALS_PORT_8080_TCP` and more), and a
//! service's name must not keep Vitals from starting. A file is written by hand, so there it is an error.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

use crate::cli::{LogFormat, SettingFlags, Up};
use crate::failure::{Failure, OrFail, Outcome};

/// Every setting. The names are those of the file and, in capitals after `VITALS_`, of the environment.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where the embedded log and PostgreSQL live.
    pub(crate) data_dir: PathBuf,
    /// Kafka brokers; the log is embedded without.
    pub(crate) kafka: Option<String>,
    /// Put before the names of our topics in Kafka, so that several logs can share a cluster.
    pub(crate) kafka_topic_prefix: Option<String>,
    /// Copies Kafka keeps of each partition, when we create the topics.
    pub(crate) kafka_replication: i16,
    /// Partitions of the log, when we create it.
    pub(crate) partitions: u16,
    /// PostgreSQL to use; embedded without.
    pub(crate) database_url: Option<String>,
    /// Where HTTP is served.
    pub(crate) listen: SocketAddr,
    /// Where the PostgreSQL protocol is served.
    pub(crate) pg_listen: Listen,
    /// Where Flight SQL is served.
    pub(crate) flight_listen: Listen,
    /// Certificate of both, in PEM form.
    pub(crate) tls_certificate: Option<PathBuf>,
    /// Its key, in PEM form.
    pub(crate) tls_key: Option<PathBuf>,
    /// What this process does.
    pub(crate) roles: Vec<Role>,
    /// Seconds between two rounds of maintenance; 0 for none.
    pub(crate) maintenance_interval_s: u64,
    /// Most seconds between two flushes of the lake; 0 for no lake, until something reads it.
    pub(crate) lake_flush_interval_s: u64,
    /// Messages after which the engine's state is written to a checkpoint; 0 for never.
    pub(crate) checkpoint_messages: u64,
    /// Form of the telemetry.
    pub(crate) log_format: LogFormat,
    /// Where files of schedules go; `reports` in the data directory without.
    pub(crate) reports_dir: Option<PathBuf>,
    /// Who turns questions into SQL.
    pub(crate) ask_translator: Translator,
    /// The address of a language model, in front of `/chat/completions`; `OPENAI_BASE_URL` too.
    pub(crate) llm_base_url: Option<String>,
    /// The model's name.
    pub(crate) llm_model: Option<String>,
    /// Its key; `OPENAI_API_KEY` too.
    pub(crate) llm_api_key: Option<String>,
    /// A file that holds the key; `OPENAI_API_KEY_FILE` too.
    pub(crate) llm_api_key_file: Option<PathBuf>,
    /// Tokens that one tenant's questions may cost in a day.
    pub(crate) llm_tokens_per_day: u64,
}

/// Who turns questions in plain language into SQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Translator {
    /// The one of this program.
    Builtin,
    /// A language model.
    Llm,
    /// The one of this program, and a language model for what it declines.
    #[default]
    Both,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // NB: the database's address holds a password.
        f.debug_struct("Settings")
            .field("data_dir", &self.data_dir)
            .field("kafka", &self.kafka)
            .field("listen", &self.listen)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

/// What a process of Vitals may do. Whatever its roles, it serves health and its control door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Takes records in: what commands and the demonstration publish through this process.
    Ingest,
    /// Maintains the vitals, the log and the history.
    Engine,
    /// Answers SQL, through the PostgreSQL protocol and Flight SQL too, and keeps the lake for it.
    Query,
    /// Answers SQL over HTTP.
    Api,
}

/// Where a door is: an address, or nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Listen {
    /// Nowhere.
    Off,
    /// At an address.
    At(SocketAddr),
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.trim() {
            "off" => Ok(Self::Off),
            address => {
                address.parse().map(Self::At).map_err(|_| "no address and not 'off'".to_owned())
            }
        }
    }
}

impl From<Listen> for String {
    fn from(listen: Listen) -> Self {
        match listen {
            Listen::Off => "off".to_owned(),
            Listen::At(address) => address.to_string(),
        }
    }
}

impl Role {
    const ALL: [Self; 4] = [Self::Ingest, Self::Engine, Self::Query, Self::Api];
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("./vitals-data"),
            kafka: None,
            kafka_topic_prefix: None,
            kafka_replication: 1,
            partitions: 8,
            database_url: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            pg_listen: Listen::At(SocketAddr::from(([127, 0, 0, 1], 5433))),
            flight_listen: Listen::At(SocketAddr::from(([127, 0, 0, 1], 50051))),
            tls_certificate: None,
            tls_key: None,
            roles: Role::ALL.to_vec(),
            maintenance_interval_s: 3_600,
            lake_flush_interval_s: 60,
            checkpoint_messages: 100_000,
            log_format: LogFormat::Text,
            reports_dir: None,
            ask_translator: Translator::Both,
            llm_base_url: None,
            llm_model: None,
            llm_api_key: None,
            llm_api_key_file: None,
            llm_tokens_per_day: 200_000,
        }
    }
}

/// A year: nobody means more, and timers end somewhere.
const MAINTENANCE_INTERVAL_S_MAX: u64 = 365 * 86_400;

/// Names in the environment that are ours but no settings.
const OTHER_VARIABLES: [&str; 7] = [
    "VITALS_CONFIG",
    "VITALS_LOG",
    // Those of scripts/kafka.sh and of the tests.
    "VITALS_CACHE",
    "VITALS_KAFKA_DIR",
    "VITALS_KAFKA_FOLLOW",
    "VITALS_KILLS",
    "VITALS_SEED",
];

/// Names in the environment that other programs know too, and what we call them. Ours win.
const SHARED: [(&str, &str); 3] = [
    ("OPENAI_BASE_URL", "llm_base_url"),
    ("OPENAI_API_KEY", "llm_api_key"),
    ("OPENAI_API_KEY_FILE", "llm_api_key_file"),
];

/// What the environment says, read once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// `VITALS_*`, name and value, sorted.
    pub(crate) vitals: Vec<(String, String)>,
    /// Settings that other programs read by the same names: ours, and the value.
    pub(crate) shared: Vec<(&'static str, String)>,
    /// `VITALS_LOG`, else `RUST_LOG`: which telemetry is wanted.
    pub(crate) log_filter: Option<String>,
    /// `NO_COLOR` is set to something.
    pub(crate) no_color: bool,
}

impl Environment {
    /// Reads it.
    pub(crate) fn read() -> Self {
        let mut vitals: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("VITALS_"))
            .collect();
        vitals.sort();
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let shared = SHARED.into_iter().filter_map(|(name, key)| Some((key, set(name)?))).collect();
        Self {
            vitals,
            shared,
            log_filter: set("VITALS_LOG").or_else(|| set("RUST_LOG")),
            no_color: set("NO_COLOR").is_some(),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.vitals.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// Variables that begin like ours and mean nothing to us.
    pub(crate) fn unknown(&self) -> Vec<&str> {
        let known = keys();
        self.vitals
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| !OTHER_VARIABLES.contains(name) && !name.starts_with("VITALS_TEST_"))
            .filter(|name| !known.iter().any(|key| variable(key) == *name))
            .collect()
    }
}

fn variable(key: &str) -> String {
    format!("VITALS_{}", key.to_uppercase())
}

/// The names of all settings.
fn keys() -> Vec<String> {
    match serde_json::to_value(Settings::default()) {
        Ok(serde_json::Value::Object(fields)) => fields.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// Settles the settings of this run.
pub(crate) fn load(
    flags: &SettingFlags,
    up: Option<&Up>,
    environment: &Environment,
) -> Outcome<Settings> {
    let mut figment = Figment::from(Serialized::defaults(Settings::default()));
    let file = flags.config.clone().or_else(|| environment.get("VITALS_CONFIG").map(PathBuf::from));
    if let Some(file) = &file {
        let text = std::fs::read_to_string(file).or_fail(
            format_args!("the settings file {} cannot be read", file.display()),
            "check --config",
        )?;
        figment = figment.merge(Toml::string(&text));
        // Each source is checked as it is added, so that an error can name the one to mend.
        extract(&figment, &format!("the settings file {}", file.display()))?;
    }
    for (key, text) in &environment.shared {
        figment = figment.merge(Serialized::default(key, text));
    }
    for key in keys() {
        let name = variable(&key);
        if let Some(text) = environment.get(&name) {
            figment = figment.merge(Serialized::default(&key, from_text(&key, text)));
            extract(&figment, &format!("the environment variable {name}"))?;
        }
    }
    figment = figment.merge(Serialized::defaults(flags));
    if let Some(up) = up {
        if let Some(roles) = &up.roles {
            figment = figment.merge(Serialized::default("roles", roles));
        }
        let texts = [
            ("listen", up.listen.clone()),
            ("pg_listen", up.pg_listen.clone()),
            ("flight_listen", up.flight_listen.clone()),
            ("tls_certificate", up.tls_certificate.clone()),
            ("tls_key", up.tls_key.clone()),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                figment = figment.merge(Serialized::default(key, text));
            }
        }
    }
    let settings = extract(&figment, "the command line").map_err(Failure::into_usage)?;
    check(settings)
}

/// A variable's text as the setting's own type.
fn from_text(key: &str, text: &str) -> serde_json::Value {
    match key {
        "roles" => text.split(',').map(|role| role.trim().to_owned()).collect(),
        "partitions"
        | "kafka_replication"
        | "maintenance_interval_s"
        | "lake_flush_interval_s"
        | "checkpoint_messages"
        | "llm_tokens_per_day" => text.parse::<u64>().map_or_else(|_| text.into(), Into::into),
        _ => text.into(),
    }
}

fn extract(figment: &Figment, source: &str) -> Outcome<Settings> {
    use figment::error::Kind;
    figment.extract::<Settings>().map_err(|error| {
        let key = error.path.join(".");
        let problem = match &error.kind {
            Kind::UnknownField(field, _) => format!("has an unknown setting '{field}'"),
            Kind::Message(text) if key.is_empty() => format!("is not valid TOML: {}", text.trim()),
            // A value may be a secret: only its name is shown.
            Kind::Message(_) => format!("has a value for '{key}' that is not understood"),
            Kind::UnknownVariant(variant, known) => {
                format!("has '{variant}' for '{key}', which is none of {}", known.join(", "))
            }
            Kind::InvalidType(_, wanted) | Kind::InvalidValue(_, wanted) => {
                format!("has a wrong value for '{key}', which is {wanted}")
            }
            _ => format!("has a wrong value for '{key}'"),
        };
        Failure::new(
            format_args!("{source} {problem}"),
            format_args!("settings are {}", keys().join(", ")),
        )
    })
}

fn check(mut settings: Settings) -> Outcome<Settings> {
    settings.roles.sort_unstable();
    settings.roles.dedup();
    // An empty value unsets what an earlier source set.
    for text in [&mut settings.kafka, &mut settings.database_url] {
        if text.as_ref().is_some_and(|it| it.trim().is_empty()) {
            *text = None;
        }
    }
    if settings.roles.is_empty() {
        return Err(Failure::usage("no role is given", "name some of ingest, engine, query, api"));
    }
    if settings.roles.len() < Role::ALL.len() && !settings.external() {
        return Err(Failure::usage(
            "roles can be split over processes only around a shared log and database",
            "give --kafka and --database-url, or leave --roles out",
        ));
    }
    let partitions = vitals_model::limits::PARTITIONS_MIN..=vitals_model::limits::PARTITIONS_MAX;
    if !partitions.contains(&settings.partitions) {
        return Err(Failure::usage(
            format_args!("{} partitions are not possible", settings.partitions),
            format_args!("choose {} to {}", partitions.start(), partitions.end()),
        ));
    }
    if let Some(url) = &settings.database_url
        && !(url.starts_with("postgres://") || url.starts_with("postgresql://"))
    {
        return Err(Failure::usage(
            "the database URL does not begin with postgres://",
            "check --database-url or VITALS_DATABASE_URL",
        ));
    }
    if settings.ask_translator == Translator::Llm && settings.llm().is_none() {
        return Err(Failure::usage(
            "questions are to be translated by a language model, and none is named",
            "set llm_base_url and llm_model, or ask_translator to builtin",
        ));
    }
    Ok(settings)
}

impl Settings {
    /// Where a language model is asked, and its name; `None` unless both are set.
    pub(crate) fn llm(&self) -> Option<(&str, &str)> {
        let set = |it: &'_ Option<String>| it.as_ref().is_some_and(|it| !it.trim().is_empty());
        if !set(&self.llm_base_url) || !set(&self.llm_model) {
            return None;
        }
        self.llm_base_url.as_deref().zip(self.llm_model.as_deref())
    }

    /// Whether both the log and the database are outside the data directory.
    pub(crate) fn external(&self) -> bool {
        self.kafka.is_some() && self.database_url.is_some()
    }

    /// Whether this process has a role.
    pub(crate) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Time between two rounds of maintenance; `None` for none.
    pub(crate) fn maintenance_interval(&self) -> Option<Duration> {
        let seconds = self.maintenance_interval_s;
        (seconds > 0).then(|| Duration::from_secs(seconds.min(MAINTENANCE_INTERVAL_S_MAX)))
    }

    /// Longest time between two flushes of the lake; `None` for no lake.
    pub(crate) fn lake_flush_interval(&self) -> Option<Duration> {
        let seconds = self.lake_flush_interval_s;
        (seconds > 0).then(|| Duration::from_secs(seconds.min(MAINTENANCE_INTERVAL_S_MAX)))
    }

    /// Where files of schedules go.
    pub(crate) fn reports_dir(&self) -> PathBuf {
        self.reports_dir.clone().unwrap_or_else(|| self.data_dir.join("reports"))
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }
}

#[cfg(test)]
mod tests;
