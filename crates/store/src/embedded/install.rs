//! PostgreSQL's programs: those on the machine, and otherwise a download.
//!
//! A cluster is only ever opened by the major version that made it. A new one is made by the newest that
//! is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use postgresql_embedded::{PostgreSQL, SettingsBuilder, VersionReq};

use super::cluster::Cluster;
use crate::error::EmbeddedError;

/// The oldest major version the schema can be made with.
const OLDEST_MAJOR: u32 = 15;
/// Where Debian and its kin (`<major>/bin`), and Red Hat and its kin, put the programs.
const PLACES: [&str; 4] =
    ["/usr/lib/postgresql", "/usr/pgsql-18/bin", "/usr/pgsql-17/bin", "/usr/local/pgsql/bin"];

/// The directory of the programs to use for this cluster.
pub(super) async fn programs(cluster: &Cluster) -> Result<PathBuf, EmbeddedError> {
    let wanted = cluster.major();
    let found = installed();
    let fits = |major: &u32| wanted.map_or(*major >= OLDEST_MAJOR, |wanted| wanted == *major);
    if let Some((_, bin)) = found.into_iter().filter(|(major, _)| fits(major)).max() {
        return Ok(bin);
    }
    match download(cluster, wanted).await {
        Ok(bin) => Ok(bin),
        Err(error) => Err(match wanted {
            Some(major) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot download PostgreSQL"
                );
                EmbeddedError::OtherVersion { dir: cluster.root().to_owned(), major }
            }
            None => error,
        }),
    }
}

/// Every complete installation on this machine, with its major version.
fn installed() -> Vec<(u32, PathBuf)> {
    let mut candidates: Vec<PathBuf> = Vec::new();
    for place in PLACES.map(Path::new) {
        candidates.push(place.to_owned());
        let versions = std::fs::read_dir(place).into_iter().flatten().flatten();
        candidates.extend(versions.map(|it| it.path().join("bin")));
    }
    if let Some(path) = std::env::var_os("PATH") {
        candidates.extend(std::env::split_paths(&path));
    }
    candidates.into_iter().filter_map(|bin| Some((major(&bin)?, bin))).collect()
}

/// The major version of the programs in a directory; `None` if they are not all there.
fn major(bin: &Path) -> Option<u32> {
    if !bin.is_absolute() || !bin.join("initdb").is_file() || !bin.join("postgres").is_file() {
        return None;
    }
    // As the user we are: --version is answered to root too. "postgres (PostgreSQL) 15.9 (Debian ..)".
    let said = Command::new(bin.join("postgres")).arg("--version").output().ok()?.stdout;
    let said = String::from_utf8(said).ok()?;
    let version =
        said.split_whitespace().find(|it| it.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Fetches PostgreSQL, once; what is fetched stays with the cluster.
async fn download(cluster: &Cluster, wanted: Option<u32>) -> Result<PathBuf, EmbeddedError> {
    let failed = |source| EmbeddedError::Download { source: Box::new(source) };
    // The crate also makes a cluster, and refuses to as root: given a directory that looks like one, it
    // only fetches. It removes that directory when it is dropped.
    let pretended = cluster.root().join("programs.fetching");
    std::fs::create_dir_all(&pretended).map_err(super::files("create", &pretended))?;
    let marker = pretended.join("postgresql.conf");
    std::fs::write(&marker, "").map_err(super::files("write", &marker))?;
    let mut settings = SettingsBuilder::new()
        .installation_dir(cluster.downloads())
        .data_dir(&pretended)
        .password_file(pretended.join("password"))
        .temporary(true);
    if let Some(Ok(version)) = wanted.map(|major| VersionReq::parse(&format!("{major}"))) {
        settings = settings.version(version);
    }
    tracing::info!("PostgreSQL is not installed; downloading it");
    let mut fetching = PostgreSQL::new(settings.build());
    fetching.setup().await.map_err(failed)?;
    Ok(fetching.settings().binary_dir())
}
