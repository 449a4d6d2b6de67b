//! Time: when metadata expire, and what a gateway without a clock goes by.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::json;
use support::forge::{Forge, NOW, accepted, by, id, provisioned, public, time, update};
use tieline::tuf::{Role, TrustErrorKind, Update};

const SECOND_BEFORE: &str = "2029-12-31T23:59:59Z";
const SECOND_AFTER: &str = "2030-01-01T00:00:01Z";

fn valid_forever() -> Forge {
    let mut forge = Forge::new();
    for role in Role::ALL {
        forge = forge.set(role, "/expires", json!("9999-12-31T23:59:59Z"));
    }
    forge
}

#[test]
fn each_role_expires_at_its_second() {
    for role in Role::ALL {
        let files = valid_forever().set(role, "/expires", json!(NOW)).files();
        let gateway = provisioned(&files);
        let at = |now| update(&gateway, &files, now).release.map(|release| release.number());
        assert_eq!(at(SECOND_BEFORE).unwrap(), 1, "{role}");
        for now in [NOW, SECOND_AFTER, "2038-01-19T03:14:08Z", "9999-12-31T23:59:58Z"] {
            let error = at(now).unwrap_err();
            assert_eq!(error.kind(), TrustErrorKind::Expired, "{role} at {now}: {error}");
            assert!(error.to_string().contains(role.as_str()), "{error}");
            assert!(error.to_string().contains(NOW), "{error}");
        }
    }
}

/// The second counts, not its fraction.
#[test]
fn fractions_of_a_second_do_not_matter() {
    let files = Forge::new().set(Role::Timestamp, "/expires", json!(NOW)).files();
    let almost = time(NOW) - time::Duration::nanoseconds(1);
    let mut update = Update::start(provisioned(&files), almost).unwrap();
    while let Some(request) = update.next() {
        update.supply(files.get(&request.path).cloned()).unwrap();
    }
    assert!(update.finish().is_ok());
}

#[test]
fn the_ends_of_time() {
    let files = Forge::new().files();
    let gateway = provisioned(&files);
    assert!(update(&gateway, &files, "1970-01-01T00:00:00Z").release.is_ok());
    let files = valid_forever().files();
    assert!(update(&provisioned(&files), &files, "9999-12-31T23:59:58Z").release.is_ok());
}

/// Expired metadata take nothing away: what is trusted stays, and the next valid release passes.
#[test]
fn expiry_forgets_nothing() {
    let forge = Forge::new();
    let (_, stored) = accepted(&provisioned(&forge.clone().files()), &forge.clone().files());
    let later = "2031-06-01T00:00:00Z";
    let updated = update(&stored, &forge.clone().files(), later);
    assert_eq!(updated.release.unwrap_err().kind(), TrustErrorKind::Expired);
    assert_eq!(updated.stored, stored);
    // An expired timestamp that is newer is not taken either.
    let stale = forge.clone().next().files();
    let updated = update(&stored, &stale, later);
    assert_eq!(updated.release.unwrap_err().kind(), TrustErrorKind::Expired);
    assert_eq!(updated.stored, stored);
    let mut renewed = forge.next().next_root();
    for role in Role::ALL {
        renewed = renewed.set(role, "/expires", json!("2032-01-01T00:00:00Z"));
    }
    let updated = update(&stored, &renewed.files(), later);
    assert_eq!(updated.release.unwrap().number(), 2);
}

/// The timestamp that is trusted expires like one that is fetched.
#[test]
fn the_trusted_timestamp_expires_too() {
    let files =
        Forge::new().set(Role::Timestamp, "/expires", json!("2030-02-01T00:00:00Z")).files();
    let (_, stored) = accepted(&provisioned(&files), &files);
    assert!(update(&stored, &files, "2030-01-31T23:59:59Z").release.is_ok());
    let error = update(&stored, &files, "2030-02-01T00:00:00Z").release.unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::Expired);
}

/// A release signed at NOW, and valid for a year.
fn dated(at: &str) -> Forge {
    let mut forge = Forge::new();
    for role in Role::ALL {
        forge = forge.set(role, "/x-tieline-signed-at", json!(at));
    }
    forge
}

