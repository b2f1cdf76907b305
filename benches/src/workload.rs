//! The canonical workload: what a hundred studios and shops send in two years, as log messages.
//!
//! Stands for: 100 tenants of Zipf-skewed size (the largest is 100 times the smallest), 200,000 customers, two years
//! of event time, arriving nearly in order. Of the records 40 % are visits (half of them to a session), 25 % money
//! coming in (15 % orders of one or two lines, 10 % payments), 5 % refunds (most of them naming an earlier order), 15 % bookings (one in five
//! is cancelled later, as a new version of the record), 10 % customers (new or changed) and 5 % memberships (new or
//! changed). One record in a hundred is a day late; one in a thousand is delivered twice. Before them
//! come the organizations, locations, products, classes and sessions they refer to.
//!
//! Promises the same bytes for the same [`Spec`]. Does not stand for ad hoc kinds (tickets, traffic, invoices):
//! they are a small part of what a business sends.

use std::collections::VecDeque;

use uuid::Uuid;
use vitals_model::kinds::Currency;
use vitals_model::rng::Rng;
use vitals_model::{Kind, LogBatch, LogMessage, Offsets, Record, TenantId, UtcMicros};

mod bodies;

const DAY_US: i64 = 86_400_000_000;
/// Partitions of the log; the product's default would not change a figure.
pub(crate) const PARTITIONS: u16 = 4;
/// How many earlier bookings, orders and memberships a tenant remembers to refer to.
const REMEMBERED: usize = 64;

/// What to generate.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    /// Records after the preamble.
    pub(crate) records: usize,
    /// Businesses.
    pub(crate) tenants: usize,
    /// Customers of all of them.
    pub(crate) customers: usize,
    /// Days of event time, ending `ends_days_ago` before [`Spec::now`].
    pub(crate) days: i64,
    /// Days between the last event and now: 0 leaves the windows of the vitals full of events.
    pub(crate) ends_days_ago: i64,
    /// Different seeds, different workloads.
    pub(crate) seed: u64,
}

impl Spec {
    /// The canonical workload with this many records.
    pub(crate) fn canonical(records: usize) -> Self {
        let customers = (records / 10).clamp(100, 200_000);
        Self { records, tenants: 100, customers, days: 730, ends_days_ago: 0, seed: 1 }
    }

    /// What every part of a run calls now: 2026-06-30T21:00:00Z.
    pub(crate) fn now(&self) -> UtcMicros {
        UtcMicros(1_782_853_200_000_000)
    }

    fn ends_us(&self) -> i64 {
        self.now().0 - self.ends_days_ago * DAY_US
    }
}

/// One business while its records are made.
#[derive(Debug)]
pub(crate) struct Studio {
    tenant: TenantId,
    currency: Currency,
    /// The source its studio software writes as.
    source: &'static str,
    zone: &'static str,
    /// Customers are numbered from here.
    first_customer: usize,
    customers: usize,
    known_customers: usize,
    /// Starts of its sessions, ascending; the id is the place.
    sessions: Vec<i64>,
    bookings: VecDeque<(u64, usize, usize)>,
    orders: Vec<(u64, i64)>,
    memberships: Vec<(u64, usize, i64)>,
}

/// A booking that will be cancelled when its turn comes.
#[derive(Debug)]
struct Cancellation {
    due: usize,
    studio: usize,
    id: u64,
    customer: usize,
    session: usize,
    booked_at: i64,
}

/// The messages of a workload, one after the other.
#[derive(Debug)]
pub(crate) struct Workload {
    spec: Spec,
    random: Rng,
    studios: Vec<Studio>,
    /// Upper ends of each studio's share of the records, in 2^32.
    shares: Vec<u64>,
    preamble: VecDeque<Record>,
    cancellations: VecDeque<Cancellation>,
    repeated: Option<Record>,
    made: usize,
    next_id: u64,
    offsets: Offsets,
}

