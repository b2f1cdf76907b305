//! What can be said of questions in plain language, reports, saved queries and schedules.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct Ask {
    /// The question, as one text
    pub(crate) question: String,
    /// Whose business
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// The answer's form
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: AskFormat,
}

/// The forms an answer in plain language may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum AskFormat {
    /// A sentence, the rows, and what they rest on.
    #[default]
    Table,
    /// One JSON object.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Reports {
    /// Lists the reports and what they may be told
    List {
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Runs a report
    Run(ReportRun),
}

#[derive(Debug, Args)]
pub(crate) struct ReportRun {
    /// The report's name
    pub(crate) name: String,
    /// Whose business
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// What it is told, as name=value; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) param: Vec<String>,
    /// The form of its rows: table, csv, json, arrow, xlsx ..
    #[arg(long, default_value = "table")]
    pub(crate) format: String,
    /// A file to put them into
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Queries {
    /// Saves a query, in the place of one of the same name
    Save(QuerySave),
    /// Lists the saved queries
    List {
        /// Whose
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Runs a saved query
    Run(ReportRun),
    /// Forgets a saved query
    Delete {
        /// The query's name
        name: String,
        /// Whose
        #[arg(long, value_name = "SLUG")]
        tenant: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct QuerySave {
    /// The name it is run by
    pub(crate) name: String,
    /// Whose
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// The SELECT; `:name` is a parameter
    #[arg(long)]
    pub(crate) sql: String,
    /// What it is called [default: its name]
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// A parameter, as in "since date = today - 6 days: the first day"; may be given several times
    #[arg(long, value_name = "NAME TYPE = DEFAULT: TEXT")]
    pub(crate) declare: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Schedules {
    /// Makes a schedule
    Create(Box<ScheduleCreate>),
    /// Lists the schedules, when they are due and what became of them
    List {
        /// Whose
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Forgets a schedule
    Delete {
        /// The schedule's name
        name: String,
        /// Whose
        #[arg(long, value_name = "SLUG")]
        tenant: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ScheduleCreate {
    /// Its name, which its files begin with
    pub(crate) name: String,
    /// Whose
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// The report that runs
    #[arg(long, conflicts_with = "query")]
    pub(crate) report: Option<String>,
    /// The saved query that runs
    #[arg(long)]
    pub(crate) query: Option<String>,
    /// What it is told, as name=value; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) param: Vec<String>,
    /// Every day
    #[arg(long)]
    pub(crate) daily: bool,
    /// Every week on this day, 1 being Monday
    #[arg(long, value_name = "1..7")]
    pub(crate) weekly: Option<u8>,
    /// Every month on this day, or its last
    #[arg(long, value_name = "1..31")]
    pub(crate) monthly: Option<u8>,
    /// The time by the tenant's clocks
    #[arg(long, value_name = "HH:MM", default_value = "06:00")]
    pub(crate) at: String,
    /// The form of its files
    #[arg(long, default_value = "csv")]
    pub(crate) format: String,
    /// How many files are kept
    #[arg(long, default_value_t = 30)]
    pub(crate) keep: u16,
}
