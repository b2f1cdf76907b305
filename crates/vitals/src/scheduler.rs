//! Runs what is due: reports and saved queries, as files of their tenant.
//!
//! Promises a file that is whole or not there, one for each due time whoever is killed when; that a run which fails is
//! tried again, later each time, and in the end recorded as failed; and that no more than so many files are kept.
//! Several processes may do this around one store.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vitals_api::shelf::{Shelf, params_of, rhythm_of};
use vitals_model::UtcMicros;
use vitals_model::limits::REPORT_TRIES_MAX;
use vitals_model::record::shorten;
use vitals_model::utc::SECOND_US;
use vitals_query::Format;
use vitals_store::{Ended, Store, Taken};

use crate::clock;
use crate::failure::Outcome;
use crate::supervisor::Stop;

/// How often it is looked whether something is due.
const POLL: Duration = Duration::from_secs(5);
/// How long a run may take before another process takes it over.
const LEASE: Duration = Duration::from_secs(300);
/// The wait before the second try; each further one waits twice as long.
const FIRST_WAIT_US: i64 = 60 * SECOND_US;

/// Runs what is due.
#[derive(Debug)]
pub(crate) struct Scheduler {
    /// Where schedules are.
    pub(crate) store: Store,
    /// Who runs them.
    pub(crate) shelf: Shelf,
    /// Where files go, in a folder for each tenant.
    pub(crate) folder: PathBuf,
}

impl Scheduler {
    /// Runs until it is time to stop.
    pub(crate) async fn run(self, stop: Stop) -> Outcome {
        let rounds = async {
            loop {
                tokio::time::sleep(POLL).await;
                while self.run_one().await {}
            }
        };
        tokio::select! {
            () = rounds => Ok(()),
            () = stop.stopped() => Ok(()),
        }
    }

    /// Runs one that is due. Whether there was one.
    async fn run_one(&self) -> bool {
        let taken = match self.store.take_due(clock::now(), LEASE).await {
            Ok(Some(taken)) => taken,
            Ok(None) => return false,
            Err(error) => {
                tracing::warn!(
                    error = vitals_api::operator::chain(&error),
                    "schedules cannot be read"
                );
                return false;
            }
        };
        let name = &taken.schedule.name;
        let made = tokio::time::timeout(LEASE / 2, self.make(&taken)).await;
        let made = made.unwrap_or_else(|_| Err("it took too long".to_owned()));
        let tries = u16::try_from(taken.tries).unwrap_or(u16::MAX);
        let done = match made {
            Err(why) if tries < REPORT_TRIES_MAX => {
                tracing::warn!(tenant = %taken.tenant, name, why, tries, "a scheduled run failed, and is tried again");
                let wait = FIRST_WAIT_US << (tries.max(1) - 1);
                self.store.retry_run(&taken, UtcMicros(clock::now().0 + wait)).await
            }
            Err(why) => {
                tracing::warn!(tenant = %taken.tenant, name, why, tries, "a scheduled run failed");
                self.end(&taken, Ended::Failed(shorten(&why).to_owned())).await
            }
            Ok(file) => {
                tracing::info!(tenant = %taken.tenant, name, file, "a scheduled run wrote its file");
                self.end(&taken, Ended::Wrote(file)).await
            }
        };
        if let Err(error) = done {
            tracing::warn!(
                error = vitals_api::operator::chain(&error),
                "a scheduled run cannot be recorded"
            );
            return false;
        }
        true
    }

    async fn end(&self, taken: &Taken, ended: Ended) -> Result<(), vitals_store::Error> {
        let now = clock::now();
        let zone = self.shelf.zone(taken.tenant).await;
        let next =
            rhythm_of(&taken.schedule).zip(zone).map(|(rhythm, zone)| rhythm.next(zone, now));
        // Without a zone to count in, it is looked at again tomorrow.
        let next = next.unwrap_or(UtcMicros(now.0 + 86_400 * SECOND_US));
        self.store.end_run(taken, &ended, (now, next)).await.map(|_| ())
    }

