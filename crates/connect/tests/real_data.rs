//! The real files of the data folder come out as published, to the last digit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use uuid::Uuid;
use vitals_connect::{Import, ImportContext, Item, Preset, Summary};
use vitals_model::decimal::MICROS;
use vitals_model::kinds::{Body, OrderStatus};
use vitals_model::local_time::Zone;
use vitals_model::record::RecordView;
use vitals_model::{Money, Record, TenantId, UtcMicros};
use vitals_testkit::real_data;

fn import(path: &Path, preset: Preset) -> (Vec<Record>, Summary) {
    let tenant = TenantId(Uuid::from_u128(7));
    let now = UtcMicros::parse("2026-03-18T10:00:00Z").expect("an instant");
    let ctx = ImportContext { tenant, currency: None, time_zone: None, now };
    let mut import = Import::open(path, preset, ctx, None).expect("opens");
    let mut records = Vec::new();
    for item in import.by_ref() {
        match item.expect("reads to its end") {
            Item::Record(record) => records.push(record),
            Item::Bad(bad) => panic!("line {}: {}", bad.line, bad.reason),
        }
    }
    let progress = import.progress();
    assert_eq!(progress.bytes_read, progress.bytes_total);
    (records, import.summary().clone())
}

/// From the published table, of all lines; the three decimals are real.
const MONTHS: [(&str, &str); 13] = [
    ("2010-12-01", "748957.02"),
    ("2011-01-01", "560000.26"),
    ("2011-02-01", "498062.65"),
    ("2011-03-01", "683267.08"),
    ("2011-04-01", "493207.121"),
    ("2011-05-01", "723333.51"),
    ("2011-06-01", "691123.12"),
    ("2011-07-01", "681300.111"),
    ("2011-08-01", "682680.51"),
    ("2011-09-01", "1019687.622"),
    ("2011-10-01", "1070704.67"),
    ("2011-11-01", "1461756.25"),
    ("2011-12-01", "433668.01"),
];

#[test]
fn online_retail_nets_by_month_to_the_last_digit() {
    let name = "online_retail_uci/online_retail.csv.gz";
    let Some(path) = real_data::find("online_retail", name) else { return };
    let (records, summary) = import(&path, Preset::OnlineRetail);
    let london = Zone::named("Europe/London").expect("a zone");
    let mut net: BTreeMap<String, i64> = BTreeMap::new();
    let (mut voided, mut cancelled, mut lines, mut adjustments) = (0, 0, 0, Vec::new());
    for record in &records {
        let bytes = record.to_json();
        let view = RecordView::parse(&bytes).expect("a record");
        let (at, amount) = match view.body.expect("no tombstones") {
            Body::Order(order) => {
                lines += order.lines.len();
                voided += usize::from(order.status == OrderStatus::Voided);
                (order.ordered_at, order.sums().expect("fits").gross)
            }
            Body::Refund(refund) => {
                if record.id.starts_with('C') {
                    cancelled += refund.amount.0;
                }
                (refund.refunded_at, -refund.amount.0)
            }
            _ => continue,
        };
        assert_eq!(record.version, at.0);
        if record.id.starts_with('A') {
            adjustments.push((record.id.clone(), record.kind.as_str(), Money(amount).to_string()));
        }
        *net.entry(london.date(at).month_start().to_string()).or_default() += amount;
    }
    let net: Vec<(String, String)> =
        net.into_iter().map(|(month, sum)| (month, Money(sum).to_string())).collect();
    let expected = MONTHS.map(|(month, sum)| (month.to_owned(), sum.to_owned()));
    assert_eq!(net, expected);
    assert_eq!(summary.by_kind["orders"] + summary.by_kind["refunds"], 25_900);
    assert_eq!(summary.by_kind["refunds"], 3_836 + 2);
    assert_eq!(summary.by_kind["customers"], 4_372);
    assert_eq!(voided, 2_102);
    assert_eq!(Money(cancelled).to_string(), "896812.49");
    // All but the lines of the refunds, which are kept in those beside what vitals read.
    assert_eq!(lines, 541_909 - 9_288 - 2);
    assert_eq!(
        adjustments
            .iter()
            .map(|(id, kind, sum)| (id.as_str(), *kind, sum.as_str()))
            .collect::<Vec<_>>(),
        [
            ("A563185", "order", "11062.06"),
            ("A563186", "refund", "-11062.06"),
            ("A563187", "refund", "-11062.06"),
        ]
    );
}

#[test]
fn occupancy_counts_as_published() {
    let name = "gym_occupancy_fitnesspark_ch/occupancy_history.csv.gz";
    let Some(path) = real_data::find("occupancy", name) else { return };
    let (records, summary) = import(&path, Preset::Occupancy);
    let (mut sum, mut largest, mut keys) = (0, 0, BTreeSet::new());
    for record in &records {
        assert!(keys.insert(record.log_key()), "{} comes twice", record.id);
        let bytes = record.to_json();
        if let Some(Body::Metric(metric)) = RecordView::parse(&bytes).expect("a record").body {
            sum += metric.value.0 / MICROS;
            largest = largest.max(metric.value.0 / MICROS);
        }
    }
    let readings = summary.by_kind["metrics"];
    assert_eq!(readings + summary.blank, 390_208);
    assert_eq!(summary.blank, 81_742);
    assert_eq!(summary.by_kind["locations"], 16);
    assert_eq!(largest, 539);
    let mean_millis = sum * 1_000 / i64::try_from(readings).expect("small");
    assert_eq!(mean_millis, 90_128, "90.1289 people");
}
