//! What differs between two plans, gateway by gateway.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{GatewayPlan, Plan};
use crate::primitives::{Device, Difference, Name};

/// What differs between two plans.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanDifference {
    /// The gateways that are there. Changed is one that has to do something else than before.
    pub gateways: Difference<Name>,
    /// What is different on each gateway that is in both plans and changed.
    pub changed: BTreeMap<Name, GatewayDifference>,
}

/// What is different on one gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewayDifference {
    /// Its tunnels, by their devices.
    pub tunnels: Difference<Device>,
    /// Its routes, by their destinations.
    pub routes: Difference<IpNet>,
}

impl PlanDifference {
    /// What `new` has that `old` had not, and the other way round.
    #[must_use]
    pub fn between(old: &Plan, new: &Plan) -> Self {
        let views = |plan: &Plan| -> BTreeMap<Name, GatewayPlan> {
            plan.views().map(|view| (view.name.clone(), view)).collect()
        };
        let (old, new) = (views(old), views(new));
        // Where a gateway stands in the mesh is nothing that it has to do.
        let gateways = Difference::between(&actions(&old), &actions(&new));
        let both = gateways.changed.iter().filter_map(|name| {
            let difference = GatewayDifference::between(old.get(name)?, new.get(name)?);
            Some((name.clone(), difference))
        });
        let changed = both.collect();
        Self { gateways, changed }
    }
}

impl GatewayDifference {
    /// What is different in the plan of one gateway.
    #[must_use]
    pub fn between(old: &GatewayPlan, new: &GatewayPlan) -> Self {
        fn tunnels(of: &GatewayPlan) -> BTreeMap<Device, &super::GatewayTunnel> {
            of.tunnels.iter().map(|tunnel| (tunnel.device, tunnel)).collect()
        }
        fn routes(of: &GatewayPlan) -> BTreeMap<IpNet, &super::Route> {
            of.routes.iter().map(|route| (route.to, route)).collect()
        }
        Self {
            tunnels: Difference::between(&tunnels(old), &tunnels(new)),
            routes: Difference::between(&routes(old), &routes(new)),
        }
    }
}

/// The part of each view that a gateway acts on: all but the name of its LAN.
fn actions(views: &BTreeMap<Name, GatewayPlan>) -> BTreeMap<Name, GatewayPlan> {
    let action = |view: &GatewayPlan| GatewayPlan { lan: view.name.clone(), ..view.clone() };
    views.iter().map(|(name, view)| (name.clone(), action(view))).collect()
}