/// A gateway whose clock is at 1970 knows that it is not earlier than the newest date it has a
/// signature for.
#[test]
fn signed_dates_are_a_floor_for_the_clock() {
    let dated = dated(NOW);
    let files = dated.clone().files();
    let boot = "1970-01-01T00:00:00Z";
    let first = update(&provisioned(&files), &files, boot);
    assert_eq!(first.release.unwrap().number(), 1);
    // A mirror holds the gateway on something that expired before NOW.
    let frozen = dated.next().set(Role::Timestamp, "/expires", json!(SECOND_BEFORE)).files();
    let updated = update(&first.stored, &frozen, boot);
    assert_eq!(updated.release.unwrap_err().kind(), TrustErrorKind::Expired);
    // The date in the root it was provisioned with counts already.
    let updated = update(&provisioned(&frozen), &frozen, boot);
    assert_eq!(updated.release.unwrap_err().kind(), TrustErrorKind::Expired);
    // Without any signed date, nothing tells it.
    let plain = Forge::new().next().set(Role::Timestamp, "/expires", json!(SECOND_BEFORE)).files();
    assert!(update(&provisioned(&plain), &plain, boot).release.is_ok());
}

/// The floor comes from signatures alone. A clock that was wrong once, far in the future, and is
/// right again leaves nothing behind; stepping back is no error.
#[test]
fn the_clock_leaves_no_trace() {
    let files = dated(NOW).files();
    let (_, stored) = accepted(&provisioned(&files), &files);
    let wrong = update(&stored, &files, "2400-01-01T00:00:00Z");
    assert_eq!(wrong.release.unwrap_err().kind(), TrustErrorKind::Expired);
    assert_eq!(wrong.stored, stored);
    for now in [SECOND_AFTER, NOW, SECOND_BEFORE, "1970-01-01T00:00:00Z"] {
        assert!(update(&wrong.stored, &files, now).release.is_ok(), "{now}");
    }
}

/// Somebody who stole a key can sign a date far in the future and so make everything look expired.
/// A root without that key ends it.
#[test]
fn a_forged_date_is_undone_by_new_keys() {
    let far = "9000-01-01T00:00:00Z";
    let stolen = Forge::new().set(Role::Timestamp, "/x-tieline-signed-at", json!(far)).files();
    let (_, poisoned) = accepted(&provisioned(&stolen), &stolen);
    let honest = Forge::new().next();
    let updated = update(&poisoned, &honest.clone().files(), NOW);
    assert_eq!(updated.release.unwrap_err().kind(), TrustErrorKind::Expired);
    let rotated = honest
        .next_root()
        .set(Role::Root, &format!("/keys/{}", id(24)), public(24))
        .set(Role::Root, "/roles/timestamp/keyids", json!([id(24)]))
        .signed_by(Role::Timestamp, &by(&[24]))
        .files();
    assert_eq!(accepted(&poisoned, &rotated).0, 2);
}

/// People are told in time, and not all year long.
#[test]
fn ending_validity_is_told() {
    let ending = |expires: &str, now: &str| {
        let files = dated(NOW).set(Role::Timestamp, "/expires", json!(expires)).files();
        let release = update(&provisioned(&files), &files, now).release.unwrap();
        release.ending().iter().map(|validity| validity.role.clone()).collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    assert_eq!(ending("2030-01-31T00:00:00Z", "2030-01-15T23:59:59Z"), none);
    assert_eq!(ending("2030-01-31T00:00:00Z", "2030-01-16T00:00:00Z"), ["timestamp"]);
    assert_eq!(ending("2030-07-01T00:00:00Z", "2030-06-01T00:00:00Z"), none);
    assert_eq!(ending("2030-07-01T00:00:00Z", "2030-06-01T00:00:01Z"), ["timestamp"]);
    // All expire at the end of the year.
    let all = ending("2030-12-31T00:00:00Z", "2030-12-30T00:00:00Z");
    assert_eq!(all[0], "timestamp", "the first to expire comes first");
    assert_eq!(all.len(), 4);
}

/// A team cannot make its gateway believe that it is later than it is: not even its own.
#[test]
fn a_team_does_not_set_the_clock() {
    let mut forge = dated(NOW).delegating();
    forge.targets_of("team/west")["x-tieline-signed-at"] = json!("9999-01-01T00:00:00Z");
    forge.targets_of("team/west")["expires"] = json!("9999-12-31T00:00:00Z");
    let files = forge.clone().files();
    let first = update(&provisioned(&files), &files, NOW);
    let release = first.release.unwrap();
    assert_eq!(release.signed_at().unwrap().to_string(), NOW);
    assert!(release.target(&"perth".parse().unwrap()).is_ok());
    assert_eq!(accepted(&first.stored, &forge.next().files()).0, 2);
}
