//! What gateway.yaml may say, and how mistakes in it are shown.

use super::*;

const SMALLEST: &str = "gateway: perth\nmesh: acme\nremotes: [https://git.example.net/mesh]\n";

fn parse(text: &str) -> Result<GatewayConfig, String> {
    GatewayConfig::parse(text, "gateway.yaml".into()).map_err(|error| error.to_string())
}

#[test]
fn three_lines_are_enough() {
    let config = parse(SMALLEST).unwrap();
    assert_eq!(config.gateway.as_str(), "perth");
    assert_eq!(config.services, ServiceManager::Systemd);
    assert_eq!(config.user(), Some("tieline-openvpn"));
    assert_eq!(config.paths.current(), "/var/lib/tieline/current");
    assert_eq!(config.deadline(), Duration::from_mins(1));
    assert_eq!(config.policy.allowed_networks.len(), 4);
}

#[test]
fn everything_can_be_said() {
    let text = "\
gateway: perth
mesh: acme
remotes:
  - file:///srv/mesh.git
  - url: ssh://git@git.example.net/mesh
    ssh_key: /etc/tieline/deploy_key
    known_hosts: /etc/tieline/known_hosts
  - { mirror: https://mirror.example.net/acme, ca: /etc/tieline/ca.pem }
services: direct
openvpn_user: nobody
paths: { state: /srv/state, run: /srv/run }
fetch_deadline: 5
checks: [{ ping: 10.0.0.1 }, { tcp: '[fd00::1]:443' }]
policy: { allowed_networks: [10.0.0.0/8] }
";
    let config = parse(text).unwrap();
    let [Source::Git(_), Source::Git(ssh), Source::Mirror(mirror)] = &config.remotes[..] else {
        panic!("{:?}", config.remotes);
    };
    assert_eq!(ssh.ssh_key.as_deref(), Some("/etc/tieline/deploy_key".into()));
    assert_eq!(mirror.url.as_str(), "https://mirror.example.net/acme/");
    assert_eq!(mirror.ca.as_deref(), Some("/etc/tieline/ca.pem".into()));
    assert_eq!(config.user(), Some("nobody"));
    assert_eq!(config.paths.root, "/etc/tieline/root.json");
    let checks: Vec<_> = config.checks.iter().map(ToString::to_string).collect();
    assert_eq!(checks, ["ping 10.0.0.1", "tcp [fd00::1]:443"]);
    assert_eq!(config.paths.run, "/srv/run");
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let cases = [
        ("gateway: Perth\n", "gateway.yaml:1:10: ", "a-z"),
        (&SMALLEST.replace("mesh:", "mush:"), "gateway.yaml:2:1: ", "mush"),
        (&format!("{SMALLEST}fetch_deadline: 0\n"), "gateway.yaml:4:17: ", "3600"),
        (
            &format!("{SMALLEST}fetch_deadline: 1m\n"),
            "gateway.yaml:4:17: ",
            "whole number of seconds",
        ),
        (&format!("{SMALLEST}splay: -1\n"), "gateway.yaml:4:8: ", "from 0 to 3600"),
        (&format!("{SMALLEST}services: upstart\n"), "gateway.yaml:4:11: ", "upstart"),
        (&format!("{SMALLEST}mesh: other\n"), "gateway.yaml:4:1: duplicate mapping key: mesh", ""),
        (&format!("{SMALLEST}paths: {{ state: ../x }}\n"), "gateway.yaml:4:17: ", "absolute"),
        (
            &format!("{SMALLEST}policy: {{ allowed_networks: [10.0.0.1/8] }}\n"),
            "gateway.yaml:4:",
            "10.0.0.1/8",
        ),
        ("gateway: a\nmesh: b\nremotes: [nonsense]\n", "gateway.yaml:3:11: ", "\"nonsense\""),
        ("gateway: a\nmesh: b\nremotes: []\n", "gateway.yaml:3:", "at least one"),
        (
            "gateway: a\nmesh: b\nremotes: [{ url: 'git://h/m', ca: /x }]\n",
            "gateway.yaml:3:",
            "ca is for https",
        ),
        (
            "gateway: a\nmesh: b\nremotes: [{ mirror: 'git://h/m' }]\n",
            "gateway.yaml:3:",
            "git://h/m",
        ),
        (
            "gateway: a\nmesh: b\nremotes: [{ mirror: 'http://h/m', ca: /x }]\n",
            "gateway.yaml:3:",
            "ca is for https",
        ),
        (
            "gateway: a\nmesh: b\nremotes: [{ mirror: 'https://h/m', token_file: /x }]\n",
            "gateway.yaml:3:",
            "ca is all",
        ),
        (
            "gateway: a\nmesh: b\nremotes: [{ mirror: 'https://h/m', url: 'https://h/m' }]\n",
            "gateway.yaml:3:",
            "either",
        ),
        ("gateway: a\nmesh: b\nremotes: [{ ca: /x }]\n", "gateway.yaml:3:", "either"),
        (&format!("{SMALLEST}checks: [{{ ping: perth }}]\n"), "gateway.yaml:4:18: ", "\"perth\""),
        (
            &format!("{SMALLEST}checks: [{{ tcp: 10.0.0.1 }}]\n"),
            "gateway.yaml:4:",
            "such as 192.168.10.1:443, not \"10.0.0.1\"",
        ),
        (&format!("{SMALLEST}checks: [{{ ping: 0.0.0.0 }}]\n"), "gateway.yaml:4:", "nobody"),
        (&format!("{SMALLEST}checks: [{{ tcp: '10.0.0.1:0' }}]\n"), "gateway.yaml:4:", "nobody"),
        (&format!("{SMALLEST}checks: [{{ http: 10.0.0.1 }}]\n"), "gateway.yaml:4:12: ", "http"),
        (
            &format!("{SMALLEST}checks: [{}]\n", "{ ping: 10.0.0.1 }, ".repeat(33)),
            "gateway.yaml:4:",
            "at most 32",
        ),
        ("", "gateway.yaml:1:1: ", ""),
        ("gateway: &a x\n", "gateway.yaml:1:", "anchor"),
    ];
    for (text, place, message) in cases {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with(place) && error.contains(message), "{text:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(!error.contains("Options"), "what only a caller of the library can do: {error}");
    }
}
