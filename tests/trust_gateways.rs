//! The right bundle for the right gateway of the right mesh.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::{Value, json};
use support::forge::{Forge, NOW, bundle, provisioned, update};
use tieline::primitives::{Digest, Name};
use tieline::tuf::{Role, TrustError, TrustErrorKind, VerifiedRelease};

fn perth() -> Name {
    "perth".parse().unwrap()
}

fn release(forge: Forge) -> VerifiedRelease {
    let files = forge.files();
    update(&provisioned(&files), &files, NOW).release.unwrap()
}

/// What becomes of perth's bundle if the targets metadata say `value` at `pointer`.
fn with(pointer: &str, value: Value) -> TrustErrorKind {
    let pointer = format!("/targets/perth.tar.gz{pointer}");
    let error =
        release(Forge::new().set(Role::Targets, &pointer, value)).target(&perth()).unwrap_err();
    error.kind()
}

#[test]
fn another_gateways_bundle() {
    let release = release(Forge::new());
    let target = release.target(&perth()).unwrap();
    // A mirror hands out sydney's bundle in perth's place.
    let error = target.accept(bundle("sydney", "test", 1)).unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::WrongGateway);
    assert!(error.to_string().contains("sydney"), "{error}");
    // The release itself says it is another's.
    assert_eq!(with("/custom/gateway", json!("sydney")), TrustErrorKind::WrongGateway);
}

#[test]
fn another_meshs_bundle() {
    assert_eq!(with("/custom/mesh", json!("elsewhere")), TrustErrorKind::WrongGateway);
    // The same keys sign for two meshes: a release of the one is no release of the other.
    let elsewhere = Forge::new().set(Role::Root, "/x-tieline-mesh", json!("elsewhere"));
    assert_eq!(
        release(elsewhere).target(&perth()).unwrap_err().kind(),
        TrustErrorKind::WrongGateway
    );
    // A root that names no mesh leaves it to the metadata.
    let mut anywhere = Forge::new();
    anywhere.of(Role::Root).as_object_mut().unwrap().remove("x-tieline-mesh");
    assert!(release(anywhere).target(&perth()).is_ok());
}

#[test]
fn no_bundle() {
    let error = release(Forge::new()).target(&"hobart".parse().unwrap()).unwrap_err();
    assert!(matches!(error, TrustError::NoBundle { release: 1, .. }), "{error}");
    assert_eq!(error.kind(), TrustErrorKind::WrongGateway);
}

#[test]
fn descriptions_that_say_too_little() {
    for (pointer, value) in [
        ("/custom", Value::Null),
        ("/custom", json!({})),
        ("/custom/gateway", json!("../perth")),
        ("/custom/format", json!("1")),
        ("/hashes", json!({"sha512": "00"})),
        ("/hashes", json!({"sha256": "00"})),
    ] {
        assert_eq!(with(pointer, value.clone()), TrustErrorKind::BadBundle, "{pointer} {value}");
    }
}

/// A bundle that only a later version can read is told from one that nobody can, before it is asked
/// for, and also where only the bundle itself says so.
#[test]
fn a_format_of_the_future() {
    assert_eq!(with("/custom/format", json!(2)), TrustErrorKind::NeedsUpgrade);
    assert_eq!(with("/custom/format", json!(u32::MAX)), TrustErrorKind::NeedsUpgrade);
    let (mut manifest, files) = tieline::bundle::unpack(&bundle("perth", "test", 1)).unwrap();
    manifest.format = 2;
    let bytes = tieline::bundle::pack(&manifest, &files).bytes;
    let forge = Forge::new()
        .set(Role::Targets, "/targets/perth.tar.gz/length", bytes.len().into())
        .set(Role::Targets, "/targets/perth.tar.gz/hashes", json!({"sha256": Digest::of(&bytes)}));
    let release = release(forge);
    let error = release.target(&perth()).unwrap().accept(bytes).unwrap().unpack().unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::NeedsUpgrade);
    assert!(error.to_string().starts_with("release 1 needs format 2 of bundles"), "{error}");
}

#[test]
fn lengths_count_too() {
    let bytes = bundle("perth", "test", 1);
    for length in [0, bytes.len() - 1, bytes.len() + 1] {
        let forge = Forge::new().set(Role::Targets, "/targets/perth.tar.gz/length", length.into());
        let release = release(forge);
        let error = release.target(&perth()).unwrap().accept(bytes.clone()).unwrap_err();
        assert_eq!(error.kind(), TrustErrorKind::BadBundle, "{length}");
    }
    // A signed length beyond what a gateway reads is no licence.
    let forge = Forge::new().set(Role::Targets, "/targets/perth.tar.gz/length", json!(1_u64 << 52));
    let release = release(forge);
    let target = release.target(&perth()).unwrap();
    assert_eq!(target.request().limit, tieline::tuf::Limits::GATEWAY.bundle);
    let large = vec![0; usize::try_from(target.request().limit).unwrap() + 1];
    assert_eq!(target.accept(large).unwrap_err().kind(), TrustErrorKind::BadBundle);
}

/// Signed bytes that are no bundle, or one for somebody else whatever the metadata say.
#[test]
fn what_is_signed_must_be_a_bundle_for_this_gateway() {
    let signed = |bytes: &[u8]| {
        let forge = Forge::new()
            .set(Role::Targets, "/targets/perth.tar.gz/length", bytes.len().into())
            .set(
                Role::Targets,
                "/targets/perth.tar.gz/hashes",
                json!({"sha256": Digest::of(bytes)}),
            );
        let release = release(forge);
        let bundle = release.target(&perth()).unwrap().accept(bytes.to_vec()).unwrap();
        bundle.unpack().map(|(manifest, _)| manifest.gateway).map_err(|error| error.kind())
    };
    assert_eq!(signed(&bundle("perth", "test", 7)), Ok(perth()));
    assert_eq!(signed(&bundle("hobart", "test", 1)), Err(TrustErrorKind::WrongGateway));
    assert_eq!(signed(&bundle("perth", "elsewhere", 1)), Err(TrustErrorKind::WrongGateway));
    assert_eq!(signed(b"not a bundle"), Err(TrustErrorKind::BadBundle));
    assert_eq!(signed(b""), Err(TrustErrorKind::BadBundle));
}
