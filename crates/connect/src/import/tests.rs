//! What a user sees of an import: what is refused, what is quarantined, and that it can be resumed.

use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;

const HEADER: &str =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
const TENANT: TenantId = TenantId(Uuid::from_u128(7));

fn ctx() -> ImportContext {
    let now = UtcMicros::parse("2026-03-18T10:00:00Z").expect("an instant");
    ImportContext { tenant: TENANT, currency: None, time_zone: None, now }
}

fn write(bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("file");
    std::fs::write(&path, bytes).expect("written");
    (dir, path)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

/// Every item as a line of text, then the error if one ended the import.
fn run(preset: Preset, bytes: &[u8], resume_after: Option<u64>) -> Vec<String> {
    let (_dir, path) = write(bytes);
    match Import::open(&path, preset, ctx(), resume_after) {
        Ok(import) => import.map(|item| show(&item, &path)).collect(),
        Err(error) => vec![show(&Err(error), &path)],
    }
}

fn show(item: &Result<Item, Error>, path: &Path) -> String {
    match item {
        Ok(Item::Record(record)) => String::from_utf8(record.to_json()).expect("JSON is UTF-8"),
        Ok(Item::Bad(bad)) => format!("bad {}: {}", bad.line, bad.reason),
        Err(error) => {
            let name = path.display().to_string();
            format!("error: {}", error.to_string().replace(&name, "FILE"))
        }
    }
}

fn retail(lines: &[&str]) -> Vec<String> {
    run(Preset::OnlineRetail, format!("{HEADER}\n{}\n", lines.join("\n")).as_bytes(), None)
}

/// The records of one kind, their bodies only.
fn bodies(items: &[String], kind: &str) -> Vec<serde_json::Value> {
    let records = items.iter().filter_map(|item| serde_json::from_str(item).ok());
    let records = records.filter(|it: &serde_json::Value| it["kind"] == kind);
    records.map(|it| it["body"].clone()).collect()
}

#[test]
fn an_invoice_is_one_order() {
    let items = retail(&[
        "536365,85123A,WHITE HOLDER ,6,2011-06-01 08:26:00,2.55,17850.0,United Kingdom",
        "C1,D,Discount,-1,2011-06-02 09:00,27.5,17850.0,United Kingdom",
        "536365,85123A,WHITE HOLDER,-1,2011-06-01 08:26:00,0.001,17850.0,United Kingdom",
        "A1,B,Adjust bad debt,1,2011-08-12 14:50:00,11062.06,,United Kingdom",
        "A2,B,Adjust bad debt,1,2011-08-12 14:51:00,-11062.06,,United Kingdom",
        "536366,X,?,-3,2011-12-01 10:00:00,0,,United Kingdom",
    ]);
    let orders = bodies(&items, "order");
    assert_eq!(orders.len(), 3, "{items:#?}");
    assert_eq!(orders[0]["ordered_at"], "2011-06-01T07:26:00Z", "summer time");
    assert_eq!(orders[0]["total"], "15.299");
    assert_eq!(orders[0]["currency"], "GBP");
    assert_eq!(orders[0]["customer_id"], "17850");
    assert_eq!(orders[0]["country"], "United Kingdom");
    assert_eq!(orders[0]["lines"].as_array().map(Vec::len), Some(2));
    assert_eq!((&orders[1]["total"], &orders[1]["status"]), (&"11062.06".into(), &"paid".into()));
    assert_eq!((&orders[2]["total"], &orders[2]["status"]), (&"0".into(), &"voided".into()));
    let refunds = bodies(&items, "refund");
    assert_eq!(refunds.len(), 2);
    assert_eq!(
        (&refunds[0]["amount"], &refunds[1]["amount"]),
        (&"27.5".into(), &"11062.06".into())
    );
    let customers = bodies(&items, "customer");
    assert_eq!(customers.len(), 1);
    assert_eq!(customers[0]["display_name"], "Customer #17850");
    assert_eq!(customers[0]["created_at"], "2011-06-01T07:26:00Z");
    let products = bodies(&items, "product");
    assert_eq!(products.len(), 4);
    assert_eq!(products[0]["title"], "WHITE HOLDER");
    assert_eq!(products[0]["first_sold_at"], "2011-06-01T07:26:00Z");
    assert_eq!(products[3].get("first_sold_at"), None, "never sold");
}

#[test]
fn every_bad_line_is_quarantined_and_the_rest_imported() {
    let good = "1,P,Mat,1,2011-01-01 10:00:00,2.5,,France";
    let long = format!("2,P,{},1,2011-01-01 10:00:00,2.5,,France", "x".repeat(1_000_001));
    let mut file = format!("{HEADER}\r\n").into_bytes();
    for line in [
        "2,P,Mat,1,2011-01-01 10:00:00,2.5,",
        "2,P,\"Mat,1,2011-01-01 10:00:00,2.5,,France",
        "2,P,Mat,one,2011-01-01 10:00:00,2.5,,France",
        "2,P,Mat,1,01/02/2011 10:00,2.5,,France",
        "2,P,Mat,1,2011-02-29 10:00:00,2.5,,France",
        "2,P,Mat,1,2011-01-01 10:00:00,£2.5,,France",
        "2,P,Mat,1,2011-01-01 10:00:00,0.0000001,,France",
        ",P,Mat,1,2011-01-01 10:00:00,2.5,,France",
        &long,
        "2,P,Mat,9000000000000,2011-01-01 10:00:00,9000000,,France",
        "",
    ] {
        file.extend_from_slice(line.as_bytes());
        file.extend_from_slice(b"\r\n");
    }
    file.extend_from_slice(b"2,P,M\xe9t,1,2011-01-01 10:00:00,2.5,,France\r\n");
    file.extend_from_slice(good.as_bytes());
    let items = run(Preset::OnlineRetail, &file, None);
    let expected = [
        "bad 2: 7 fields where the header has 8",
        "bad 3: unbalanced quotes: a quote is not closed on its line",
        "bad 4: Quantity 'one' is not a decimal number",
        "bad 5: InvoiceDate '01/02/2011 10:00' is not YYYY-MM-DD HH:MM:SS",
        "bad 6: InvoiceDate '2011-02-29 10:00:00' is not YYYY-MM-DD HH:MM:SS",
        "bad 7: UnitPrice '£2.5' is not a decimal number",
        "bad 8: UnitPrice '0.0000001' has more than six decimals",
        "bad 9: InvoiceNo is empty",
        "bad 10: the line is longer than 1000000 bytes",
        "bad 11: Quantity x UnitPrice is too large",
        "bad 13: not UTF-8 from byte 6 of the line",
    ];
    assert_eq!(items[..expected.len()], expected);
    assert_eq!(bodies(&items, "order").len(), 1);
    assert_eq!(bodies(&items, "product").len(), 1);
}

#[test]
fn a_file_of_another_form_is_one_plain_sentence() {
    let check = |preset, bytes: &[u8], expected: &str| {
        assert_eq!(run(preset, bytes, None), [format!("error: {expected}")]);
    };
    check(
        Preset::OnlineRetail,
        b"timestamp_utc,gym,training_area_m2,occupancy\n",
        "FILE does not fit preset 'online-retail': expected the columns InvoiceNo,StockCode,\
         Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country, found \
         'timestamp_utc,gym,training_area_m2,occupancy'",
    );
    check(
        Preset::Records,
        format!("{HEADER}\n1,2\n").as_bytes(),
        &format!(
            "FILE does not fit preset 'records': expected one JSON object a line, found '{HEADER}'"
        ),
    );
    check(
        Preset::Occupancy,
        b"",
        "FILE is empty: preset 'occupancy' expects the columns timestamp_utc,gym,training_area_m2,\
         occupancy",
    );
    let dir = tempfile::tempdir().expect("a directory");
    let open = |path: &Path| {
        Import::open(path, Preset::Records, ctx(), None).expect_err("refused").to_string()
    };
    assert!(open(dir.path()).ends_with("is not a file but a directory"));
    assert!(open(&dir.path().join("none")).starts_with("there is no file"));
    let unknown = Preset::parse("retail").expect_err("unknown").to_string();
    assert_eq!(
        unknown,
        "there is no preset 'retail': the presets are online-retail, records, occupancy"
    );
}

#[test]
fn what_a_cut_gzip_still_holds_is_imported() {
    let lines: Vec<String> = (0..20_000)
        .map(|i| format!("{i},P{i},Mat,{},2011-01-01 10:00:00,2.5,{},France", i % 17 + 1, i % 991))
        .collect();
    let whole = gzip(format!("{HEADER}\n{}\n", lines.join("\n")).as_bytes());
    let all = run(Preset::OnlineRetail, &whole, None);
    assert_eq!(bodies(&all, "order").len(), 20_000);
    let cut = run(Preset::OnlineRetail, &whole[..whole.len() / 2], None);
    let orders = bodies(&cut, "order").len();
    assert!((1..20_000).contains(&orders), "{orders}");
    let last = cut.last().expect("an error");
    assert!(last.starts_with("error: FILE is damaged or incomplete after line"), "{last}");
}

#[test]
fn a_byte_order_mark_and_crlf_are_tolerated() {
    let lines = "1,P,Mat,1,2011-01-01 10:00:00,2.5,,France";
    let plain = run(Preset::OnlineRetail, format!("{HEADER}\n{lines}\n").as_bytes(), None);
    let windows =
        run(Preset::OnlineRetail, format!("\u{feff}{HEADER}\r\n{lines}\r\n").as_bytes(), None);
    assert_eq!(plain, windows);
}

#[test]
fn records_take_what_a_line_leaves_out_from_the_import() {
    let own = TENANT.to_string();
    let other = Uuid::from_u128(8).to_string();
    let lines = [
        r#"{"kind":"visit","source":"native","id":"v1","body":{"customer_id":"c1","visited_at":"2026-01-01T00:00:00Z","mood":"good"}}"#.to_owned(),
        r#"{"kind":"location","source":"native","id":"l1","body":{"name":"Zamalek"}}"#.to_owned(),
        r#"{"kind":"visit","source":"native","id":"v1","version":9,"deleted":true}"#.to_owned(),
        format!(r#"{{"tenant":"{own}","kind":"customer","source":"native","id":"c1","version":3,"received_at":"2026-01-02T00:00:00Z","body":{{}}}}"#),
        format!(r#"{{"tenant":"{other}","kind":"customer","source":"native","id":"c1","version":3,"body":{{}}}}"#),
        r#"{"kind":"visit","source":"native","id":"v2","body":{"customer_id":"c1"}}"#.to_owned(),
        "not JSON".to_owned(),
    ];
    let items = run(Preset::Records, lines.join("\n").as_bytes(), None);
    assert!(items[0].contains(r#""version":1767225600000000"#), "event time: {}", items[0]);
    assert!(items[0].contains(r#""mood":"good""#), "unknown fields are kept: {}", items[0]);
    assert!(items[1].contains(r#""version":1773828000000000"#), "arrival: {}", items[1]);
    assert!(items[2].contains(r#""version":9"#) && items[2].contains(r#""deleted":true"#));
    assert!(items[3].contains(r#""received_at":"2026-01-02T00:00:00Z""#), "{}", items[3]);
    assert!(items[4].starts_with("bad 5: the record belongs to tenant"), "{}", items[4]);
    assert!(items[5].starts_with("bad 6: visit: missing field `visited_at`"), "{}", items[5]);
    assert!(items[6].starts_with("bad 7: expected"), "{}", items[6]);
}

#[test]
fn a_blank_reading_is_no_reading() {
    let file = "timestamp_utc,gym,training_area_m2,occupancy\n\
        2025-03-23T18:25:14.228670,Zug,600,105\n\
        2025-03-23T18:55:14.000000,Zug,600,\n\
        2025-03-23T18:55:15.000000,Bern,,0\n\
        2025-03-23T18:55:16.000000,Bern,,-1\n";
    let (_dir, path) = write(file.as_bytes());
    let mut import = Import::open(&path, Preset::Occupancy, ctx(), None).expect("opens");
    let items: Vec<String> = import.by_ref().map(|item| show(&item, &path)).collect();
    assert_eq!(
        import.summary().to_string(),
        "4 records (2 locations, 2 metrics), 1 blank reading skipped, 1 bad line quarantined"
    );
    let metrics = bodies(&items, "metric");
    assert_eq!(metrics[0]["value"], "105");
    assert_eq!(metrics[0]["recorded_at"], "2025-03-23T18:25:14.228670Z");
    assert_eq!(metrics[1]["value"], "0", "a head count of zero is a reading");
    let locations = bodies(&items, "location");
    assert_eq!(locations[0]["time_zone"], "Europe/Zurich");
    assert!(items.contains(&"bad 5: occupancy -1 is negative".to_owned()), "{items:#?}");
}

#[test]
fn a_checkpoint_of_another_file_is_noticed() {
    let file = format!("{HEADER}\n1,P,Mat,1,2011-01-01 10:00:00,2.5,,France\n");
    let items = run(Preset::OnlineRetail, file.as_bytes(), Some(50));
    assert_eq!(
        items,
        ["error: FILE holds 2 items but 50 were imported from it before: it is another file"]
    );
}

#[test]
fn a_fingerprint_tells_files_apart() {
    let (_a, abc) = write(b"abc");
    let (_b, abd) = write(b"abd");
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(fingerprint(&abc).expect("a file"), expected, "from FIPS 180-2, appendix B");
    assert_ne!(fingerprint(&abd).expect("a file"), expected);
    let none = fingerprint(Path::new("/nowhere/none")).expect_err("no file");
    assert_eq!(none.to_string(), "there is no file /nowhere/none");
}

/// Lines of a small shop, some of them broken.
fn shop() -> impl Strategy<Value = Vec<String>> {
    let line = (0u8..6, 0u8..4, 0u8..3, -3i32..6, 0u8..30, 0u32..5_000, 0u8..4, 0u8..20);
    let line =
        line.prop_map(|(invoice, product, title, quantity, minute, price, customer, odd)| {
            let prefix = ["", "", "", "", "C", "A"][usize::from(invoice)];
            let customer = if customer == 0 { String::new() } else { format!("{customer}.0") };
            let price = format!("{}.{:03}", price / 1_000, price % 1_000);
            let price = if odd == 0 { "n/a".to_owned() } else { price };
            let at = format!("2011-03-27 00:{minute:02}:00");
            format!(
                "{prefix}{invoice},P{product},T{title},{quantity},{at},{price},{customer},France"
            )
        });
    prop::collection::vec(line, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_do_not_depend_on_the_order_of_lines(
        (lines, shuffled) in shop().prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle()))
    ) {
        let records = |lines: &[String]| {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let items = retail(&lines);
            let (bad, records): (Vec<_>, Vec<_>) =
                items.into_iter().partition(|item| item.starts_with("bad"));
            (bad.len(), records)
        };
        prop_assert_eq!(records(&lines), records(&shuffled));
    }

    #[test]
    fn resuming_at_any_checkpoint_yields_the_rest(lines in shop()) {
        let file = format!("{HEADER}\n{}\n", lines.join("\n"));
        let (_dir, path) = write(file.as_bytes());
        let mut import =
            Import::open(&path, Preset::OnlineRetail, ctx(), None).expect("opens");
        let mut checkpoints = vec![0];
        let mut all = Vec::new();
        while let Some(item) = import.next() {
            all.push(show(&item, &path));
            checkpoints.push(import.checkpoint());
        }
        for (done, checkpoint) in checkpoints.into_iter().enumerate() {
            let rest = run(Preset::OnlineRetail, file.as_bytes(), Some(checkpoint));
            prop_assert_eq!(&rest[..], &all[done..]);
        }
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\",0-9A-C.: \\n-]{0,200}") {
        for preset in Preset::ALL {
            run(preset, &bytes, None);
        }
        let mut file = format!("{HEADER}\n{text}\n").into_bytes();
        file.extend_from_slice(&bytes);
        run(Preset::OnlineRetail, &file, None);
        let mut cut = gzip(&file);
        cut.truncate(cut.len() * 2 / 3);
        run(Preset::OnlineRetail, &cut, None);
        let mut object = b"{\"kind\":\"visit\"}\n".to_vec();
        object.extend_from_slice(&bytes);
        run(Preset::Records, &object, None);
    }
}
