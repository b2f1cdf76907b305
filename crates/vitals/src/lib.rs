//! The program: reads the settings, carries out one command, and says how it ended.
//!
//! Promises exit 0 when the command did what it says, 1 when it failed, 2 for wrong usage, 75 when a
//! running engine was taken over, 130 when a command was interrupted; and one plain sentence on standard
//! error for each of the others. A library only so that a test can plant a bug in it (`planted`).

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that fails should panic"))]

mod backend;
mod bar;
mod catalogue;
mod checkpoints;
mod cli;
mod clock;
mod commands;
mod config;
mod data_dir;
mod demo;
mod desk;
mod differences;
mod doors;
mod engine_thread;
mod failure;
mod http;
mod lake;
mod lake_follower;
mod lake_keeper;
mod local;
mod maintenance;
mod output;
mod patience;
mod pipeline;
pub mod planted;
mod publisher;
mod questions;
mod readiness;
mod recounted;
mod remote;
mod replay;
mod scheduler;
mod session;
mod start;
mod status;
mod supervisor;
mod telemetry;
mod verify;
mod vital_reads;
mod workers;

use std::ffi::OsString;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::config::{Environment, Settings};
use crate::failure::{OrFail, Outcome};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Carries out a command line, the program's name being its first word. The exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> u8 {
    // First of all: whoever opens a TLS connection without a provider panics. An error means that there
    // is one already.
    rustls::crypto::ring::default_provider().install_default().ok();
    match run(Cli::parse_from(args)) {
        Ok(()) => 0,
        Err(failure) => {
            say(format_args!("error: {failure}"));
            failure.exit()
        }
    }
}

#[expect(clippy::print_stderr, reason = "the one place that reports how a command ended")]
pub(crate) fn say(line: std::fmt::Arguments<'_>) {
    eprintln!("{line}");
}

fn run(cli: Cli) -> Outcome {
    // Before anything else: a worker has one thread, and knows no settings.
    if let Command::QueryWorker = cli.command {
        return workers::work();
    }
    let environment = Environment::read();
    let up = match &cli.command {
        Command::Up(up) => Some(up),
        _ => None,
    };
    let settings = config::load(&cli.settings, up, &environment)?;
    telemetry::start(settings.log_format, &environment, up.is_none())?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .or_fail("the runtime cannot be started", "check the limits of the system")?
        .block_on(command(&settings, cli.command))
}

async fn command(settings: &Settings, command: Command) -> Outcome {
    match command {
        Command::Up(it) => commands::up::run(settings, &it).await,
        Command::Import(it) => commands::import::run(settings, it).await,
        Command::Simulate(it) => commands::simulate::run(settings, &it).await,
        Command::Tenants(it) => commands::tenants::run(settings, it).await,
        Command::Users(it) => commands::people::users(settings, it).await,
        Command::Keys(it) => commands::people::keys(settings, it).await,
        Command::Sql(it) => commands::sql::run(settings, it).await,
        Command::Ask(it) => commands::ask::run(settings, it).await,
        Command::Reports(it) => commands::reports::run(settings, it).await,
        Command::Queries(it) => commands::shelf::queries(settings, it).await,
        Command::Schedules(it) => commands::shelf::schedules(settings, it).await,
        Command::Verify(it) => commands::verify::run(settings, it).await,
        Command::Doctor(it) => commands::doctor::run(settings, &it).await,
        Command::QueryWorker => workers::work(),
    }
}
