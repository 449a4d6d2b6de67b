//! Each gateway's own moment: cron starts a thousand of them in the same second.

use std::time::Duration;

use crate::primitives::Digest;
use crate::reconcile::config::GatewayConfig;

/// How long this gateway waits before a run, out of the `splay` of gateway.yaml. It follows from
/// its name and its mesh alone, so it is the same each time, and two runs are never closer to each
/// other than cron has them.
#[must_use]
pub fn splay(config: &GatewayConfig) -> Duration {
    let name = format!("{}/{}", config.mesh, config.gateway);
    let digest = Digest::of(name.as_bytes()).to_string();
    // 48 of 256 evenly spread bits.
    let share = digest.get(..12).and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let whole = u64::from(config.splay) * 1000;
    let milliseconds = (u128::from(share.unwrap_or_default()) * u128::from(whole)) >> 48;
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(gateway: &str, mesh: &str, seconds: u32) -> Duration {
        let text = format!(
            "gateway: {gateway}\nmesh: {mesh}\nremotes: [/srv/mesh.git]\nsplay: {seconds}\n"
        );
        splay(&GatewayConfig::parse(&text, "gateway.yaml".into()).unwrap())
    }

    #[test]
    fn each_gateway_has_its_own_moment_and_keeps_it() {
        assert_eq!(of("perth", "acme", 0), Duration::ZERO);
        assert_eq!(of("perth", "acme", 30), of("perth", "acme", 30));
        assert_ne!(of("perth", "acme", 30), of("sydney", "acme", 30));
        assert_ne!(of("perth", "acme", 30), of("perth", "other", 30));
    }

    #[test]
    fn a_thousand_gateways_are_spread_evenly() {
        let mut tenths = [0_u32; 10];
        for n in 0..1000 {
            let waits = of(&format!("gw-{n}"), "acme", 50);
            assert!(waits < Duration::from_secs(50));
            tenths[usize::try_from(waits.as_secs() / 5).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (60..140).contains(count)), "{tenths:?}");
    }
}