impl Workload {
    /// Prepares a workload.
    pub(crate) fn new(spec: Spec) -> Self {
        let mut random = Rng::new(spec.seed);
        let weights: Vec<f64> =
            (1u32..).take(spec.tenants).map(|rank| 1.0 / f64::from(rank)).collect();
        let total: f64 = weights.iter().sum();
        let (mut studios, mut shares, mut reached) = (Vec::new(), Vec::new(), 0.0);
        let mut first_customer = 0;
        let sessions = (spec.records / 40).max(spec.tenants * 4);
        for (rank, weight) in weights.iter().enumerate() {
            let share = weight / total;
            reached += share;
            shares.push(scaled(reached, 1 << 32));
            let customers = part(spec.customers, share);
            let starts = session_starts(&spec, part(sessions, share));
            studios.push(Studio::new(rank, (first_customer, customers), starts, &mut random));
            first_customer += customers;
        }
        let preamble = studios.iter().flat_map(|it| bodies::preamble(it, &spec)).collect();
        let offsets = Offsets::start(PARTITIONS);
        Self {
            spec,
            random,
            studios,
            shares,
            preamble,
            cancellations: VecDeque::new(),
            repeated: None,
            made: 0,
            next_id: 1,
            offsets,
        }
    }

    /// How many messages the preamble has.
    pub(crate) fn preamble_len(&self) -> usize {
        self.preamble.len()
    }

    /// The next `messages` messages as a batch of the log; `None` when there are no more.
    pub(crate) fn batch(&mut self, messages: usize) -> Option<LogBatch> {
        let lower = self.offsets.clone();
        let messages: Vec<LogMessage> = self.by_ref().take(messages).collect();
        let upper = self.offsets.clone();
        (!messages.is_empty()).then_some(LogBatch { lower, upper, messages })
    }

    /// The next record.
    pub(crate) fn record(&mut self) -> Option<Record> {
        if let Some(record) = self.preamble.pop_front().or_else(|| self.repeated.take()) {
            return Some(record);
        }
        if self.made == self.spec.records {
            return None;
        }
        self.made += 1;
        let at = self.event_time();
        let record = match self.cancellations.front() {
            Some(next) if next.due <= self.made => {
                let due = self.cancellations.pop_front().expect("there is a front");
                bodies::cancelled_booking(&self.studios[due.studio], &due, at)
            }
            _ => self.draw(at),
        };
        if self.random.below(1_000) == 0 {
            self.repeated = Some(record.clone());
            self.made = (self.made + 1).min(self.spec.records);
        }
        Some(record)
    }

    /// When the record being made happened: in step with the stream, one in a hundred up to a day late.
    fn event_time(&mut self) -> i64 {
        let span = self.spec.days * DAY_US;
        let (made, records) = (as_i64(self.made), as_i64(self.spec.records.max(1)));
        let on_time = self.spec.ends_us() - span + span / records * made;
        let late = if self.random.below(100) == 0 { self.random.between(0, DAY_US) } else { 0 };
        on_time - late
    }

    fn draw(&mut self, at: i64) -> Record {
        let point = self.random.below(1 << 32);
        let index =
            self.shares.partition_point(|upper| *upper <= point).min(self.studios.len() - 1);
        let id = self.next_id;
        self.next_id += 1;
        let progress = (self.made, self.spec.records);
        let (studio, random) = (&mut self.studios[index], &mut self.random);
        // Of 200 records five more are cancellations: one booking in five comes back as one.
        match random.below(195) {
            0..80 => bodies::visit(studio, random, id, at),
            80..110 => bodies::order(studio, random, id, at),
            110..130 => bodies::payment(studio, random, id, at),
            130..140 => bodies::refund(studio, random, id, at),
            140..165 => self.booking(index, id, at),
            165..185 => bodies::customer(studio, random, progress, at),
            _ => bodies::membership(studio, random, id, at),
        }
    }

    fn booking(&mut self, index: usize, id: u64, at: i64) -> Record {
        let (studio, random) = (&mut self.studios[index], &mut self.random);
        let (customer, session) = (studio.any_customer(random), studio.session_after(random, at));
        studio.bookings.push_back((id, customer, session));
        if studio.bookings.len() > REMEMBERED {
            studio.bookings.pop_front();
        }
        if random.below(5) == 0 {
            let due = self.made + self.spec.records / 300 + 1;
            let booked_at = at;
            self.cancellations.push_back(Cancellation {
                due,
                studio: index,
                id,
                customer,
                session,
                booked_at,
            });
        }
        bodies::booking(studio, id, (customer, session), at)
    }
}

impl Iterator for Workload {
    type Item = LogMessage;

