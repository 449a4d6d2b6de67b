//! From the text of mesh.yaml, and of the files it includes, to its values.

use std::collections::HashMap;

use super::node::{self, Node, Text};
use super::reader::{Fields, flag, list, mapping, number, text};
use super::{
    Code, Finding, GatewaySpec, IncludePattern, IncludedSpec, LanSpec, MeshSpec, Placed, Printable,
    ReservedSpec, SourceFile, TunnelsSpec,
};

/// What mesh.yaml says, as far as it could be read, and everything that could not.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// What it says; `None` where not even the outermost mapping could be read.
    pub spec: Option<MeshSpec>,
    /// What is wrong with its shape.
    pub findings: Vec<Finding>,
}

/// Reads mesh.yaml. A syntax error stops; all else is noted and passed by, so that one run
/// reports every problem. What it includes is missing until [`Parsed::with`].
#[must_use]
pub fn parse(source: &str) -> Parsed {
    let mut findings = Vec::new();
    let text = Text { file: SourceFile::Mesh, source };
    let node = read(&text, "`tieline init` writes one to begin with", &mut findings);
    let spec = node.and_then(|node| mesh(&text, node, &mut findings));
    Parsed { spec, findings }
}

impl Parsed {
    /// The same mesh with the LANs of the files that it includes. These are in the order of their
    /// names, which says where a LAN that stands in two of them is reported, and nothing else.
    #[must_use]
    pub fn with<'a>(mut self, included: impl IntoIterator<Item = (SourceFile, &'a str)>) -> Self {
        let Some(spec) = &mut self.spec else { return self };
        let mut first: HashMap<_, _> =
            spec.lans.iter().map(|lan| (lan.name.value.clone(), lan.name.place)).collect();
        for (file, source) in included {
            let text = Text { file, source };
            let included = self::included(&text, &mut self.findings).unwrap_or_default();
            for lan in included.lans {
                if let Some(&earlier) = first.get(&lan.name.value) {
                    let message = format!("LAN {} stands in two files", Printable(&lan.name.value));
                    let finding = Finding::new(Code::DuplicateKey, lan.name.place, message);
                    self.findings.push(finding.label("again here").related(earlier, "first here"));
                } else {
                    first.insert(lan.name.value.clone(), lan.name.place);
                    spec.lans.push(lan);
                }
            }
        }
        self
    }
}

type Findings = Vec<Finding>;

/// The tree of a file that says something.
fn read(text: &Text, remedy: &str, findings: &mut Findings) -> Option<Placed<Node>> {
    match node::read(text, findings) {
        Ok(node) if node.value == Node::Null => {
            let place = text.file.place(0..0);
            let finding = Finding::new(Code::Empty, place, "the file says nothing");
            findings.push(finding.hint(remedy));
            None
        }
        Ok(node) => Some(node),
        Err(finding) => {
            findings.push(*finding);
            None
        }
    }
}

fn mesh(text: &Text, node: Placed<Node>, findings: &mut Findings) -> Option<MeshSpec> {
    let mut fields = Fields::open("the mesh", text.file.place(0..0), node, findings)?;
    let name = fields.required("mesh", "NAME");
    let tunnels = fields.required("tunnels", "{ network: 172.19.0.0/16, ports: 11000-11999 }");
    let reserved = fields.optional("reserved");
    let include = fields.optional("include");
    let lans = match include {
        Some(_) => fields.optional("lans"),
        None => fields.required("lans", "{ NAME: … }"),
    };
    let topology = fields.optional("topology");
    let routing = fields.optional("routing");
    fields.close(findings);
    Some(MeshSpec {
        mesh: name.and_then(|node| self::text(&"the name of the mesh", &node, findings)),
        tunnels: tunnels.and_then(|node| self::tunnels(node, findings)),
        reserved: reserved.map(|node| self::reserved(node, findings)).unwrap_or_default(),
        lans: lans.map(|node| self::lans(node, findings)).unwrap_or_default(),
        include: include.map(|node| self::include(node, findings)).unwrap_or_default(),
        topology: topology.and_then(|node| self::text(&"`topology`", &node, findings)),
        routing: routing.and_then(|node| self::text(&"`routing`", &node, findings)),
    })
}

fn included(text: &Text, findings: &mut Findings) -> Option<IncludedSpec> {
    let node = read(text, "remove it, or write the LANs that belong here", findings)?;
    let mut fields = Fields::open("an included file", text.file.place(0..0), node, findings)?;
    let lans = fields.required("lans", "{ NAME: … }");
    fields.close(findings);
    Some(IncludedSpec { lans: lans.map(|node| self::lans(node, findings)).unwrap_or_default() })
}

