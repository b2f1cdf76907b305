//! `occupancy`: head counts of gyms over time become `metric` records, and each gym a `location`.
//!
//! A blank reading is no reading: not a zero, and not an error. The same file in any order gives the same
//! records, under versions that are the readings' own times.

use std::collections::BTreeSet;

use serde::Serialize;
use vitals_model::decimal::Number;
use vitals_model::kinds::{Ident, Kind, Location, Metric};
use vitals_model::limits::ID_BYTES_MAX;
use vitals_model::local_time::Zone;
use vitals_model::{Reason, Record, UtcMicros};

use super::csv_line::Header;
use super::lines::quoted;
use super::{Found, ImportContext, accept};

/// The columns, each with its names.
pub(super) const COLUMNS: [&[&str]; 4] =
    [&["timestamp_utc"], &["gym"], &["training_area_m2"], &["occupancy"]];
/// The records' source: a CSV file.
const SOURCE: &str = "csv";
/// Where the gyms are.
const ZONE: &str = "Europe/Zurich";
/// A gym's name and place do not change with time; whatever its owner says later is newer.
const LOCATION_VERSION: i64 = 1;

/// Longest name of a gym: with `@` and an instant to the microsecond behind it, it is still an id.
const GYM_BYTES_MAX: usize = ID_BYTES_MAX - "@2025-03-23T18:25:14.228670Z".len();

pub(super) struct Occupancy {
    ctx: ImportContext,
    header: Header,
    zone: &'static str,
    gyms: BTreeSet<String>,
}

#[derive(Serialize)]
struct Gym<'a> {
    #[serde(flatten)]
    location: Location<'a>,
    /// A field of the file's own, kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    training_area_m2: Option<&'a str>,
}

impl Occupancy {
    pub(super) fn new(ctx: ImportContext, header: Header) -> Self {
        let zone = ctx.time_zone.map_or(ZONE, Zone::name);
        Self { ctx, header, zone, gyms: BTreeSet::new() }
    }

    pub(super) fn line(&mut self, text: &str, found: &mut Vec<Found>) {
        if let Err(reason) = self.read(text, found) {
            found.push(Found::Bad(reason));
        }
    }

    fn read(&mut self, text: &str, found: &mut Vec<Found>) -> Result<(), Reason> {
        let [timestamp, gym, area, people] = self.header.fields(text)?;
        let at = UtcMicros::parse(&format!("{timestamp}Z"))
            .or_else(|| UtcMicros::parse(&timestamp))
            .ok_or_else(|| {
                let shown = quoted(&timestamp);
                Reason::new(format_args!("timestamp_utc {shown} is not YYYY-MM-DDTHH:MM:SS"))
            })?;
        if !self.gyms.contains(gym.as_ref()) {
            // What is checked here once holds for every reading of the gym.
            if gym.len() > GYM_BYTES_MAX {
                return Err(Reason::new(format_args!("gym is longer than {GYM_BYTES_MAX} bytes")));
            }
            found.push(Found::Record(self.location(&gym, &area)?));
            self.gyms.insert(gym.clone().into_owned());
        }
        if people.is_empty() {
            found.push(Found::Blank);
            return Ok(());
        }
        let value = Number::parse(&people)
            .map_err(|error| Reason::new(format_args!("occupancy {} {error}", quoted(&people))))?;
        if value.0 < 0 {
            return Err(Reason::new(format_args!("occupancy {people} is negative")));
        }
        found.push(Found::Record(self.metric(&gym, at, value)));
        Ok(())
    }

    fn location(&self, gym: &str, area: &str) -> Result<Record, Reason> {
        if gym.is_empty() {
            return Err(Reason::new("gym is empty"));
        }
        let location = Location { name: gym.into(), time_zone: Some(self.zone.into()) };
        let training_area_m2 = Some(area).filter(|area| !area.is_empty());
        let (key, stamp) = ((SOURCE, gym), (LOCATION_VERSION, self.ctx.now));
        let body = Gym { location, training_area_m2 };
        accept(Record::new(self.ctx.tenant, Kind::Location, key, stamp, Some(&body)))
    }

    fn metric(&self, gym: &str, at: UtcMicros, value: Number) -> Record {
        let body = Metric {
            metric_type: "occupancy".into(),
            value,
            unit: Some("people".into()),
            recorded_at: at,
            location_id: Some(Ident::from(gym)),
        };
        let id = format!("{gym}@{at}");
        let stamp = (at.0, self.ctx.now);
        Record::new(self.ctx.tenant, Kind::Metric, (SOURCE, &id), stamp, Some(&body))
    }
}
