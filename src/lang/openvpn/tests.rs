//! The language of a tunnel: what is written is read, and nothing else is.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::lang::testing::Language;
use crate::primitives::GatewayNumber;

const LANGUAGE: Language<Config> = Language { indents: false, write: written, read };

/// With any title.
fn written(config: &Config) -> String {
    let [mesh, gateway, peer] = ["acme", "perth", "fremantle"].map(|name| name.parse().unwrap());
    config.write(&Title { mesh: &mesh, gateway: &gateway, peer: &peer })
}

fn server() -> Config {
    Config {
        device: "tl-2".parse().unwrap(),
        local: "172.19.0.1".parse().unwrap(),
        remote: "172.19.0.2".parse().unwrap(),
        mtu: 1400,
        transport: Transport::Udp4,
        local_port: 11002,
        connect: Some(Connect { host: "vpn.example.net".parse().unwrap(), port: 11001 }),
        role: Role::Server,
        peer: Certificates { current: Fingerprint::of_der(b"fremantle"), next: None },
    }
}

/// The other kinds of end: one that begins, and one that waits for a peer behind NAT that is about
/// to change its certificate.
fn all() -> [Config; 3] {
    let next = Some(Fingerprint::of_der(b"next"));
    let rotation = Certificates { next, ..server().peer };
    [
        server(),
        Config { role: Role::Client, ..server() },
        Config { connect: None, peer: rotation, ..server() },
    ]
}

fn hosts() -> impl Strategy<Value = Host> {
    let name = "[a-z0-9][a-z0-9-]{0,20}[a-z0-9](\\.[a-z0-9]{1,20}){0,8}\\.[a-z]{1,9}";
    let address = any::<Ipv4Addr>().prop_map(|address| address.to_string());
    prop_oneof![address, name.prop_map(String::from)].prop_map(|text| text.parse().unwrap())
}

fn fingerprints() -> impl Strategy<Value = Fingerprint> {
    any::<[u8; 4]>().prop_map(|der| Fingerprint::of_der(&der))
}

