//! Messages that no reader can understand: each must end in quarantine, and nothing else may change.

use vitals_model::TenantId;
use vitals_model::rng::Rng;

/// What is wrong, as the envelope after its tenant. Every line breaks exactly one rule.
const BROKEN: [&str; 16] = [
    r#""kind":"visit","source":"csv","id":"1","version":1}"#,
    r#""kind":"spaceship","source":"csv","id":"1","version":1,"body":{}}"#,
    r#""kind":"visit","source":"csv","id":"1","version":1,"body":{"customer_id":"c1"}}"#,
    r#""kind":"visit","source":"csv","id":"1","version":"1","body":{"customer_id":"c1","visited_at":"2024-01-01T00:00:00Z"}}"#,
    r#""kind":"visit","source":"csv","id":"1","version":1,"body":{"customer_id":"c1","visited_at":"2024-01-01T00:00:00"}}"#,
    r#""kind":"visit","source":"csv","id":"1","version":1,"deleted":true,"body":{}}"#,
    r#""kind":"visit","source":"a:b","id":"1","version":1,"deleted":true}"#,
    r#""kind":"visit","source":"csv","id":"","version":1,"deleted":true}"#,
    r#""kind":"customer","source":"csv","id":"c1","version":1,"schema":99,"body":{}}"#,
    r#""kind":"refund","source":"csv","id":"1","version":1,"body":{"refunded_at":"2024-01-01T00:00:00Z","amount":"-1","currency":"EUR"}}"#,
    r#""kind":"refund","source":"csv","id":"1","version":1,"body":{"refunded_at":"2024-01-01T00:00:00Z","amount":"0.0000001","currency":"EUR"}}"#,
    r#""kind":"order","source":"csv","id":"1","version":1,"body":{"ordered_at":"2024-01-01T00:00:00Z","currency":"EURO"}}"#,
    r#""kind":"program","source":"csv","id":"1","version":1,"body":{"customer_id":"c1","on_date":"2024-01-01","compliance":1.1}}"#,
    r#""kind":"wearable","source":"csv","id":"1","version":1,"body":{"customer_id":"c1","on_date":"2023-02-29"}}"#,
    r#""kind":"organization","source":"csv","id":"1","version":1,"body":{"name":"x","time_zone":"Mars/Olympus"}}"#,
    r#""kind":"organization","source":"csv","id":"1","version":1,"body":{"name":"x","policy":{"churn.points.overdu":1}}}"#,
];

/// A broken message in this tenant's partition; of some, not even the owner can be read.
pub(super) fn message(rng: &mut Rng, tenant: TenantId) -> (Vec<u8>, Vec<u8>, TenantId) {
    let value = match rng.below(6) {
        0 => rng.pick(&[&b""[..], b"{", b"\xff\xfe", b"null", b"[1]", b"\"text\""]).to_vec(),
        _ => {
            let rest = rng.pick(&BROKEN);
            format!(r#"{{"tenant":"{tenant}","received_at":"2024-01-01T00:00:00Z",{rest}"#)
                .into_bytes()
        }
    };
    (format!("{tenant}/broken/csv/{}", rng.below(3)).into_bytes(), value, tenant)
}