    fn next(&mut self) -> Option<LogMessage> {
        let record = self.record()?;
        let partition = record.tenant.partition(PARTITIONS);
        let next = self.offsets.0.entry(partition).or_insert(0);
        let offset = *next;
        *next += 1;
        Some(LogMessage { partition, offset, key: record.log_key(), value: record.to_json() })
    }
}

impl Studio {
    fn new(
        rank: usize,
        (first_customer, customers): (usize, usize),
        sessions: Vec<i64>,
        random: &mut Rng,
    ) -> Self {
        const ZONES: [&str; 5] =
            ["Europe/London", "America/New_York", "Asia/Tokyo", "Africa/Cairo", "UTC"];
        const CURRENCIES: [&[u8; 3]; 5] = [b"GBP", b"USD", b"JPY", b"EGP", b"EUR"];
        let tenant = TenantId(Uuid::from_u128(random.next_u128()));
        Self {
            tenant,
            currency: Currency(*CURRENCIES[rank % 5]),
            source: if rank % 3 == 2 { "shopify" } else { "mindbody" },
            zone: ZONES[rank % 5],
            first_customer,
            customers,
            known_customers: 0,
            sessions,
            bookings: VecDeque::new(),
            orders: Vec::new(),
            memberships: Vec::new(),
        }
    }

    /// One of its customers, whether or not its record has come yet.
    fn any_customer(&self, random: &mut Rng) -> usize {
        self.first_customer + random.index(self.customers)
    }

    /// A session of about now.
    fn session_near(&self, random: &mut Rng, at: i64) -> usize {
        let place = self.sessions.partition_point(|starts_at| *starts_at <= at);
        (place + random.index(3)).saturating_sub(2).min(self.sessions.len() - 1)
    }

    /// One of the next sessions.
    fn session_after(&self, random: &mut Rng, at: i64) -> usize {
        let place = self.sessions.partition_point(|starts_at| *starts_at <= at);
        (place + random.index(5)).min(self.sessions.len() - 1)
    }

    fn record(&self, kind: Kind, id: &str, at: i64, body: &impl serde::Serialize) -> Record {
        Record::new(self.tenant, kind, (self.source, id), (at, UtcMicros(at)), Some(body))
    }
}

/// Sessions spread evenly over the time of the workload, on full hours.
fn session_starts(spec: &Spec, sessions: usize) -> Vec<i64> {
    const HOUR_US: i64 = 3_600_000_000;
    let (span, count) = (spec.days * DAY_US, as_i64(sessions));
    let begins = spec.ends_us() - span;
    (0..count).map(|n| (begins + span / count * n) / HOUR_US * HOUR_US).collect()
}

/// A share of something countable, at least two of it.
fn part(whole: usize, share: f64) -> usize {
    usize::try_from(scaled(share, u64::try_from(whole).unwrap_or(u64::MAX))).unwrap_or(2).max(2)
}

/// `share x whole`, rounded; shares are small numbers, so nothing is lost.
fn scaled(share: f64, whole: u64) -> u64 {
    let millionths = format!("{:.0}", share * 1_000_000.0).parse::<u64>().unwrap_or(0);
    whole.saturating_mul(millionths) / 1_000_000
}

fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use vitals_model::record::RecordView;

    #[test]
    fn the_same_spec_gives_the_same_bytes_and_every_record_parses() {
        let make = || Workload::new(Spec::canonical(5_000)).collect::<Vec<_>>();
        let (first, second) = (make(), make());
        assert!(first == second, "two runs of one seed differ");
        for message in &first {
            RecordView::parse(&message.value).expect("a workload has no bad records");
        }
        let bytes: usize = first.iter().map(|it| it.value.len()).sum();
        let mean = bytes / first.len();
        assert!((250..370).contains(&mean), "a record has {mean} bytes, not about 310");
    }

    #[test]
    fn the_mix_is_as_promised() {
        let mut workload = Workload::new(Spec::canonical(20_000));
        let mut mix = BTreeMap::new();
        while let Some(record) = workload.record() {
            *mix.entry(record.kind.as_str()).or_insert(0) += 1;
        }
        for (kind, percent) in [
            ("visit", 40),
            ("order", 15),
            ("payment", 10),
            ("refund", 5),
            ("booking", 15),
            ("customer", 10),
            ("membership", 5),
        ] {
            let share: i32 = mix.get(kind).copied().unwrap_or(0);
            assert!((share - percent * 200).abs() < 200, "{kind} is not {percent} %: {mix:?}");
        }
    }
}
