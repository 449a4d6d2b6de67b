//! What each daemon is told: configuration files out of a plan, and no decision. How they are written
//! is the daemon's language (`lang`).

mod nftables;
mod openvpn;

use crate::plan::GatewayPlan;
use crate::primitives::{ArtifactPath, ArtifactSet, Device};

/// All files of one gateway.
#[must_use]
pub fn render(gateway: &GatewayPlan) -> ArtifactSet {
    let mut files = ArtifactSet::default();
    files.insert(nftables_path(), nftables::ruleset().write());
    for tunnel in &gateway.tunnels {
        let title = openvpn::title(gateway, tunnel);
        files.insert(openvpn_path(tunnel.device), openvpn::config(tunnel).write(&title));
    }
    files
}

/// Where the nftables ruleset of a gateway stands.
#[must_use]
pub fn nftables_path() -> ArtifactPath {
    path("nftables/tieline.nft")
}

/// Where the OpenVPN configuration of a tunnel stands.
#[must_use]
pub fn openvpn_path(device: Device) -> ArtifactPath {
    path(&format!("openvpn/{device}.conf"))
}

#[expect(clippy::expect_used, reason = "only for the paths above, and a test tries all of them")]
fn path(text: &str) -> ArtifactPath {
    text.parse().expect("the paths of this module are artifact paths")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::GatewayNumber;

    #[test]
    fn every_path_is_an_artifact_path() {
        assert_eq!(nftables_path().as_str(), "nftables/tieline.nft");
        for number in (1..=u16::MAX).filter_map(GatewayNumber::new) {
            let device = Device::to_peer(number);
            assert_eq!(openvpn_path(device).as_str(), format!("openvpn/tl-{number}.conf"));
        }
    }
}
