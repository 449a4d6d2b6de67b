//! What `tieline lab run` prints for people.

use std::collections::BTreeSet;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::lab::{MeshFiles, Pair, Phase, Round, TunnelReport};
use crate::model::Mesh;
use crate::primitives::Name;
use crate::report::counted;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::BrightRed.on_default().bold();
const TITLE: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// The widest a table with the names of LANs above its columns may be, in characters.
const WIDTH: usize = 100;

/// How many tunnels that are down are listed.
const SHOWN: usize = 10;

/// What is being built.
pub(super) fn header(mesh: &Mesh, files: &MeshFiles, index: usize) -> String {
    let lans = counted(mesh.lans.len(), "LAN");
    let gateways = counted(mesh.gateways().count(), "gateway");
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
    let mut lines = vec![String::new()];
    if !round.pairs.is_empty() {
        lines.extend([table(round), String::new()]);
    }
    lines.extend(round.failures.iter().map(|(gateway, said)| {
        format!("{BAD}{gateway} could not be reconciled{BAD:#}, {}", said.replace('\n', "\n  "))
    }));
    let down: Vec<_> = round.tunnels.iter().filter(|tunnel| !tunnel.up).collect();
    lines.extend(down.iter().take(SHOWN).map(|TunnelReport { between: [one, other], .. }| {
        format!("{BAD}the tunnel between {one} and {other} is down{BAD:#}")
    }));
    if let Some(more) = down.len().checked_sub(SHOWN).filter(|&more| more > 0) {
        lines.push(format!("{BAD}and so are {more} others{BAD:#}"));
    }
    if let [_, ..] = round.restarts.restarted.as_slice() {
        let names = round.restarts.restarted.iter().take(SHOWN);
        let names: Vec<_> = names.map(|one| format!("{} {}", one.gateway, one.device)).collect();
        let more = round.restarts.restarted.len() - names.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} others") };
        lines.push(format!("restarted: {}{more}", names.join(", ")));
    }
    lines.push(verdict(round, index));
    if !round.good() {
        lines.push("To look around inside, add -- bash; `ip netns` says who is there.".to_owned());
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::lab::{Path, PhaseTime, Restarted, Restarts};

    /// A round in which these LANs reach each other, but for one pair.
    fn example(lans: &[&str], silent: Option<(&str, &str)>) -> Round {
        let pair = |from: &str, to: &str| Pair {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            paths: vec![Path {
                source: "10.0.0.2".parse().unwrap(),
                destination: "10.0.1.2".parse().unwrap(),
                milliseconds: (silent != Some((from, to))).then_some(0.25),
            }],
        };
        let all = || lans.iter().flat_map(|from| lans.iter().map(move |to| (*from, *to)));
        let tunnel = |(one, other): (&str, &str)| TunnelReport {
            between: [one, other].map(|name| format!("{name}-gw").parse().unwrap()),
            up: silent != Some((one, other)),
        };
        Round {
            file: "mesh.yaml".into(),
            lans: lans.len(),
            gateways: lans.len(),
            phases: vec![PhaseTime { phase: Phase::Wires, seconds: 1.25 }],
            tunnels: all().filter(|(one, other)| one < other).map(tunnel).collect(),
            pairs: all().filter(|(from, to)| from != to).map(|(a, b)| pair(a, b)).collect(),
            processes: BTreeMap::new(),
            restarts: Restarts::default(),
            failures: BTreeMap::new(),
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_good_round() {
        let text = plain(&round(&example(&["lyon", "paris", "head-office"], None), 0));
        let expected = "
   from \\ to    head-office    lyon   paris
   head-office            ·  0.2 ms  0.2 ms
   lyon              0.2 ms       ·  0.2 ms
   paris             0.2 ms  0.2 ms       ·

6 of 6 host pairs answer, 3 of 3 tunnels up, 1.2 s
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_bad_round() {
        let mut bad = example(&["lyon", "paris"], Some(("lyon", "paris")));
        let said = "exit code 20: error: lyon-gw: a signature is wrong\nhelp: look";
        bad.failures.insert("lyon-gw".parse().unwrap(), said.to_owned());
        let (gateway, device) = ("paris-gw".parse().unwrap(), "tl-1".parse().unwrap());
        bad.restarts = Restarts { of: 2, restarted: vec![Restarted { gateway, device }] };
        let expected = "
   from \\ to    lyon  paris
   lyon            ·      ✗
   paris      0.2 ms      ·

lyon-gw could not be reconciled, exit code 20: error: lyon-gw: a signature is wrong
  help: look
the tunnel between lyon-gw and paris-gw is down
restarted: paris-gw tl-1
1 of 2 host pairs answer, 0 of 1 tunnels up, 1 of 2 OpenVPN processes restarted, 1.2 s
To look around inside, add -- bash; `ip netns` says who is there.
";
        assert_eq!(plain(&round(&bad, 1)), expected);
    }

    #[test]
    fn many_lans_have_numbers_above_their_columns() {
        let names: Vec<_> = (1..=12).map(|n| format!("a-rather-long-name-{n}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let text = plain(&round(&example(&names, Some((names[0], names[1]))), 0));
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= WIDTH, "{text}");
        assert!(text.contains("  1 a-rather-long-name-1 "), "{text}");
        assert_eq!((text.matches('✗').count(), text.matches('✓').count()), (1, 131));
    }
}