/// One pattern, or a list of them.
fn include(node: Placed<Node>, findings: &mut Findings) -> Vec<Placed<IncludePattern>> {
    let items = match node.value {
        Node::Text(_) => vec![node],
        _ => list(&"`include`", "`include: lans/*.yaml`, or a list of such paths", node, findings),
    };
    items.iter().filter_map(|item| include_pattern(item, findings)).collect()
}

fn include_pattern(node: &Placed<Node>, findings: &mut Findings) -> Option<Placed<IncludePattern>> {
    let written = text(&"a path of `include`", node, findings)?;
    match IncludePattern::parse(&written.value) {
        Ok(pattern) => Some(Placed::new(pattern, written.place)),
        Err(why) => {
            let message = format!("`include` cannot take `{}`: {why}", Printable(&written.value));
            let finding = Finding::new(Code::BadInclude, written.place, message);
            findings
                .push(finding.hint("write a path below the directory of mesh.yaml: `lans/*.yaml`"));
            None
        }
    }
}

fn tunnels(node: Placed<Node>, findings: &mut Findings) -> Option<TunnelsSpec> {
    let place = node.place;
    let mut fields = Fields::open("`tunnels`", place, node, findings)?;
    let network = fields.required("network", "172.19.0.0/16");
    let ports = fields.required("ports", "11000-11999");
    fields.later("network6", "IPv6 inside the tunnels", findings);
    fields.close(findings);
    Some(TunnelsSpec {
        network: network.and_then(|node| text(&"`network` of `tunnels`", &node, findings)),
        ports: ports.and_then(|node| ports_text(&node, findings)),
    })
}

/// `ports: 11000` is the one mistake here that YAML takes for a number.
fn ports_text(node: &Placed<Node>, findings: &mut Findings) -> Option<Placed<String>> {
    match &node.value {
        Node::Number(written) => Some(Placed::new(written.clone(), node.place)),
        _ => text(&"`ports` of `tunnels`", node, findings),
    }
}

fn reserved(node: Placed<Node>, findings: &mut Findings) -> Vec<ReservedSpec> {
    // An empty list of what is reserved is as good as none.
    if node.value == Node::Sequence(Vec::new()) {
        return Vec::new();
    }
    let example = "a list of `{ network: …, reason: … }` or `{ port: …, reason: … }`";
    let items = list(&"`reserved`", example, node, findings);
    items.into_iter().filter_map(|item| reserved_entry(item, findings)).collect()
}

fn reserved_entry(node: Placed<Node>, findings: &mut Findings) -> Option<ReservedSpec> {
    let place = node.place;
    let mut fields = Fields::open("an entry of `reserved`", place, node, findings)?;
    let network = fields.optional("network");
    let port = fields.optional("port");
    let reason = fields.required("reason", "what uses it");
    fields.close(findings);
    if network.is_none() && port.is_none() {
        let message = "an entry of `reserved` needs a `network` or a `port`";
        findings.push(Finding::new(Code::MissingKey, place, message));
    }
    if let (Some(_), Some(port)) = (&network, &port) {
        let message = "an entry of `reserved` has either a `network` or a `port`, not both";
        let finding = Finding::new(Code::UnknownKey, port.place, message);
        findings.push(finding.hint("make an entry of its own for the port"));
    }
    let reason = reason.and_then(|node| text(&"the reason of a reservation", &node, findings));
    if let Some(reason) = reason.as_ref().filter(|reason| reason.value.trim().is_empty()) {
        let message = "the reason of a reservation is empty";
        let finding = Finding::new(Code::Empty, reason.place, message);
        findings.push(finding.hint("say what uses it, for those who come after you"));
    }
    Some(ReservedSpec {
        reason,
        network: network.and_then(|node| text(&"a reserved network", &node, findings)),
        port: port.and_then(|node| number(&"a reserved port", &node, findings)),
    })
}

fn lans(node: Placed<Node>, findings: &mut Findings) -> Vec<LanSpec> {
    let entries = named("`lans`", "a LAN by its name", node, findings);
    entries.into_iter().filter_map(|(name, node)| lan(name, node, findings)).collect()
}

fn lan(name: Placed<String>, node: Placed<Node>, findings: &mut Findings) -> Option<LanSpec> {
    let owner = format!("LAN {}", Printable(&name.value));
    let mut fields = Fields::open(&owner, name.place, node, findings)?;
    let networks = fields.required("networks", "[192.168.10.0/24]");
    let gateways = fields.required("gateways", "{ NAME: … }");
    let public_addresses = fields.optional("public-addresses");
    fields.close(findings);
    let public = format!("`public-addresses` of {owner}");
    Some(LanSpec {
        networks: networks.map(|node| self::networks(&owner, node, findings)).unwrap_or_default(),
        gateways: gateways.map(|node| self::gateways(&owner, node, findings)).unwrap_or_default(),
        public_addresses: public_addresses.and_then(|node| flag(&public, &node, findings)),
        name,
    })
}

