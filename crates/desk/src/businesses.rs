//! What a translator must know of a tenant, read through the tenant's own fenced session.
//!
//! Promises that a business is read at most once in [`KEPT_US`] unless too many others are asked about meanwhile, that
//! so many are kept and no more, and that its lexicon is put together anew only when it has changed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use vitals_ask::{Business, Grammar, NameKind};
use vitals_model::limits::{ASK_BUSINESSES_MAX, ASK_NAMES_MAX};
use vitals_model::local_time::Zone;
use vitals_model::utc::SECOND_US;
use vitals_model::{Date, TenantId, UtcMicros};
use vitals_query::{Answers, QueryError};

use crate::rows::Table;

/// How long a business is taken to be what it was: a name that was just given, and a midnight, are known this
/// much later at most.
const KEPT_US: i64 = 30 * SECOND_US;

const SETTINGS: &str = "\
SELECT CURRENT_DATE AS today, o.currency, o.week_start, o.every_source, o.sources, l.zones, l.zone
FROM (SELECT 1 AS one) AS a
LEFT JOIN (
    SELECT 1 AS one, currency, week_start, revenue_sources IS NULL AS every_source,
        array_to_string(revenue_sources, ':') AS sources
    FROM organizations ORDER BY id LIMIT 1
) AS o ON o.one = a.one
LEFT JOIN (
    SELECT 1 AS one, count(DISTINCT time_zone) AS zones, min(time_zone) AS zone FROM locations
) AS l ON l.one = a.one";

/// The names, the fewest kinds first: of too many, customers are left out.
fn names_sql() -> String {
    let of = |(rank, kind, column, table): (u8, &str, &str, &str)| {
        format!(
            "SELECT DISTINCT {rank} AS rank, '{kind}' AS kind, {column} AS name FROM {table} WHERE {column} IS NOT NULL"
        )
    };
    let kinds = [
        (1, "location", "name", "locations"),
        (2, "class", "name", "classes"),
        (3, "instructor", "name", "staff"),
        (4, "product", "title", "products"),
        (5, "customer", "display_name", "customers"),
    ];
    let all = kinds.map(of).join(" UNION ALL ");
    format!("SELECT kind, name FROM ({all}) AS named ORDER BY rank, name LIMIT {ASK_NAMES_MAX}")
}

fn kind(word: &str) -> Option<NameKind> {
    Some(match word {
        "location" => NameKind::Location,
        "class" => NameKind::Class,
        "instructor" => NameKind::Instructor,
        "product" => NameKind::Product,
        "customer" => NameKind::Customer,
        _ => return None,
    })
}

#[derive(Debug)]
struct Kept {
    read_at: UtcMicros,
    grammar: Arc<Grammar>,
}

/// The businesses that were asked about lately.
#[derive(Debug, Default)]
pub(crate) struct Businesses {
    kept: Mutex<BTreeMap<TenantId, Kept>>,
}

impl Businesses {
    /// The grammar of a tenant's business.
    pub(crate) async fn grammar(
        &self,
        answers: &dyn Answers,
        tenant: TenantId,
        now: UtcMicros,
    ) -> Result<Arc<Grammar>, QueryError> {
        let fresh = |it: &&Kept| now.0 - it.read_at.0 < KEPT_US;
        if let Some(kept) = self.lock().get(&tenant).filter(fresh) {
            return Ok(Arc::clone(&kept.grammar));
        }
        let business = read(answers, tenant).await?;
        let mut kept = self.lock();
        let same = kept.get(&tenant).filter(|it| *it.grammar.business() == business);
        let grammar =
            same.map_or_else(|| Arc::new(Grammar::new(business)), |it| Arc::clone(&it.grammar));
        if kept.len() >= ASK_BUSINESSES_MAX && !kept.contains_key(&tenant) {
            let oldest = kept.iter().min_by_key(|it| it.1.read_at).map(|it| *it.0);
            oldest.map(|it| kept.remove(&it));
        }
        kept.insert(tenant, Kept { read_at: now, grammar: Arc::clone(&grammar) });
        Ok(grammar)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<TenantId, Kept>> {
        // What is kept is whole between any two statements that could panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(answers: &dyn Answers, tenant: TenantId) -> Result<Business, QueryError> {
    let settings = Table::of(answers, tenant, SETTINGS).await?;
    let names = Table::of(answers, tenant, &names_sql()).await?;
    let broken = || QueryError::unavailable("the business's settings cannot be read");
    let row = settings.rows.first().ok_or_else(broken)?;
    let [today, currency, week_start, every_source, sources, zones, zone] = row.as_slice() else {
        return Err(broken());
    };
    let text = |it: &Value| it.as_str().map(str::to_owned);
    let of_zone = zone.as_str() == Some(&settings.time_zone);
    let listed = sources.as_str().unwrap_or_default().split(':').map(str::to_owned);
    let named = names
        .rows
        .iter()
        .filter_map(|row| Some((kind(row.first()?.as_str()?)?, row.get(1)?.as_str()?.to_owned())));
    Ok(Business {
        today: today.as_str().and_then(Date::parse).ok_or_else(broken)?,
        zone: Zone::named(&settings.time_zone).ok_or_else(broken)?,
        currency: text(currency),
        week_start: week_start.as_u64().and_then(|it| u8::try_from(it).ok()).unwrap_or(1),
        revenue_sources: (*every_source == Value::Bool(false)).then(|| listed.collect()),
        one_zone: match zones.as_u64() {
            Some(0) => true,
            Some(1) => of_zone,
            _ => false,
        },
        names: named.collect(),
    })
}
