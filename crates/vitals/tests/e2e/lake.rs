//! The lake of a running product: killed, restarted and moved, it shows what the log has.

use crate::shared::until;
use crate::world::{World, online_retail, wait};

const COUNTS: &str = "SELECT (SELECT count(*) FROM orders) AS orders, (SELECT count(*) FROM order_lines) AS lines, \
     (SELECT sum(quantity * unit_price) FROM order_lines) AS sold, (SELECT count(*) FROM refunds) AS refunds, \
     (SELECT sum(amount) FROM refunds) AS refunded, (SELECT count(*) FROM customers) AS customers";

/// Enough for several flushes of one import.
const INVOICES: u32 = 80_000;

fn import(world: &World) -> std::process::Child {
    let file = ["import", "csv", "retail.csv", "--preset", "online-retail"];
    let into = ["--tenant", "shop", "--clock", "data"];
    world.command(&[&file[..], &into].concat()).spawn().unwrap()
}

fn ask(world: &World) -> String {
    world.run(&["sql", COUNTS, "--tenant", "shop", "--format", "csv"]).expect(0).stdout
}

#[test]
fn killed_in_the_middle_of_flushes_it_shows_every_record_once() {
    let calm = World::new();
    online_retail(&calm.path("retail.csv"), INVOICES);
    assert_eq!(wait(&mut import(&calm)), 0);
    let expected = ask(&calm);

    let world = World::new();
    online_retail(&world.path("retail.csv"), INVOICES);
    let up = || {
        let mut command = world.command(&[&["up"][..], &crate::world::PORTS].concat());
        command.env("VITALS_LAKE_FLUSH_INTERVAL_S", "1");
        crate::world::Up::start(command)
    };
    let mut landed = 0;
    for round in 0..4_u64 {
        let running = up();
        let mut importing = import(&world);
        until("files are written, or the import has ended", || {
            running.metric("vitals_lake_flushed_rows_total") > 0
                || importing.try_wait().unwrap().is_some()
        });
        // Somewhere in what follows: the next flush, or a merge.
        std::thread::sleep(std::time::Duration::from_millis(130 * round));
        landed += u32::from(importing.try_wait().unwrap().is_none());
        running.kill_9();
        // The import goes with the process it spoke to.
        wait(&mut importing);
    }
    assert!(landed >= 1, "no kill landed inside the work");
    let running = up();
    assert_eq!(wait(&mut import(&world)), 0);
    assert_eq!(ask(&world), expected);
    until("the lake has caught up", || running.metric("vitals_lake_lag_records") == 0);
    assert_eq!(running.stop(), 0);
    // With nothing running, from the files and the end of the log.
    assert_eq!(ask(&world), expected);
    // A folder that is lost is filled again.
    std::fs::remove_dir_all(world.data_dir().join("lake")).unwrap();
    assert_eq!(ask(&world), expected);
    let running = up();
    assert_eq!(ask(&world), expected);
    let doctor = world.run(&["doctor", "--json"]).json();
    let lake = doctor.as_array().unwrap().iter().find(|it| it["what"] == "lake").unwrap();
    assert_eq!(lake["ok"], true, "{lake}");
    let detail = lake["detail"].as_str().unwrap();
    assert!(detail.contains("rows in") && detail.contains("behind"), "{detail}");
    assert_eq!(running.stop(), 0);
}
