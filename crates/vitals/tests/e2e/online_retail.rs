//! A real shop's year through the real binary: what is stored is what was published of it, to the last digit.
//!
//! The net by month is the data's own table. The other numbers were computed from the lines of the file by
//! a program that shares nothing with this one.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use vitals_model::rng::Rng;
use vitals_testkit::real_data;

use crate::world::World;

/// Net by month of all lines, Europe/London; the three decimals are real.
const NET_BY_MONTH: &str = "\
2010-12|748957.020000
2011-01|560000.260000
2011-02|498062.650000
2011-03|683267.080000
2011-04|493207.121000
2011-05|723333.510000
2011-06|691123.120000
2011-07|681300.111000
2011-08|682680.510000
2011-09|1019687.622000
2011-10|1070704.670000
2011-11|1461756.250000
2011-12|433668.010000";

fn import(world: &World, file: &Path) -> serde_json::Value {
    let file = file.to_str().unwrap();
    let args = ["import", "csv", file, "--preset", "online-retail", "--tenant", "shop"];
    world.run(&[&args[..], &["--clock", "data", "--json"]].concat()).expect(0).json()
}

/// The lines of a compressed CSV file in another order, its header first.
fn shuffled(from: &Path, to: &Path) {
    let mut zcat = Command::new("zcat").arg(from).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(zcat.stdout.take().unwrap()).lines();
    let mut lines: Vec<String> = lines.map(|line| line.unwrap()).collect();
    assert!(zcat.wait().unwrap().success());
    Rng::new(20_111_209).shuffle(&mut lines[1..]);
    let mut file = std::io::BufWriter::new(std::fs::File::create(to).unwrap());
    lines.iter().for_each(|line| writeln!(file, "{line}").unwrap());
    file.flush().unwrap();
}

#[test]
fn a_shops_year_is_stored_to_the_last_digit_and_whatever_the_order_of_its_lines() {
    let name = "online_retail_uci/online_retail.csv.gz";
    let Some(file) = real_data::find("a shop's year", name) else { return };
    let world = World::new();
    let up = world.up(&[]);
    let first = import(&world, &file);
    assert_eq!(first["lines"], 541_910, "with the header: {first}");
    let records = &first["records"];
    let invoices = ["orders", "refunds"].map(|kind| records[kind].as_u64().unwrap());
    assert_eq!(invoices.iter().sum::<u64>(), 25_900);
    assert_eq!(records["customers"], 4_372);
    let applied = first["committed"]["applied"].as_u64().unwrap();
    assert_eq!(first["committed"]["received"], applied, "{first}");

    the_year_is_stored(&world);
    the_last_day_is_judged(&world);
    let verified = world.run(&["verify", "--json"]).expect(0).json();
    for vital in ["revenue_trend", "churn_risk", "health_score"] {
        let it = &verified["vitals"][vital];
        assert!(it["rows"].as_u64().unwrap() > 0 && it["different"] == 0, "{vital}: {it}");
    }

    let rows = world.rows();
    let second = import(&world, &file)["committed"].clone();
    assert_eq!((&second["duplicate"], &second["applied"]), (&applied.into(), &0.into()));
    assert!(world.rows() == rows, "importing the file again changed rows");
    assert_eq!(up.stop(), 0);

    let other = World::new();
    let file_of_other_order = other.path("shuffled.csv");
    shuffled(&file, &file_of_other_order);
    let shuffled = import(&other, &file_of_other_order);
    assert_eq!(shuffled["committed"]["applied"], applied, "{shuffled}");
    let other_rows = other.rows();
    let strange: Vec<_> = other_rows.symmetric_difference(&rows).take(5).collect();
    assert!(strange.is_empty(), "rows depend on the order of lines, such as {strange:#?}");
}

fn the_year_is_stored(world: &World) {
    let months = "from revenue_trend where grain = 'month' and location_id is null";
    let month = "to_char(bucket at time zone 'Europe/London', 'YYYY-MM')";
    let net = world.psql(&format!("select {month}, net {months} order by bucket"));
    assert_eq!(net, NET_BY_MONTH);
    let totals = format!("select sum(net), sum(orders), sum(refund_count) {months}");
    assert_eq!(world.psql(&totals), "9747747.934000|19960|3838");
    let november = format!(
        "select orders, gross, refund_count, refunds, paying_customers, new_customers {months} \
         and {month} = '2011-11'"
    );
    assert_eq!(world.psql(&november), "2769|1509496.330000|441|47740.080000|1664|323");
}

fn the_last_day_is_judged(world: &World) {
    assert_eq!(world.psql("select today from tenant_clock"), "2011-12-09");
    let churn = "select level, score, data_completeness, count(*) from churn_risk \
        group by level, score, data_completeness order by 1, 2, 3";
    // A customer of voided or cancelled invoices alone has no activity to judge by.
    assert_eq!(world.psql(churn), "low|0.00|0.00|34\nlow|0.00|0.20|3944\nmedium|40.00|0.20|394");
    let factors = "select customer_id, value, compared_with, points from churn_factors \
        where signal = 'attendance' and customer_id in ('csv:12407', 'csv:12748', 'csv:14911') \
        order by 1";
    assert_eq!(
        world.psql(factors),
        "csv:12407|1 orders in 90 days|2 in the 90 days before|40.00\n\
         csv:12748|77 orders in 90 days|40 in the 90 days before|0.00\n\
         csv:14911|89 orders in 90 days|46 in the 90 days before|0.00"
    );
    // Nothing is known of sessions, so nothing operational counts.
    let health = "select overall, financial, customer, operational, growth, risk, coverage \
        from health_score";
    assert_eq!(world.psql(health), "71.08|66.67|95.02||43.56|22.72|0.800000");
    let metrics = "select metric, value, score from health_metrics where present \
        order by array_position(array['revenue_growth', 'profit_margin', 'refund_rate', \
            'repeat_rate', 'new_customers', 'product_development', 'concentration', \
            'members_at_risk', 'volatility'], metric)";
    assert_eq!(
        world.psql(metrics),
        "revenue_growth|0.284738|100.00\n\
         profit_margin|1.000000|100.00\n\
         refund_rate|0.134391|0.00\n\
         repeat_rate|0.480097|95.02\n\
         new_customers|-0.269565|5.07\n\
         product_development|0.205094|82.04\n\
         concentration|0.540501|40.08\n\
         members_at_risk|0.000000|0.00\n\
         volatility|0.565167|28.09"
    );
}
