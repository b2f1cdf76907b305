//! The log and the database of one process: given by address, or embedded in the data directory.
//!
//! Promises that what is embedded is started here and stopped here, and that errors say which of the two
//! is missing. Migrates the schema; several processes may do so at once.

use std::sync::Arc;
use std::time::Duration;

use vitals_log::{EmbeddedLog, KafkaConfig, KafkaLog, SharedLog};
use vitals_store::{EmbeddedPostgres, Store};

use crate::clock::Stopwatch;
use crate::config::Settings;
use crate::data_dir::DataDir;
use crate::failure::{OrFail, Outcome};

/// Longest wait for a Kafka broker's answer.
pub(crate) const KAFKA_TIMEOUT: Duration = Duration::from_secs(10);

/// A log and a store.
#[derive(Debug)]
pub(crate) struct Backend {
    /// The log.
    pub(crate) log: SharedLog,
    /// The store.
    pub(crate) store: Store,
    postgres: Option<EmbeddedPostgres>,
}

impl Backend {
    /// Opens both. The caller holds the data directory if either is embedded.
    pub(crate) async fn open(settings: &Settings, dir: &DataDir) -> Outcome<Self> {
        let log = log(settings, dir).await?;
        let (url, postgres) = match &settings.database_url {
            Some(url) => (url.clone(), None),
            None => {
                let started = Stopwatch::start();
                let postgres = EmbeddedPostgres::start(&dir.postgres())
                    .await
                    .or_fail("the embedded PostgreSQL cannot be started", "")?;
                tracing::info!(seconds = started.seconds(), "the embedded PostgreSQL runs");
                (postgres.url().to_owned(), Some(postgres))
            }
        };
        let backend = async {
            let store = Store::connect(&url).await.or_fail("no database", "")?;
            store.migrate().await.or_fail("no database", "")?;
            Ok(store)
        };
        match backend.await {
            Ok(store) => Ok(Self { log, store, postgres }),
            Err(failure) => {
                stop(postgres).await;
                Err(failure)
            }
        }
    }

    /// Closes the connections and stops what was started.
    pub(crate) async fn close(self) {
        self.store.close().await;
        stop(self.postgres).await;
    }
}

async fn stop(postgres: Option<EmbeddedPostgres>) {
    if let Some(postgres) = postgres {
        postgres.stop().await;
    }
}

/// Opens the log alone.
pub(crate) async fn log(settings: &Settings, dir: &DataDir) -> Outcome<SharedLog> {
    Ok(match &settings.kafka {
        Some(brokers) => {
            let config = KafkaConfig {
                brokers: brokers.clone(),
                partitions: settings.partitions,
                topic_prefix: settings.kafka_topic_prefix.clone(),
                replication: settings.kafka_replication,
                timeout: KAFKA_TIMEOUT,
            };
            Arc::new(KafkaLog::connect(config).await.or_fail("no log", "")?)
        }
        None => Arc::new(EmbeddedLog::open(&dir.log(), settings.partitions).or_fail("no log", "")?),
    })
}
