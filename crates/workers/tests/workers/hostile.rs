//! `sql/tests/hostile.txt` against real workers, beside a tenant whose rows are canaries.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::StreamExt;
use vitals_query::QueryError;
use vitals_testkit::hostile::{Attack, corpus};

use crate::canaries::{CANARY, OTHER};
use crate::studio::{TENANT, lines};
use crate::world::{World, count};

/// Attackers at a time: as many as a tenant has places.
const ATTACKERS: usize = 2;
/// How long a question may compute here. Those that would for ever are stopped all the sooner.
const TIME: Duration = Duration::from_secs(1);

/// What happened to an attack, if it is not right.
async fn complaint(world: &World, attack: &Attack) -> Option<String> {
    let shown: String = attack.sql.chars().take(150).collect();
    let began = Instant::now();
    let (outcome, told) = match world.ask(TENANT, &attack.sql).await {
        Ok(answer) => ("answered".to_owned(), lines(&answer).join("\n")),
        Err(QueryError { state, detail, mend }) => {
            let told = format!("{detail} {mend}");
            // What a row holds is nobody's business; what the question itself says is known to its asker.
            let values = ["attended", "example.org", "O'Hara"];
            let value = values.into_iter().find(|it| told.contains(it) && !attack.sql.contains(it));
            if let Some(value) = value {
                return Some(format!("{shown}: tells {value}: {told}"));
            }
            (state.slug().to_owned(), told)
        }
    };
    if told.contains(CANARY) && !attack.sql.contains(CANARY) || told.contains("root:") {
        return Some(format!("{shown}: tells what is not the tenant's: {told}"));
    }
    if !attack.right.contains(&outcome.as_str()) {
        return Some(format!("[{}] {shown}: {outcome} ({told:.150})", attack.class));
    }
    // The deadline, the grace, and the wait for a place of a busy machine.
    let late = began.elapsed() > TIME + Duration::from_secs(10);
    late.then(|| format!("{shown}: took {:?}", began.elapsed()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_ends_as_it_deserves_and_harms_nobody() {
    let attacks = corpus();
    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    attacks.iter().for_each(|it| *classes.entry(it.class).or_default() += 1);
    assert!(attacks.len() >= 710 && classes.len() >= 16, "{} {classes:?}", attacks.len());

    let (good, bad): (Vec<_>, Vec<_>) = attacks.iter().partition(|it| it.class == "business");
    let world = World::new(2 * ATTACKERS, TIME);
    let attacked = async {
        let outcomes = futures::stream::iter(bad).map(|attack| complaint(&world, attack));
        outcomes
            .buffer_unordered(ATTACKERS)
            .filter_map(std::future::ready)
            .collect::<Vec<_>>()
            .await
    };
    let mut complaints = tokio::select! {
        complaints = attacked => complaints,
        // The other tenant goes on all the while.
        () = async {
            loop {
                let answer = world.ask(OTHER, "SELECT first_name FROM customers").await;
                assert_eq!(lines(&answer.expect("the other tenant is answered")), [CANARY]);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        } => Vec::new(),
    };
    let fatal = classes["fatal"];
    assert!(count(&world.counts.crashed) <= fatal, "nothing else ends even a worker");
    world.stop().await;

    let world = World::patient(2 * ATTACKERS);
    for attack in good {
        complaints.extend(complaint(&world, attack).await);
    }
    world.stop().await;
    let all = complaints.join("\n");
    assert!(complaints.is_empty(), "{} of {}:\n{all}", complaints.len(), attacks.len());
}