prop_compose! {
    fn configs()(
        device in (1..=u16::MAX).prop_map(|n| Device::to_peer(GatewayNumber::new(n).unwrap())),
        (local, remote) in any::<(IpAddr, IpAddr)>(),
        (mtu, local_port) in any::<(u16, u16)>(),
        connect in prop::option::of((hosts(), any::<u16>())),
        role in prop_oneof![Just(Role::Server), Just(Role::Client)],
        current in fingerprints(),
        next in prop::option::of(fingerprints()),
    ) -> Config {
        Config {
            device,
            local,
            remote,
            mtu,
            transport: Transport::Udp4,
            local_port,
            connect: connect.map(|(host, port)| Connect { host, port }),
            role,
            peer: Certificates { current, next },
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(config in configs()) {
        LANGUAGE.reads_back(&config);
    }

    #[test]
    fn no_text_makes_it_panic(text: String, bytes: Vec<u8>) {
        let _ = LANGUAGE.agrees(text.as_bytes());
        let _ = LANGUAGE.agrees(&bytes);
    }

    /// A file with some lines of another one.
    #[test]
    fn what_is_read_would_be_written(
        config in configs(),
        other in configs(),
        taken in prop::collection::vec(any::<bool>(), 80),
    ) {
        let (text, other) = (written(&config), written(&other));
        let lines: Vec<_> = text
            .lines()
            .zip(other.lines())
            .zip(taken)
            .map(|((line, other), taken)| if taken { other } else { line })
            .collect();
        let _ = LANGUAGE.agrees((lines.join("\n") + "\n").as_bytes());
    }
}

#[test]
fn every_change_of_a_line_is_seen() {
    for config in all() {
        LANGUAGE.tells_apart(&config);
    }
}

/// What the reader says to a file.
fn said(text: &str) -> String {
    read(text.as_bytes()).map_or_else(|error| error.to_string(), |_| String::new())
}

/// The number of the first line of `bad` that says something else than `good` does there; of the
/// last one where there is none.
fn first_other(good: &str, bad: &str) -> usize {
    let says = |text: &str| -> Vec<(usize, String)> {
        let lines = (1..).zip(text.lines().map(str::to_owned));
        lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect()
    };
    let (good, bad) = (says(good), says(bad));
    let same = good.iter().zip(&bad).take_while(|(good, bad)| good.1 == bad.1).count();
    bad.get(same).or(bad.last()).unwrap().0
}

#[test]
fn no_end_of_a_tunnel_is_made_weaker_or_other_than_tieline_makes_it() {
    for (line, instead) in [
        ("tls-version-min 1.3", "tls-version-min 1.2"),
        ("tls-version-min 1.3", "tls-version-min 1.0"),
        ("tls-version-min 1.3", "tls-version-min 1.3 or-highest"),
        ("tls-version-min 1.3", ""),
        ("data-ciphers AES-256-GCM:CHACHA20-POLY1305", "data-ciphers AES-128-GCM"),
        ("data-ciphers AES-256-GCM:CHACHA20-POLY1305", "data-ciphers AES-256-GCM:AES-128-GCM"),
        ("data-ciphers AES-256-GCM:CHACHA20-POLY1305", "data-ciphers none"),
        ("data-ciphers AES-256-GCM:CHACHA20-POLY1305", ""),
        ("proto udp4", "proto udp"),
        ("proto udp4", "proto udp6"),
        ("proto udp4", "proto tcp-client"),
        ("proto udp4", ""),
        ("lport 11002", "nobind"),
        ("lport 11002", "lport 11002\nnobind"),
        ("connect-retry 1 10", "connect-retry 1 10\nserver-poll-timeout 10"),
        ("connect-retry 1 10", "connect-retry 3600 3600"),
        ("rport 11001", "rport 11001\nfloat"),
        ("script-security 0", "script-security 1"),
        ("script-security 0", "script-security 2"),
        ("script-security 0", ""),
        ("allow-compression no", "allow-compression yes"),
        ("allow-compression no", ""),
        ("dh none", ""),
        ("ping 5", "ping 3600"),
        ("verb 3", "verb 4"),
        ("verb 3", "verb 0"),
        ("mute 20", ""),
    ] {
        let good = written(&server());
        let instead = if instead.is_empty() { String::new() } else { format!("{instead}\n") };
        let bad = good.replace(&format!("{line}\n"), &instead);
        assert_ne!(good, bad, "{line}");
        let error = read(bad.as_bytes()).unwrap_err();
        assert_eq!(error.line, first_other(&good, &bad), "{line} -> {instead}: {error}");
        assert!(error.to_string().ends_with("upgrade this gateway first"), "{error}");
    }
}

#[test]
fn nothing_else_is_read_wherever_it_stands() {
    for config in all() {
        let written = written(&config);
        let lines: Vec<_> = written.lines().collect();
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
            "dev tl-2",
            "ca /etc/ssl/x",
            "remote -x",
            "remote a b",
            "remote 203.0.113.1",
            "lport 53",
            "verb 11",
            "ping 5 # up",
            "\"up\" /bin/sh",
            "float\tx",
            "float",
            "nobind",
            "server-poll-timeout 10",
            "tls-server",
            "tls-client",
            "<ca>",
            "<connection>",
            "<peer-fingerprint>",
            "</peer-fingerprint>",
            "route 0.0.0.0 0.0.0.0",
            "ifconfig 1.2.3.4 5.6.7.8",
            "user root",
            "secret /x",
            "comp-lzo",
            "float\r",
            "; up /bin/sh",
            " # up /bin/sh",
            "# \u{e9}",
            "\u{feff}",
            &format!("# {} up /bin/sh", "x".repeat(254)),
        ] {
            for at in 0..=lines.len() {
                let mut spoiled = lines.clone();
                spoiled.insert(at, bad);
                // It may be the line before which it stands that is out of place.
                let error = read((spoiled.join("\n") + "\n").as_bytes()).unwrap_err();
                assert!(error.line > at, "{bad:?} in line {}: {error}", at + 1);
            }
        }
    }
}

#[test]
fn one_certificate_or_two() {
    let [server, _, rotation] = all();
    let line = |der: &[u8]| format!("{}\n", Fingerprint::of_der(der).pairs());
    assert!(said(&written(&server).replace(&line(b"fremantle"), "")).contains("peer-fingerprint"));
    let three = written(&rotation).replace(&line(b"next"), &(line(b"next") + &line(b"third")));
    assert!(said(&three).contains("only \"</peer-fingerprint>\""), "{}", said(&three));
    let lower = written(&server).replace(&line(b"fremantle"), &line(b"fremantle").to_lowercase());
    assert!(!said(&lower).is_empty());
}

#[test]
fn a_value_has_one_spelling_and_its_line_is_named() {
    let good = written(&server());
    let error = read(good.replace("lport 11002", "lport 011002").as_bytes()).unwrap_err();
    assert_eq!(
        error.problem.to_string(),
        "\"lport 011002\" has a value that this version does not allow here; if a newer Tieline made \
         the release, upgrade this gateway first"
    );
    for (line, bad) in [
        ("lport 11002", "lport +11002"),
        ("lport 11002", "lport 65536"),
        ("lport 11002", "lport 11002 "),
        ("lport 11002", "lport  11002"),
        ("tun-mtu 1400", "tun-mtu 0x578"),
        ("dev tl-2", "dev tl-02"),
        ("dev tl-2", "dev eth0"),
        ("ifconfig 172.19.0.1 172.19.0.2", "ifconfig 172.19.0.1"),
        ("ifconfig 172.19.0.1 172.19.0.2", "ifconfig 172.19.0.1 172.19.0.2 x"),
        ("ifconfig 172.19.0.1 172.19.0.2", "ifconfig 172.19.000.1 172.19.0.2"),
        ("remote vpn.example.net", "remote VPN.example.net"),
        ("remote vpn.example.net", "remote vpn.example.net 53"),
        ("remote vpn.example.net", "remote -x"),
        ("remote vpn.example.net", "remote \"a\""),
        ("tls-server", "tls-nothing"),
    ] {
        let number = good.lines().position(|it| it == line).unwrap() + 1;
        let said = said(&good.replace(line, bad));
        assert!(said.starts_with(&format!("line {number}: \"")), "{bad}: {said}");
        assert!(said.contains("has a value") || said.contains("allows only"), "{bad}: {said}");
    }
}

#[test]
fn a_file_that_is_cut_off_says_where() {
    let good = written(&server());
    for length in 0..good.len() {
        assert!(!said(&good[..length]).is_empty(), "cut off after {length} bytes");
    }
    let shorter = good.strip_suffix("mute 20\n").unwrap();
    let number = shorter.lines().count();
    let said = said(shorter);
    let expected = format!("line {number}: the file ends without \"mute 20\"; ");
    assert!(said.starts_with(&expected), "{said}");
}

#[test]
fn the_longest_names_fit_into_lines() {
    let name: Name = "x".repeat(Name::MAX_LENGTH).parse().unwrap();
    let label = "x".repeat(63);
    let host = format!("{label}.{label}.{label}.{}", "x".repeat(55)).parse().unwrap();
    let config = Config { connect: Some(Connect { host, port: u16::MAX }), ..server() };
    let text = config.write(&Title { mesh: &name, gateway: &name, peer: &name });
    assert_eq!(read(text.as_bytes()), Ok(config));
}
