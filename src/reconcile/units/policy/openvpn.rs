//! Which OpenVPN configurations are allowed (openvpn(8)): what Tieline writes, and no more. OpenVPN
//! can run programs, load plugins and read and write files; none of that is on the list.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Forbidden;
use crate::primitives::{ArtifactPath, Device, Fingerprint};

/// What the manifest says about the tunnel; its file may not say otherwise.
pub(in crate::reconcile::units) struct Expected {
    pub(in crate::reconcile::units) device: Device,
    pub(in crate::reconcile::units) local: IpAddr,
    pub(in crate::reconcile::units) remote: IpAddr,
    pub(in crate::reconcile::units) mtu: u16,
}

/// Without these the tunnel would be open to strangers, or OpenVPN would do more than attach.
const NEEDED: [&str; 7] = [
    "dev",
    "dev-type",
    "ifconfig",
    "ifconfig-noexec",
    "route-noexec",
    "script-security",
    "peer-fingerprint",
];

/// OpenVPN reads lines of at most 254 bytes (OPTION_LINE_SIZE less the line end).
const LINE_LIMIT: usize = 254;

/// Refuses a configuration with any directive or value that this version does not know.
pub(in crate::reconcile::units) fn check(
    file: &ArtifactPath,
    content: &[u8],
    expected: &Expected,
) -> Result<(), Forbidden> {
    let fail = |line: usize, problem: String| Forbidden::Line { file: file.clone(), line, problem };
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut inline = false;
    let text = str::from_utf8(content).map_err(|_| fail(1, "the file is not UTF-8".to_owned()))?;
    for (number, line) in (1..).zip(text.split('\n')) {
        let plain = |c: char| matches!(c, ' '..='~');
        if line.len() > LINE_LIMIT || !line.chars().all(plain) {
            return Err(fail(number, "a line has at most 254 characters of ASCII".to_owned()));
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if inline {
            inline = line != "</peer-fingerprint>";
            if inline && format!("SHA256:{line}").parse::<Fingerprint>().is_err() {
                return Err(fail(number, format!("{line:?} is no certificate fingerprint")));
            }
            if inline {
                seen.insert("peer-fingerprint");
            }
            continue;
        }
        if line == "<peer-fingerprint>" {
            inline = true;
            continue;
        }
        let words: Vec<&str> = line.split(' ').collect();
        let directive = words.first().copied().unwrap_or_default();
        let values = words.get(1..).unwrap_or_default();
        if !allowed(directive, values, expected) {
            let problem = format!(
                "{line:?} is not a directive that this version allows for {}; if a newer Tieline \
                 made the release, upgrade this gateway first",
                expected.device
            );
            return Err(fail(number, problem));
        }
        if !seen.insert(directive) {
            return Err(fail(number, format!("{directive} is said twice")));
        }
    }
    if inline {
        return Err(Forbidden::Lacks { file: file.clone(), directive: "</peer-fingerprint>" });
    }
    if let Some(directive) = NEEDED.into_iter().find(|needed| !seen.contains(needed)) {
        return Err(Forbidden::Lacks { file: file.clone(), directive });
    }
    if seen.contains("tls-server") == seen.contains("tls-client") {
        return Err(Forbidden::Lacks { file: file.clone(), directive: "tls-server or tls-client" });
    }
    Ok(())
}

/// The list itself, in the order in which Tieline writes.
#[expect(clippy::match_same_arms, reason = "a list to be read from top to bottom")]
fn allowed(directive: &str, values: &[&str], expected: &Expected) -> bool {
    match (directive, values) {
        ("dev", [device]) => *device == expected.device.to_string(),
        ("proto", ["udp" | "udp4" | "udp6"]) | ("tls-version-min", ["1.2" | "1.3"]) => true,
        ("topology", [value]) => *value == "p2p",
        ("dev-type", [value]) => *value == "tun",
        ("resolv-retry", [value]) => *value == "infinite",
        ("dh", [value]) => *value == "none",
        ("allow-compression", [value]) => *value == "no",
        ("mssfix" | "script-security", [value]) => *value == "0",
        (
            "persist-tun" | "persist-key" | "disable-dco" | "ifconfig-noexec" | "route-noexec"
            | "float" | "nobind" | "tls-server" | "tls-client",
            [],
        ) => true,
        ("ifconfig", [local, remote]) => {
            *local == expected.local.to_string() && *remote == expected.remote.to_string()
        }
        ("tun-mtu", [mtu]) => *mtu == expected.mtu.to_string(),
        // OpenVPN has no privilege here, so no port below 1024 could work.
        ("lport", [port]) => number(port, 1024, 65535),
        ("rport", [port]) => number(port, 1, 65535),
        ("remote", [host]) => is_host(host),
        ("data-ciphers", [list]) => list
            .split(':')
            .all(|cipher| matches!(cipher, "AES-256-GCM" | "AES-128-GCM" | "CHACHA20-POLY1305")),
        ("connect-retry", [first, last]) => number(first, 1, 3600) && number(last, 1, 3600),
        ("ping" | "ping-restart" | "server-poll-timeout", [seconds]) => number(seconds, 1, 3600),
        ("explicit-exit-notify", [times]) => number(times, 1, 10),
        ("verb", [level]) => number(level, 0, 4),
        ("mute", [lines]) => number(lines, 1, 1000),
        _ => false,
    }
}

fn number(text: &str, least: u32, most: u32) -> bool {
    let canonical = text.parse::<u32>().ok().filter(|number| number.to_string() == text);
    canonical.is_some_and(|number| (least..=most).contains(&number))
}

/// An address, or a DNS name; nothing that could be taken for an option.
fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
# Mesh acme: the tunnel from perth to fremantle.
dev tl-2
dev-type tun
persist-tun
topology p2p
ifconfig 172.19.0.1 172.19.0.2
ifconfig-noexec
route-noexec
tun-mtu 1420
mssfix 0
proto udp4
lport 11002
remote vpn.example.net
rport 11001
tls-server
dh none
tls-version-min 1.3
data-ciphers AES-256-GCM:CHACHA20-POLY1305
<peer-fingerprint>
47:4D:C7:97:56:D6:75:F1:33:67:B2:60:FD:B5:C1:C5:03:EC:DD:01:F2:75:5D:B8:4D:80:97:9B:4F:73:87:61
</peer-fingerprint>
script-security 0
";

    fn said(text: &str) -> String {
        let file = "openvpn/tl-2.conf".parse().unwrap();
        let expected = Expected {
            device: "tl-2".parse().unwrap(),
            local: "172.19.0.1".parse().unwrap(),
            remote: "172.19.0.2".parse().unwrap(),
            mtu: 1420,
        };
        check(&file, text.as_bytes(), &expected)
            .map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn what_tieline_writes_is_allowed() {
        assert_eq!(said(GOOD), "");
    }

    #[test]
    fn nothing_else_is() {
        for bad in [
            "up /bin/sh",
            "plugin /tmp/x.so",
            "script-security 2",
            "management 0.0.0.0 7505",
            "log /etc/passwd",
            "config /etc/shadow",
            "--up /bin/sh",
            " up /bin/sh",
            "dev tl-3",
            "ca /etc/ssl/x",
            "remote -x",
            "remote a b",
            "lport 53",
            "lport 011002",
            "verb 11",
            "ping 5 # up",
            "\"up\" /bin/sh",
            "float\tx",
            "<ca>",
            "route 0.0.0.0 0.0.0.0",
            "ifconfig 1.2.3.4 5.6.7.8",
            "dev tl-2",
            "user root",
            "secret /x",
            "comp-lzo",
            "float\r",
            "\u{e9}",
        ] {
            let said = said(&format!("{GOOD}{bad}\n"));
            assert!(said.starts_with("openvpn/tl-2.conf, line 23: "), "{bad:?}: {said}");
        }
        let long = format!("{GOOD}# {}\n", "x".repeat(300));
        assert!(said(&long).contains("line 23"), "{}", said(&long));
    }

    #[test]
    fn nothing_may_be_missing() {
        for needed in NEEDED.iter().filter(|needed| **needed != "peer-fingerprint") {
            let without: Vec<_> =
                GOOD.lines().filter(|line| line.split(' ').next() != Some(needed)).collect();
            let said = said(&without.join("\n"));
            assert_eq!(said, format!("openvpn/tl-2.conf lacks the directive {needed}"));
        }
        let open: Vec<_> = GOOD.lines().filter(|line| !line.contains("fingerprint>")).collect();
        assert!(said(&open.join("\n")).contains("47:4D"), "{}", said(&open.join("\n")));
        let empty: Vec<_> = GOOD.lines().filter(|line| !line.starts_with("47:")).collect();
        assert!(said(&empty.join("\n")).ends_with("peer-fingerprint"));
        assert!(said(&GOOD.replace("</peer-fingerprint>\n", "")).contains("no certificate"));
        assert!(said(&GOOD.replace("tls-server\n", "")).contains("tls-server or tls-client"));
        assert!(said(&GOOD.replace("tls-server\n", "tls-server\ntls-client\n")).contains(" or "));
    }
}
