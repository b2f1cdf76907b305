//! The command line: what can be said, not what is done.
//!
//! Promises that usage errors exit 2 (clap's own rule) and that every setting given here wins over the
//! environment and the file. Settings have no defaults here: `config` owns them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;

mod desk;

pub(crate) use desk::{
    Ask, AskFormat, Queries, QuerySave, ReportRun, Reports, ScheduleCreate, Schedules,
};

/// Keeps the vital signs of many small businesses current.
#[derive(Debug, Parser)]
#[command(name = "vitals", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Settings every command takes. Absent ones come from `VITALS_*`, the file, or a default.
#[derive(Clone, Debug, Default, Args, Serialize)]
pub(crate) struct SettingFlags {
    /// Directory of the embedded log and PostgreSQL [default: ./vitals-data]
    #[arg(long, global = true, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Settings file (TOML)
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// Kafka brokers as host:port, several with commas between; without them the log is embedded
    #[arg(long, global = true, value_name = "BROKERS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kafka: Option<String>,
    /// PostgreSQL to use, postgres://...; without it the database is embedded
    #[arg(long, global = true, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) database_url: Option<String>,
    /// How telemetry is written to standard error [default: text]
    #[arg(long, global = true, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_format: Option<LogFormat>,
}

/// Form of the telemetry on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts Vitals: every role in one process unless told otherwise
    Up(Up),
    /// Reads a file into the log
    #[command(subcommand)]
    Import(Import),
    /// Publishes a believable business: studio and shop, with lateness, duplicates and corrections
    Simulate(Simulate),
    /// Creates and lists tenants
    #[command(subcommand)]
    Tenants(Tenants),
    /// Creates users
    #[command(subcommand)]
    Users(Users),
    /// Creates API keys
    #[command(subcommand)]
    Keys(Keys),
    /// Answers one SELECT over a tenant's records and vitals
    Sql(Sql),
    /// Answers a question in plain language
    Ask(Ask),
    /// Lists and runs reports
    #[command(subcommand)]
    Reports(Reports),
    /// Keeps, lists, runs and forgets queries of a tenant
    #[command(subcommand)]
    Queries(Queries),
    /// Runs reports and saved queries by the calendar
    #[command(subcommand)]
    Schedules(Schedules),
    /// Recomputes every vital from the log by its SQL definition and compares it with the store
    Verify(Verify),
    /// Checks every dependency and setting, and says what to mend
    Doctor(Doctor),
    /// Computes questions for the process that started it
    #[command(name = crate::workers::COMMAND, hide = true)]
    QueryWorker,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// What this process does: ingest, engine, query, api [default: all of them]
    #[arg(long, value_delimiter = ',', value_name = "ROLE")]
    pub(crate) roles: Option<Vec<String>>,
    /// Where HTTP is served [default: 127.0.0.1:8080]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    /// Where the PostgreSQL protocol is served, or 'off' [default: 127.0.0.1:5433]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) pg_listen: Option<String>,
    /// Where Flight SQL is served, or 'off' [default: 127.0.0.1:50051]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) flight_listen: Option<String>,
    /// Certificate of the PostgreSQL protocol and Flight SQL (PEM); without it nothing is encrypted
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_certificate: Option<String>,
    /// Key of the certificate (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<String>,
    /// Keeps a simulated studio and shop flowing
    #[arg(long)]
    pub(crate) demo: bool,
    /// Brings the store back to what the log says, when the two differ at the start
    #[arg(long)]
    pub(crate) repair: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// A CSV file in one of the known layouts
    Csv(ImportCsv),
    /// Records as JSON, one a line
    Jsonl(ImportJsonl),
}

#[derive(Debug, Args)]
pub(crate) struct ImportCsv {
    /// The file; `.gz` is read as it is
    pub(crate) file: PathBuf,
    /// The file's layout
    #[arg(long)]
    pub(crate) preset: String,
    #[command(flatten)]
    pub(crate) into: ImportInto,
}

#[derive(Debug, Args)]
pub(crate) struct ImportJsonl {
    /// The file; `.gz` is read as it is
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) into: ImportInto,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ImportInto {
    /// The tenant the records belong to
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// Creates the tenant when there is none
    #[arg(long)]
    pub(crate) create_tenant: bool,
    /// Name of a tenant created here [default: its slug]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// IANA time zone of a tenant created here [default: the preset's, else UTC]
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
    /// Currency of a tenant created here [default: the preset's, else EUR]
    #[arg(long, value_name = "CODE")]
    pub(crate) currency: Option<String>,
    /// What a tenant created here calls today
    #[arg(long, value_enum, default_value_t)]
    pub(crate) clock: Clock,
    /// Prints the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a tenant calls today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Clock {
    /// The date of the wall clock.
    #[default]
    Wall,
    /// The date of the latest event among its records.
    Data,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// How many tenants
    #[arg(long, default_value_t = 2)]
    pub(crate) tenants: u32,
    /// How many customers each has
    #[arg(long, default_value_t = 200)]
    pub(crate) customers: u32,
    /// How many days of history
    #[arg(long, default_value_t = 90)]
    pub(crate) days: u32,
    /// The same seed gives the same business
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Records a second; as fast as the log takes them when absent
    #[arg(long, value_name = "PER_SECOND")]
    pub(crate) rate: Option<u32>,
    /// Prints the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tenants {
    /// Creates a tenant
    Create(TenantsCreate),
    /// Lists the tenants
    List {
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct TenantsCreate {
    /// Short name: lower-case letters, digits and dashes
    #[arg(long)]
    pub(crate) slug: String,
    /// Name
    #[arg(long)]
    pub(crate) name: String,
    /// IANA time zone, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: String,
    /// ISO 4217 currency, such as EUR
    #[arg(long, value_name = "CODE")]
    pub(crate) currency: String,
    /// What it calls today
    #[arg(long, value_enum, default_value_t)]
    pub(crate) clock: Clock,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// Creates a user and prints the id
    Create {
        /// The user's tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// The address the user signs in with
        #[arg(long)]
        email: String,
        /// The user's name [default: the address]
        #[arg(long)]
        name: Option<String>,
        /// owner, admin, manager, viewer or api
        #[arg(long, default_value = "owner")]
        role: String,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Creates an API key and prints it once
    Create {
        /// The key's tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Sql {
    /// The SELECT
    pub(crate) sql: String,
    /// Whose tables
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// The answer's form
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: SqlFormat,
}

/// The forms an answer may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SqlFormat {
    /// Columns for people.
    #[default]
    Table,
    /// Comma-separated values.
    Csv,
    /// One JSON object.
    Json,
    /// An Arrow IPC stream.
    Arrow,
    /// A Parquet file.
    Parquet,
    /// A workbook.
    Xlsx,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Only this tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: Option<String>,
    /// Prints the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Prints the address of the database that runs for this data directory, and nothing else
    #[arg(long, conflicts_with = "json")]
    pub(crate) psql: bool,
    /// Prints the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