fn networks(owner: &str, node: Placed<Node>, findings: &mut Findings) -> Vec<Placed<String>> {
    let items = list(&format!("`networks` of {owner}"), "`[192.168.10.0/24]`", node, findings);
    let what = format!("a network of {owner}");
    let network = |item| address_text(&what, "192.168.10.0/24", &item, findings);
    items.into_iter().filter_map(network).collect()
}

fn gateways(owner: &str, node: Placed<Node>, findings: &mut Findings) -> Vec<GatewaySpec> {
    let what = format!("`gateways` of {owner}");
    let entries = named(&what, "a gateway by its name", node, findings);
    if let [(first, _), (second, _), ..] = entries.as_slice() {
        let message = format!(
            "{owner} has {} gateways: several gateways of one LAN are not supported yet by this version",
            entries.len()
        );
        let finding = Finding::new(Code::NotSupported, second.place, message);
        findings.push(finding.related(first.place, "one is fine"));
    }
    entries.into_iter().filter_map(|(name, node)| gateway(name, node, findings)).collect()
}

fn gateway(
    name: Placed<String>,
    node: Placed<Node>,
    findings: &mut Findings,
) -> Option<GatewaySpec> {
    let owner = format!("gateway {}", Printable(&name.value));
    let mut fields = Fields::open(&owner, name.place, node, findings)?;
    let endpoint = fields.required("endpoint", "vpn.example.net");
    let address = fields.required("address", "192.168.10.1");
    let certificates = fields.required("certificates", "[\"SHA256:…\"]");
    let public_keys = fields.optional("public-keys");
    fields.later("underlays", "named underlays", findings);
    fields.close(findings);
    let endpoint_of = format!("`endpoint` of {owner}");
    let address_of = format!("`address` of {owner}");
    Some(GatewaySpec {
        endpoint: endpoint.and_then(|node| endpoint_text(&endpoint_of, &node, findings)),
        address: address
            .and_then(|node| address_text(&address_of, "192.168.10.1", &node, findings)),
        certificates: certificates
            .map(|node| self::certificates(&owner, node, findings))
            .unwrap_or_default(),
        public_keys: public_keys
            .map(|node| self::public_keys(&owner, node, findings))
            .unwrap_or_default(),
        name,
    })
}

/// `address: 10.44` is a number to YAML, and would be no address in quotes either.
fn address_text(
    what: &str,
    whole: &str,
    node: &Placed<Node>,
    findings: &mut Findings,
) -> Option<Placed<String>> {
    let written = text(&what, node, findings);
    if matches!(node.value, Node::Number(_))
        && let Some(finding) = findings.last_mut()
    {
        finding.hint = Some(format!("write it whole: {whole}"));
    }
    written
}

/// `endpoint: null` looks like a way to say that there is none.
fn endpoint_text(
    what: &str,
    node: &Placed<Node>,
    findings: &mut Findings,
) -> Option<Placed<String>> {
    let nothing = node.value == Node::Null;
    let endpoint = text(&what, node, findings);
    if nothing && let Some(finding) = findings.last_mut() {
        finding.hint = Some("write `none` for a gateway that nobody can reach".to_owned());
    }
    endpoint
}

fn certificates(owner: &str, node: Placed<Node>, findings: &mut Findings) -> Vec<Placed<String>> {
    let example = "`[\"SHA256:…\"]`, as `tieline enroll` prints it";
    let items = list(&format!("`certificates` of {owner}"), example, node, findings);
    let what = format!("a certificate of {owner}");
    items.into_iter().filter_map(|item| text(&what, &item, findings)).collect()
}

fn public_keys(owner: &str, node: Placed<Node>, findings: &mut Findings) -> Vec<Placed<String>> {
    let example = "`[\"…\"]`, as `tieline enroll` prints it";
    let items = list(&format!("`public-keys` of {owner}"), example, node, findings);
    let what = format!("a public key of {owner}");
    items.into_iter().filter_map(|item| text(&what, &item, findings)).collect()
}

/// The entries of a mapping that needs at least one.
fn named(
    what: &str,
    entry: &str,
    node: Placed<Node>,
    findings: &mut Findings,
) -> Vec<(Placed<String>, Placed<Node>)> {
    let place = node.place;
    let Some(entries) = mapping(&what, node, findings) else { return Vec::new() };
    if entries.is_empty() {
        let finding = Finding::new(Code::Empty, place, format!("{what} is empty"));
        findings.push(finding.hint(format!("add {entry}")));
    }
    entries
}
