//! From a checked mesh to the bundle of every gateway.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread::{self, ScopedJoinHandle};

use crate::bundle::{Bundle, FileEntry, Manifest, Route, Sysctl, Unit, pack};
use crate::model::NumberedMesh;
use crate::plan::{GatewayIndex, GatewayPlan, Plan, plan};
use crate::primitives::{ArtifactSet, Digest, Name};
use crate::render::{nftables_path, openvpn_path, render};

/// The bundle of every gateway of a mesh.
#[must_use]
pub fn compile(mesh: &NumberedMesh) -> BTreeMap<Name, Bundle> {
    let plan = plan(mesh);
    let gateways: Vec<_> = plan.gateways_by_name().map(|(_, index)| index).collect();
    // Compression is nearly all of the work, and no bundle needs another one.
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let share = gateways.len().div_ceil(workers).max(1);
    thread::scope(|scope| {
        let workers: Vec<_> =
            gateways.chunks(share).map(|part| scope.spawn(|| some(&plan, part))).collect();
        let made = workers.into_iter().map(ScopedJoinHandle::join);
        made.flat_map(|part| part.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// The bundles of some gateways.
fn some(plan: &Plan, gateways: &[GatewayIndex]) -> Vec<(Name, Bundle)> {
    let views = gateways.iter().filter_map(|gateway| plan.view(*gateway));
    views.map(|view| (view.name.clone(), bundle(&view))).collect()
}

/// The bundle of one gateway.
#[must_use]
pub fn bundle(gateway: &GatewayPlan) -> Bundle {
    let files = render(gateway);
    pack(&manifest(gateway, &files), &files)
}

/// What a gateway is told to do with its files.
fn manifest(gateway: &GatewayPlan, files: &ArtifactSet) -> Manifest {
    let entry =
        |content: &[u8]| FileEntry { length: content.len() as u64, sha256: Digest::of(content) };
    Manifest {
        format: Manifest::FORMAT,
        mesh: gateway.mesh.clone(),
        gateway: gateway.name.clone(),
        identity: gateway.certificates.clone(),
        files: files.iter().map(|(path, content)| (path.clone(), entry(content))).collect(),
        units: units(gateway),
    }
}

/// In the order in which a gateway sets them up: the kernel and the firewall before the first
/// packet, tunnels before the routes through them.
fn units(gateway: &GatewayPlan) -> Vec<Unit> {
    let settings = BTreeMap::from([(Sysctl::Ip4Forward, "1".to_owned())]);
    let tunnels = gateway.tunnels.iter().map(|tunnel| Unit::Tunnel {
        device: tunnel.device,
        peer: tunnel.peer.clone(),
        local: tunnel.local,
        remote: tunnel.remote,
        mtu: tunnel.mtu,
        file: openvpn_path(tunnel.device),
    });
    let routes = gateway.routes.iter().map(|route| Route {
        to: route.to,
        device: route.device,
        source: route.source,
    });
    let mut units = vec![Unit::Sysctl { settings }, Unit::Nftables { file: nftables_path() }];
    units.extend(tunnels);
    units.push(Unit::Routes { routes: routes.collect() });
    units
}
