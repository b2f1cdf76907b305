//! Who a request is from.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use tokio::time::Instant;
use tonic::{Request, Status};
use vitals_access::{Caller, Gate, Refused};

/// Base64 with or without its padding: clients of Go leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a request shows: a name if it has one, and a key.
#[derive(PartialEq, Eq)]
pub(super) struct Shown {
    name: Option<String>,
    /// The key.
    pub(super) key: String,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown(..)")
    }
}

/// Reads `Bearer KEY` and `Basic base64(SLUG:KEY)`.
fn read(header: &str) -> Option<Shown> {
    let (scheme, value) = header.split_once(' ')?;
    let value = value.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Shown { name: None, key: value.to_owned() });
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64.decode(value).ok()?).ok()?;
    let (name, key) = text.split_once(':')?;
    Some(Shown { name: Some(name.to_owned()), key: key.to_owned() })
}

/// What a request shows.
pub(super) fn shown<T>(request: &Request<T>) -> Result<Shown, Status> {
    let header = request.metadata().get("authorization").and_then(|it| it.to_str().ok());
    header.and_then(read).ok_or_else(|| {
        Status::unauthenticated("there is no key; give a tenant's slug and one of its API keys")
    })
}

/// Who a request is from.
pub(super) async fn of<T>(gate: &Gate, request: &Request<T>) -> Result<Caller, Status> {
    let shown = shown(request)?;
    // Without an address nobody could be told from anybody else: all such count as one.
    let peer = request.remote_addr().map_or([0, 0, 0, 0].into(), |it| it.ip());
    let now = Instant::now().into_std();
    let opened = gate.open((peer, now), shown.name.as_deref(), &shown.key).await;
    opened.map_err(|refused| match refused {
        Refused::Wrong => Status::unauthenticated("the name and the key open nothing together"),
        Refused::TooOften { retry_after } => Status::resource_exhausted(format!(
            "too many attempts failed; wait {} s",
            retry_after.as_secs() + 1
        )),
        Refused::Unreachable => Status::unavailable("the keys cannot be read at the moment"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_alone_or_with_a_name() {
        let bearer = Shown { name: None, key: "vt_a_b".to_owned() };
        assert_eq!(read("Bearer vt_a_b"), Some(bearer));
        let basic = Shown { name: Some("gym".to_owned()), key: "vt_a_b:c".to_owned() };
        let header = format!("basic {}", BASE64.encode("gym:vt_a_b:c"));
        assert_eq!(read(&header).as_ref(), Some(&basic));
        assert_eq!(read(header.trim_end_matches('=')).as_ref(), Some(&basic));
        for odd in ["", "Bearer", "Digest x", "Basic !!!", "Basic Z3lt"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
