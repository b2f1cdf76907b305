//! What the containers are made of is there: paths, services, settings.

use yaml_rust2::{Yaml, YamlLoader};

use super::{no_complaints, root, text};

const DOCKERFILE: &str = "Dockerfile";
const COMPOSE: &str = "docker-compose.yml";

/// What a Dockerfile copies out of the build context, by path from the root.
fn copied(dockerfile: &str) -> Vec<String> {
    let joined = dockerfile.replace("\\\n", " ");
    let copies = joined.lines().filter_map(|line| line.trim().strip_prefix("COPY "));
    copies
        .filter(|rest| !rest.contains("--from="))
        .flat_map(|rest| {
            let words: Vec<&str> =
                rest.split_whitespace().filter(|word| !word.starts_with("--")).collect();
            let sources = words.len().saturating_sub(1);
            words.into_iter().take(sources).map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

/// Complaints about a file of services: one that is not there, listens to the world, or waits for nobody.
fn complaints_of(compose: &Yaml, services: &[&str]) -> Vec<String> {
    let given = &compose["services"];
    let names: Vec<&str> =
        given.as_hash().into_iter().flatten().filter_map(|(name, _)| name.as_str()).collect();
    let mut complaints = Vec::new();
    if names != services {
        complaints.push(format!("{COMPOSE}: the services are {names:?}, not {services:?}"));
    }
    for name in &names {
        let service = &given[*name];
        let list = |key: &str| -> Vec<String> {
            let items = service[key].as_vec().into_iter().flatten();
            items.filter_map(|it| it.as_str().map(str::to_owned)).collect()
        };
        for port in list("ports").iter().filter(|port| !port.starts_with("127.0.0.1:")) {
            complaints.push(format!("{COMPOSE}: {name}: port {port} is open to the world"));
        }
        for volume in list("volumes") {
            let volume = volume.split(':').next().unwrap_or_default().to_owned();
            let known = compose["volumes"].as_hash();
            if !known.is_some_and(|it| it.contains_key(&Yaml::String(volume.clone()))) {
                complaints.push(format!("{COMPOSE}: {name}: volume {volume} is not declared"));
            }
        }
        if let Some(image) = service["image"].as_str() {
            let tag = image.rsplit_once(':').map_or("latest", |(_, tag)| tag);
            if tag == "latest" {
                complaints.push(format!("{COMPOSE}: {name}: {image} names no version"));
            }
        }
        for (other, wait) in service["depends_on"].as_hash().into_iter().flatten() {
            let other = other.as_str().unwrap_or_default();
            let healthy = wait["condition"].as_str() == Some("service_healthy");
            if !healthy || given[other]["healthcheck"].is_badvalue() {
                complaints.push(format!("{COMPOSE}: {name}: does not wait until {other} is well"));
            }
        }
    }
    complaints
}

/// The first document of a YAML text.
fn yaml(text: &str) -> Yaml {
    YamlLoader::load_from_str(text).expect("YAML").swap_remove(0)
}

#[test]
fn every_path_the_image_copies_exists() {
    let copied_here = copied(&text(DOCKERFILE));
    assert!(!copied_here.is_empty(), "{DOCKERFILE} copies nothing: the rule looks at nothing");
    let complaints: Vec<String> = copied_here
        .into_iter()
        .filter(|path| !root().join(path).exists())
        .map(|path| format!("{DOCKERFILE}: copies {path}, which does not exist"))
        .collect();
    no_complaints(&complaints);
    let text = "COPY --chown=1:1 a b/ \\\n  c/\nCOPY --from=build /x /y\nRUN cp p q\n";
    assert_eq!(copied(text), ["a", "b/"]);
}

#[test]
fn the_image_runs_as_nobody_in_particular_and_can_be_asked_how_it_is() {
    let text = text(DOCKERFILE);
    let user = text.lines().filter_map(|line| line.strip_prefix("USER ")).next_back();
    let user = user.expect("a USER");
    assert!(user.starts_with(|it: char| it.is_ascii_digit() && it != '0'), "USER {user}");
    assert!(text.contains("\nHEALTHCHECK ") && text.contains("/readyz"), "no health check");
}

#[test]
fn the_services_are_those_the_papers_name() {
    no_complaints(&complaints_of(&yaml(&text(COMPOSE)), &["kafka", "timescaledb", "vitals"]));
    let bad = "services:\n  a:\n    image: x\n    ports: ['80:80']\n    volumes: ['data:/data']\n    \
        depends_on:\n      b:\n        condition: service_started\n  b:\n    image: x:1\n";
    assert_eq!(complaints_of(&yaml(bad), &["a"]).len(), 5);
}

#[test]
fn the_program_is_told_of_its_services_by_settings_it_knows() {
    let compose = yaml(&text(COMPOSE));
    let papers = text("docs/cli.md");
    let environment = compose["services"]["vitals"]["environment"].as_hash().expect("settings");
    let names = environment.keys().filter_map(Yaml::as_str);
    let unknown: Vec<String> = names
        .filter(|name| !papers.contains(&format!("| `{name}` |")))
        .map(|name| format!("{COMPOSE}: docs/cli.md does not know {name}"))
        .collect();
    no_complaints(&unknown);
}
