//! The lab itself, step by step. Everything here runs inside the walls.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;

use super::wire::wire;
use super::{
    GatewaySite, LabError, MeshFiles, Pair, Phase, PhaseTime, ProcessIds, Restarts, Round,
    Topology, Underlay, ping_all, places,
};
use crate::host::{Command, Host};
use crate::model::{Mesh, resolve};
use crate::primitives::{Fingerprint, Name};

/// How long tunnels may take to come up once every gateway has been reconciled. OpenVPN tries
/// again every few seconds, and on a busy machine the handshakes of a large mesh take their time.
const TUNNEL_LIMIT: Duration = Duration::from_mins(1);

/// How long one run of this program may take.
pub(super) const COMMAND_LIMIT: Duration = Duration::from_mins(3);

/// Is told what the lab is doing, while it does it.
pub trait Observer {
    /// A phase begins.
    fn begin(&mut self, phase: Phase);
    /// So much of it is done, of so much.
    fn advance(&mut self, done: usize, of: usize);
    /// It has come to its end, and this is what there is to say about it.
    fn end(&mut self, phase: Phase, took: Duration, result: &str);
}

/// A mesh on one machine.
pub struct Lab<'a> {
    pub(super) host: Host<'a>,
    /// This program, as every part of the lab runs it.
    pub(super) program: Utf8PathBuf,
    pub(super) topology: Option<Topology>,
    pub(super) fingerprints: BTreeMap<Name, Fingerprint>,
    /// The files that the lab's mesh.yaml includes.
    pub(super) included: BTreeSet<Utf8PathBuf>,
    /// Whether there are keys and a root to sign releases with.
    pub(super) founded: bool,
    processes: ProcessIds,
}

impl<'a> Lab<'a> {
    /// An empty lab, in which `program` is run as `tieline`.
    #[must_use]
    pub fn new(host: Host<'a>, program: Utf8PathBuf) -> Self {
        Self {
            host,
            program,
            topology: None,
            fingerprints: BTreeMap::new(),
            included: BTreeSet::new(),
            founded: false,
            processes: BTreeMap::new(),
        }
    }

    /// Builds a mesh, or changes the one that is there into it, and looks what works.
    pub fn round(
        &mut self,
        files: &MeshFiles,
        mesh: &Mesh,
        observer: &mut dyn Observer,
    ) -> Result<Round, LabError> {
        let mut clock = Stopwatch { observer, phases: Vec::new() };
        clock.time(Phase::Wires, |_| self.wire(mesh))?;
        clock.time(Phase::Keys, |_| self.enroll(files, mesh))?;
        clock.time(Phase::Release, |_| self.release())?;
        let mut failures = BTreeMap::new();
        clock.time(Phase::Reconcile, |_| Ok(self.reconcile(&mut failures)))?;
        let mut tunnels = Vec::new();
        clock
            .time(Phase::Tunnels, |observer| self.tunnels(TUNNEL_LIMIT, &mut tunnels, observer))?;
        let mut pairs = Vec::new();
        clock.time(Phase::Pings, |_| Ok(self.ping(&mut pairs)))?;
        let phases = clock.phases;
        let processes = self.processes()?;
        let restarts = Restarts::between(&self.processes, &processes);
        self.processes.clone_from(&processes);
        Ok(Round {
            file: files.path.clone(),
            lans: mesh.lans.len(),
            gateways: mesh.gateways().count(),
            phases,
            tunnels,
            pairs,
            processes,
            restarts,
            failures,
        })
    }

    /// The mesh in these files, which the command line has checked already.
    pub fn resolve(files: &MeshFiles) -> Result<Mesh, LabError> {
        let resolved = resolve(files.parse());
        resolved
            .map(|resolved| resolved.mesh)
            .map_err(|_| LabError::Mesh { path: files.path.clone() })
    }

    /// Makes namespaces, wires and names as the mesh wants them.
    pub fn wire(&mut self, mesh: &Mesh) -> Result<String, LabError> {
        let after = Topology::new(mesh, self.topology.as_ref())?;
        for directory in [places::TEMPORARY, places::ADMIN, places::GATEWAYS] {
            self.host.files.create_dir(directory.into())?;
        }
        wire(self.host.processes, self.host.files, self.topology.as_ref(), &after)?;
        let nat = |site: &&GatewaySite| matches!(site.underlay, Underlay::Nat { .. });
        let routers = after.gateways.values().filter(nat).count();
        // The internet and the git server come on top.
        let namespaces = after.gateways.len() + after.hosts.len() + routers + 2;
        self.topology = Some(after);
        Ok(format!("{namespaces} network namespaces: gateways, hosts, the internet, a git server"))
    }

    /// Asks every host for every other.
    pub fn ping(&self, pairs: &mut Vec<Pair>) -> String {
        if let Some(topology) = &self.topology {
            *pairs = ping_all(self.host.processes, topology);
        }
        let answering = pairs.iter().filter(|pair| pair.answers()).count();
        format!("{answering} of {} host pairs answer", pairs.len())
    }

    /// This program, as the lab's people run it: in the administrators' directory, with temporary
    /// files that go when the lab goes.
    pub(super) fn tieline(&self) -> Command {
        let mut command = Command::system(self.program.as_str()).limit(COMMAND_LIMIT);
        command.directory = Some(places::ADMIN.into());
        if let Some(environment) = &mut command.environment {
            environment.insert("TMPDIR".to_owned(), places::TEMPORARY.to_owned());
            environment.insert("HOME".to_owned(), places::ADMIN.to_owned());
        }
        command
    }

    /// Names of all gateways.
    pub(super) fn gateways(&self) -> Vec<Name> {
        let topology = self.topology.iter();
        topology.flat_map(|topology| topology.gateways.keys().cloned()).collect()
    }
}

/// Times phases, and tells the observer.
struct Stopwatch<'a> {
    observer: &'a mut dyn Observer,
    phases: Vec<PhaseTime>,
}

impl Stopwatch<'_> {
    fn time(
        &mut self,
        phase: Phase,
        work: impl FnOnce(&mut dyn Observer) -> Result<String, LabError>,
    ) -> Result<(), LabError> {
        let begun = Instant::now();
        self.observer.begin(phase);
        let result = work(self.observer)?;
        self.observer.end(phase, begun.elapsed(), &result);
        self.phases.push(PhaseTime { phase, seconds: begun.elapsed().as_secs_f64() });
        Ok(())
    }
}
