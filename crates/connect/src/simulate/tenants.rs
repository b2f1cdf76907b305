//! The simulated businesses: who they are, where, and what they live on.

use uuid::Uuid;
use vitals_model::TenantId;
use vitals_model::kinds::Currency;

/// A simulated business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedTenant {
    /// Its id: the same for the same seed.
    pub id: TenantId,
    /// Its name in commands and addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// IANA zone of its calendar.
    pub time_zone: &'static str,
    /// What it charges in.
    pub currency: Currency,
    pub(super) trade: &'static Trade,
}

/// What a kind of business is like.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trade {
    slug: &'static str,
    name: &'static str,
    time_zone: &'static str,
    /// Of the second place of business.
    pub(super) branch_zone: &'static str,
    currency: [u8; 3],
    /// What one euro is, roughly: prices are believable, not exact.
    pub(super) scale: i64,
    /// How much of a studio and of a shop it is, in percent of a busy one.
    pub(super) studio: u64,
    pub(super) shop: u64,
}

const fn trade(
    (slug, name): (&'static str, &'static str),
    (time_zone, branch_zone): (&'static str, &'static str),
    (currency, scale): ([u8; 3], i64),
    (studio, shop): (u64, u64),
) -> Trade {
    Trade { slug, name, time_zone, branch_zone, currency, scale, studio, shop }
}

/// Northern and southern summers, zones without any, offsets of half and of quarter hours.
static TRADES: [Trade; 10] = [
    trade(
        ("springfield-gym", "Springfield Gym"),
        ("America/Chicago", "America/New_York"),
        (*b"USD", 1),
        (100, 15),
    ),
    trade(("cairo-yoga", "Cairo Yoga"), ("Africa/Cairo", "Africa/Cairo"), (*b"EGP", 50), (90, 10)),
    trade(
        ("lisbon-surf-shop", "Lisbon Surf Shop"),
        ("Europe/Lisbon", "Atlantic/Azores"),
        (*b"EUR", 1),
        (20, 100),
    ),
    trade(
        ("london-pilates", "London Pilates"),
        ("Europe/London", "Europe/London"),
        (*b"GBP", 1),
        (80, 10),
    ),
    trade(
        ("tokyo-tea-shop", "Tokyo Tea Shop"),
        ("Asia/Tokyo", "Asia/Tokyo"),
        (*b"JPY", 150),
        (10, 120),
    ),
    trade(
        ("mumbai-dance", "Mumbai Dance"),
        ("Asia/Kolkata", "Asia/Kolkata"),
        (*b"INR", 90),
        (100, 5),
    ),
    trade(
        ("adelaide-bike-shop", "Adelaide Bike Shop"),
        ("Australia/Adelaide", "Australia/Perth"),
        (*b"AUD", 2),
        (15, 90),
    ),
    trade(
        ("kathmandu-climbing", "Kathmandu Climbing"),
        ("Asia/Kathmandu", "Asia/Kathmandu"),
        (*b"NPR", 140),
        (70, 40),
    ),
    trade(
        ("santiago-crossfit", "Santiago Crossfit"),
        ("America/Santiago", "America/Punta_Arenas"),
        (*b"CLP", 1_000),
        (110, 20),
    ),
    trade(
        ("st-johns-rowing", "St John's Rowing"),
        ("America/St_Johns", "America/Halifax"),
        (*b"CAD", 1),
        (60, 30),
    ),
];

impl SimulatedTenant {
    /// Business number `index` of a seed's simulation.
    pub(super) fn number(seed: u64, index: u32) -> Self {
        let count = u32::try_from(TRADES.len()).unwrap_or(1);
        let trade = &TRADES[usize::try_from(index % count).unwrap_or(0)];
        // The eleventh is a second gym in Springfield.
        let (slug, name) = match index / count {
            0 => (trade.slug.to_owned(), trade.name.to_owned()),
            round => {
                (format!("{}-{}", trade.slug, round + 1), format!("{} {}", trade.name, round + 1))
            }
        };
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("vitals/{seed}/{slug}").as_bytes());
        Self {
            id: TenantId(id),
            slug,
            name,
            time_zone: trade.time_zone,
            currency: Currency(trade.currency),
            trade,
        }
    }
}