    /// Writes the file of a run; its name.
    async fn make(&self, taken: &Taken) -> Result<String, String> {
        let it = &taken.schedule;
        let format = Format::parse(&it.format).ok_or("there is no such form of a file any more")?;
        let target = (it.is_report, it.target.as_str());
        let ran = self.shelf.run_target(taken.tenant, target, &params_of(it)).await;
        let ran = ran.map_err(|error| error.to_string())?;
        let body = ran.write(format).map_err(|error| error.to_string())?;
        let due = stamp(it.next_at);
        let name = format!("{}.{due}.as-of-{}.{}", it.name, ran.answer.as_of.tick, format.as_str());
        let folder = self.folder.join(&taken.slug);
        let (keep, schedule) = (usize::try_from(it.keep).unwrap_or(1), it.name.clone());
        let put = tokio::task::block_in_place(|| {
            put(&folder, &name, &body).and_then(|()| prune(&folder, (&schedule, &due, &name), keep))
        });
        put.map_err(|error| {
            format!("{} cannot be written: {error}", folder.join(&name).display())
        })?;
        Ok(name)
    }
}

/// `20260329T040000Z`: sorts as time does.
fn stamp(at: UtcMicros) -> String {
    at.to_string().chars().filter(|it| it.is_ascii_alphanumeric()).collect()
}

fn put(folder: &Path, name: &str, body: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let part = folder.join(format!(".{name}.part"));
    std::fs::write(&part, body)?;
    std::fs::File::open(&part)?.sync_all()?;
    std::fs::rename(&part, folder.join(name))
}

/// Removes what a killed run left of the same due time, and the oldest beyond those that are kept.
fn prune(
    folder: &Path,
    (schedule, due, name): (&str, &str, &str),
    keep: usize,
) -> std::io::Result<()> {
    let (prefix, same) = (format!("{schedule}."), format!("{schedule}.{due}."));
    let mut own = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let found = entry?.file_name().to_string_lossy().into_owned();
        let visible = found.strip_prefix('.').unwrap_or(&found);
        if visible.starts_with(&same) && found != name {
            remove(&folder.join(&found))?;
        } else if found.starts_with(&prefix) {
            own.push(found);
        }
    }
    own.sort();
    let old = own.len().saturating_sub(keep);
    own.iter().take(old).try_for_each(|it| remove(&folder.join(it)))
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_a_due_time_and_so_many_in_all() {
        let dir = tempfile::tempdir().unwrap();
        let put_and_prune = |schedule: &str, due: &str, tick: u64, keep| {
            let name = format!("{schedule}.{due}.as-of-{tick}.csv");
            put(dir.path(), &name, b"x").unwrap();
            prune(dir.path(), (schedule, due, &name), keep).unwrap();
        };
        // Killed after its file was there, and run again at a later tick.
        std::fs::write(dir.path().join(".daily.20260101T000000Z.as-of-1.csv.part"), b"x").unwrap();
        put_and_prune("daily", "20260101T000000Z", 1, 3);
        put_and_prune("daily", "20260101T000000Z", 2, 3);
        put_and_prune("daily2", "20260101T000000Z", 2, 1);
        for day in 2..=5 {
            put_and_prune("daily", &format!("2026010{day}T000000Z"), 2 + day, 3);
        }
        let mut names: Vec<String> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|it| it.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        let expected = [
            "daily.20260103T000000Z.as-of-5.csv",
            "daily.20260104T000000Z.as-of-6.csv",
            "daily.20260105T000000Z.as-of-7.csv",
            "daily2.20260101T000000Z.as-of-2.csv",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn stamps_sort_as_time_does() {
        assert_eq!(stamp(UtcMicros(0)), "19700101T000000Z");
    }
}
