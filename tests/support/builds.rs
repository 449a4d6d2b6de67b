//! What `tieline build` writes, without a mesh.yaml.

use tieline::bundle::{Build, BuiltBundle};
use tieline::primitives::{Digest, Name};

use super::cli::Desk;
use super::forge::bundle;

/// Writes a build of mesh `test` to `build/` of a desk: bundles that differ by number.
pub fn build(desk: &Desk, gateways: &[(&str, u64)]) {
    let mut built = Build {
        format: Build::FORMAT,
        mesh: "test".parse().unwrap(),
        source_commit: None,
        tieline: None,
        gateways: [].into(),
    };
    for (gateway, n) in gateways {
        let bytes = bundle(gateway, "test", *n);
        let entry = BuiltBundle { length: bytes.len() as u64, sha256: Digest::of(&bytes) };
        let gateway: Name = gateway.parse().unwrap();
        desk.write(&format!("build/{}", Build::bundle_file(&gateway)), &bytes);
        built.gateways.insert(gateway, entry);
    }
    desk.write("build/build.json", serde_json::to_vec(&built).unwrap());
}
