//! What `tieline lab run` prints for people.

use std::collections::BTreeSet;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::lab::{MeshFiles, Pair, Phase, Round, TunnelReport};
use crate::model::Mesh;
use crate::primitives::Name;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::BrightRed.on_default().bold();
const TITLE: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// The widest a table with the names of LANs above its columns may be, in characters.
const WIDTH: usize = 100;

/// What is being built.
pub(super) fn header(mesh: &Mesh, files: &MeshFiles, index: usize) -> String {
    let lans = count(mesh.lans.len(), "LAN");
    let gateways = count(mesh.gateways().count(), "gateway");
    let (name, file) = (&mesh.name, &files.path);
    if index == 0 {
        format!("{TITLE}A lab of {name}{TITLE:#}: {lans}, {gateways}, from {file}\n")
    } else {
        format!("\n{TITLE}The lab changes{TITLE:#} into {file}: {lans}, {gateways}\n")
    }
}

/// What a phase is about, while it goes on.
pub(super) fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Wires => "making namespaces and wires",
        Phase::Keys => "making keys and certificates",
        Phase::Release => "building, signing and publishing a release",
        Phase::Reconcile => "reconciling every gateway",
        Phase::Tunnels => "waiting for the tunnels",
        Phase::Pings => "pinging everyone from everywhere",
    }
}

/// What came of a phase.
pub(super) fn done(phase: Phase, took: Duration, result: &str) -> String {
    let title = match phase {
        Phase::Wires => "wires",
        Phase::Keys => "keys",
        Phase::Release => "release",
        Phase::Reconcile => "reconcile",
        Phase::Tunnels => "tunnels",
        Phase::Pings => "pings",
    };
    format!("{FAINT}{:>7.2} s{FAINT:#}  {title:<9}  {result}\n", took.as_secs_f64())
}

/// What came of a round.
pub(super) fn round(round: &Round, index: usize) -> String {
    let mut lines = vec![String::new(), table(round), String::new()];
    lines.extend(
        round.failures.iter().map(|(gateway, said)| {
            format!("{BAD}{gateway} could not be reconciled{BAD:#}: {said}")
        }),
    );
    let down = round.tunnels.iter().filter(|tunnel| !tunnel.up);
    lines.extend(down.map(|TunnelReport { between: [one, other], .. }| {
        format!("{BAD}the tunnel between {one} and {other} is down{BAD:#}")
    }));
    lines.push(verdict(round, index));
    lines.join("\n") + "\n"
}

/// The sentence that sums a round up.
fn verdict(round: &Round, index: usize) -> String {
    let style = if round.good() { GOOD } else { BAD };
    let (answering, pairs) = (round.answering(), round.pairs.len());
    let (up, tunnels) = (round.tunnels_up(), round.tunnels.len());
    let restarts = match (index, round.restarts.restarted.len(), round.restarts.of) {
        (0, ..) => String::new(),
        (_, restarted, of) => format!(", {restarted} of {of} OpenVPN processes restarted"),
    };
    format!(
        "{style}{answering} of {pairs} host pairs answer{style:#}, {up} of {tunnels} tunnels \
         up{restarts}, {:.1} s",
        round.seconds()
    )
}

/// Who reaches whom: the slowest answer between any two of their addresses.
fn table(round: &Round) -> String {
    let lans: BTreeSet<&Name> = round.pairs.iter().map(|pair| &pair.from).collect();
    let longest = lans.iter().map(|name| name.as_str().len()).max().unwrap_or(0);
    let wide: usize = lans.iter().map(|name| name.as_str().len().max(8) + 2).sum();
    let named = wide + longest + 6 <= WIDTH;
    let mut table = Table::new();
    table.load_style(NOTHING);
    let number = |index: usize, name: &Name| {
        if named { name.to_string() } else { format!("{} {name}", index + 1) }
    };
    let mut head = vec!["  from \\ to".to_owned()];
    head.extend(
        lans.iter().enumerate().map(
            |(index, name)| {
                if named { name.to_string() } else { (index + 1).to_string() }
            },
        ),
    );
    table.set_header(head);
    for (index, from) in lans.iter().enumerate() {
        let mut row = vec![format!("  {}", number(index, from))];
        row.extend(lans.iter().map(|to| {
            let pair = round.pairs.iter().find(|pair| pair.from == **from && pair.to == **to);
            match pair.map(Pair::milliseconds) {
                None => "·".to_owned(),
                Some(None) => "✗".to_owned(),
                Some(Some(milliseconds)) if named => format!("{milliseconds:.1} ms"),
                Some(Some(_)) => "✓".to_owned(),
            }
        }));
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let text = table.trim_fmt();
    text.replace('✗', &format!("{BAD}✗{BAD:#}")).replace('✓', &format!("{GOOD}✓{GOOD:#}"))
}

fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
