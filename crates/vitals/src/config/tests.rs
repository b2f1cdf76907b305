//! Which source of a setting wins, and what is said about wrong ones.

use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    let vitals = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Environment { vitals, ..Environment::default() }
}

fn file(text: &str) -> (tempfile::TempDir, SettingFlags) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("vitals.toml");
    std::fs::write(&path, text).expect("written");
    (dir, SettingFlags { config: Some(path), ..SettingFlags::default() })
}

fn refusal(flags: &SettingFlags, variables: &[(&str, &str)]) -> String {
    load(flags, None, &environment(variables)).expect_err("refused").to_string()
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let (_dir, mut flags) = file("kafka = \"file:1\"\ndata_dir = \"/file\"\npartitions = 3\n");
    let variables = [("VITALS_KAFKA", "env:1"), ("VITALS_DATA_DIR", "/env")];
    flags.kafka = Some("flag:1".to_owned());
    let settings = load(&flags, None, &environment(&variables)).expect("settings");
    assert_eq!(settings.kafka.as_deref(), Some("flag:1"));
    assert_eq!(settings.data_dir, PathBuf::from("/env"));
    assert_eq!(settings.partitions, 3);
    assert_eq!(settings.listen, Settings::default().listen);
}

#[test]
fn lists_and_numbers_come_from_the_environment() {
    let variables = [
        ("VITALS_KAFKA", "k:1"),
        ("VITALS_DATABASE_URL", "postgres://h/d"),
        ("VITALS_ROLES", "engine, api"),
        ("VITALS_PARTITIONS", "16"),
        ("VITALS_LOG_FORMAT", "json"),
    ];
    let settings =
        load(&SettingFlags::default(), None, &environment(&variables)).expect("settings");
    assert_eq!(settings.roles, [Role::Engine, Role::Api]);
    assert_eq!(settings.partitions, 16);
    assert_eq!(settings.log_format, LogFormat::Json);
}

#[test]
fn wrong_settings_are_named_and_secrets_are_not() {
    let (_dir, flags) = file("kafak = \"x\"\n");
    let text = refusal(&flags, &[]);
    assert!(text.contains("vitals.toml") && text.contains("'kafak'"), "{text}");
    let (_dir, flags) = file("kafka = \n");
    assert!(refusal(&flags, &[]).contains("is not valid TOML"), "{}", refusal(&flags, &[]));
    let flags = SettingFlags::default();
    let text = refusal(&flags, &[("VITALS_PARTITIONS", "many")]);
    assert!(text.contains("VITALS_PARTITIONS"), "{text}");
    let text = refusal(&flags, &[("VITALS_DATABASE_URL", "mysql://u:hunter2@h/d")]);
    assert!(text.contains("postgres://") && !text.contains("hunter2"), "{text}");
    let text = refusal(&flags, &[("VITALS_ROLES", "engine")]);
    assert!(text.contains("--kafka and --database-url"), "{text}");
    let text = refusal(&flags, &[("VITALS_ROLES", "cook")]);
    assert!(text.contains("cook"), "{text}");
    let text = refusal(&flags, &[("VITALS_PG_LISTEN", "5433")]);
    assert!(text.contains("VITALS_PG_LISTEN"), "{text}");
}

#[test]
fn maintenance_has_an_interval_or_is_off() {
    let interval = |seconds: &str| {
        let variables = [("VITALS_MAINTENANCE_INTERVAL_S", seconds)];
        let settings = load(&SettingFlags::default(), None, &environment(&variables));
        settings.expect("settings").maintenance_interval()
    };
    assert_eq!(Settings::default().maintenance_interval(), Some(Duration::from_secs(3_600)));
    assert_eq!(interval("7"), Some(Duration::from_secs(7)));
    assert_eq!(interval("0"), None);
    assert!(interval("18446744073709551615").is_some_and(|it| it < Duration::MAX / 2));
}

#[test]
fn unknown_variables_are_told_apart() {
    let it =
        environment(&[("VITALS_LOG", "info"), ("VITALS_DATABSE_URL", "x"), ("VITALS_KAFKA", "k")]);
    assert_eq!(it.unknown(), ["VITALS_DATABSE_URL"]);
}

/// The names that other programs read are read too; ours win; nothing shows the key, and no model is asked unless named.
#[test]
fn a_language_model_is_named_by_address_and_name() {
    let shared = vec![
        ("llm_base_url", "https://models.example/v1".to_owned()),
        ("llm_api_key", "sk-canary".to_owned()),
    ];
    let of = |vitals: &[(&str, &str)]| {
        let environment = Environment { shared: shared.clone(), ..environment(vitals) };
        load(&SettingFlags::default(), None, &environment)
    };
    let settings = of(&[]).unwrap();
    assert_eq!(settings.llm(), None, "an address without a model's name asks nobody");
    let settings = of(&[("VITALS_LLM_MODEL", "small")]).unwrap();
    assert_eq!(settings.llm(), Some(("https://models.example/v1", "small")));
    assert!(!format!("{settings:?}").contains("canary"));
    let ours = [("VITALS_LLM_MODEL", "small"), ("VITALS_LLM_BASE_URL", "http://127.0.0.1:1")];
    assert_eq!(of(&ours).unwrap().llm(), Some(("http://127.0.0.1:1", "small")));
    let failure = of(&[("VITALS_ASK_TRANSLATOR", "llm")]).unwrap_err();
    assert_eq!(failure.exit(), 2);
    let failure = of(&[("VITALS_ASK_TRANSLATOR", "oracle")]).unwrap_err().to_string();
    assert!(failure.contains("'oracle'"), "{failure}");
}
