//! Encryption, and addresses that are taken.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::house::Said;
use crate::python::python;
use crate::world::{PORTS, Up, World};

/// A certificate of its own making, and its key.
fn certificate(world: &World) -> (String, String) {
    let path = |name: &str| world.path(name).to_str().unwrap().to_owned();
    let (certificate, key) = (path("door.crt"), path("door.key"));
    let args =
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
    let names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    let files = ["-keyout", &key, "-out", &certificate];
    let made = Command::new("openssl").args(args).args(names).args(files).output().unwrap();
    assert!(made.status.success(), "{:?}", Said::of(&made));
    (certificate, key)
}

#[test]
fn with_a_certificate_the_doors_are_encrypted() {
    let world = World::new();
    let create = [
        "tenants",
        "create",
        "--slug",
        "gym",
        "--name",
        "Gym",
        "--time-zone",
        "UTC",
        "--currency",
        "EUR",
    ];
    world.run(&create).expect(0);
    let key = world.run(&["keys", "create", "--tenant", "gym"]).expect(0).stdout.trim().to_owned();
    let (certificate, private) = certificate(&world);
    let ports = [
        "up",
        "--listen",
        "127.0.0.1:0",
        "--pg-listen",
        "127.0.0.1:0",
        "--flight-listen",
        "127.0.0.1:0",
    ];
    let tls = ["--tls-certificate", &certificate, "--tls-key", &private];
    let up = Up::start(world.command(&[&ports[..], &tls[..]].concat()));
    let run = std::fs::read_to_string(world.data_dir().join("run.json")).unwrap();
    let run: serde_json::Value = serde_json::from_str(&run).unwrap();
    let (host, port) = run["pg"].as_str().unwrap().split_once(':').unwrap();
    for (mode, extra) in [("require", ""), ("verify-full", certificate.as_str()), ("disable", "")] {
        let mut psql = Command::new("psql");
        psql.args(["-XAt", "-h", host, "-p", port, "-U", "gym", "-d", "vitals"]);
        psql.env("PGPASSWORD", &key).env("PGSSLMODE", mode).env("PGSSLROOTCERT", extra);
        psql.args(["-c", "\\conninfo", "-c", "SELECT 1"]).stdin(Stdio::null());
        let said = Said::of(&psql.output().unwrap());
        assert!(said.code == 0 && said.out.ends_with("\n1\n"), "{mode}: {said:?}");
        assert_eq!(said.out.contains("SSL connection"), mode != "disable", "{mode}: {said:?}");
    }
    let script = "import sys, adbc_driver_flightsql.dbapi as f\n\
                  key, uri, pem = sys.argv[1:]\n\
                  kw = {'username': 'gym', 'password': key, 'adbc.flight.sql.client_option.tls_root_certs': open(pem).read()}\n\
                  with f.connect(uri, db_kwargs=kw, autocommit=True) as db, db.cursor() as c:\n    \
                  c.execute('SELECT 1 AS one')\n    print(c.fetchall())";
    let uri = format!("grpc+tls://{}", run["flight"].as_str().unwrap());
    let said = python(script, &[&key, &uri, &certificate]);
    assert_eq!((said.out.as_str(), said.code), ("[(1,)]\n", 0), "{said:?}");
    assert_eq!(up.stop(), 0);
}

#[test]
fn a_certificate_that_cannot_be_used_keeps_the_doors_shut() {
    let world = World::new();
    let empty = world.write("empty.pem", "");
    let empty = empty.to_str().unwrap();
    let (certificate, private) = certificate(&world);
    for (tls, code, word) in [
        (vec!["--tls-certificate", "none.pem", "--tls-key", &private], 1, "none.pem"),
        (vec!["--tls-certificate", empty, "--tls-key", &private], 1, "no certificate"),
        (vec!["--tls-certificate", &certificate, "--tls-key", empty], 1, "no private key"),
        (vec!["--tls-certificate", &certificate], 2, "--tls-key"),
    ] {
        let run = world.run(&[&["up"], &PORTS[..], &tls[..]].concat()).expect(code);
        assert!(run.stderr.contains(word) && run.stdout.is_empty(), "{tls:?}: {}", run.stderr);
    }
}

#[test]
fn a_taken_address_is_said_with_its_flag() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--pg-listen", "--flight-listen"] {
        let other = if flag == "--pg-listen" { "--flight-listen" } else { "--pg-listen" };
        let run =
            world.run(&["up", "--listen", "127.0.0.1:0", flag, &address, other, "off"]).expect(1);
        assert!(run.stderr.contains(flag) && run.stderr.contains(&address), "{}", run.stderr);
    }
}
