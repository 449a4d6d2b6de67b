//! A gateway takes exactly the bundles that Tieline writes, and refuses everything else with a
//! reason. The bytes it reads were verified before; this is for the day the release key is stolen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::io::Write as _;

use support::archive::{Archive, gunzip, gzip};
use support::mesh;
use tar::{EntryType, Header};
use tieline::bundle::{Bundle, FileEntry, Limits, Manifest, pack, unpack, unpack_within};
use tieline::compile::compile;
use tieline::primitives::{ArtifactPath, ArtifactSet, Digest};

/// The bundle of one of two gateways: a manifest, an nftables file and an OpenVPN file.
fn good() -> Bundle {
    compile(&mesh::numbered(&mesh::of(2))).remove("gw-1").unwrap()
}

/// The entries of [`good`]: names, and contents of files.
fn entries() -> Vec<(String, Vec<u8>)> {
    let tar = gunzip(&good().bytes);
    let mut archive = tar::Archive::new(tar.as_slice());
    let entry = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut content = Vec::new();
        std::io::copy(&mut entry, &mut content).unwrap();
        (name, content)
    };
    archive.entries().unwrap().map(entry).collect()
}

/// [`good`] with its `victim`, and that alone, written as `write` likes.
fn with(victim: &str, write: impl FnOnce(&mut Archive, &str, &[u8])) -> Vec<u8> {
    let mut archive = Archive::default();
    let mut write = Some(write);
    for (name, content) in entries() {
        if name == victim {
            write.take().unwrap()(&mut archive, &name, &content);
        } else {
            archive.plain(&name, &content);
        }
    }
    assert!(write.is_none(), "{victim} is an entry");
    gzip(&archive.ended())
}

/// [`good`] with another header for its OpenVPN file.
fn bent(bend: impl FnOnce(&mut Header)) -> Vec<u8> {
    with(CONF, |archive, name, content| archive.entry(name, content, bend))
}

/// [`good`] with something before its OpenVPN file.
fn before(write: impl FnOnce(&mut Archive)) -> Vec<u8> {
    with(CONF, |archive, name, content| {
        write(archive);
        archive.plain(name, content);
    })
}

/// [`good`] with something after its last entry.
fn after(write: impl FnOnce(&mut Archive)) -> Vec<u8> {
    with(CONF, |archive, name, content| {
        archive.plain(name, content);
        write(archive);
    })
}

/// [`good`] with a manifest that was changed as text.
fn manifest(change: impl FnOnce(String) -> String) -> Vec<u8> {
    with("bundle.json", |archive, name, content| {
        let text = String::from_utf8(content.to_vec()).unwrap();
        let changed = change(text.clone());
        assert_ne!(text, changed, "the change changes something");
        archive.plain(name, changed.as_bytes());
    })
}

/// [`good`] with its manifest replaced by one that was changed as a value.
fn manifest_value(change: impl FnOnce(&mut Manifest)) -> Vec<u8> {
    let (mut manifest, files) = unpack(&good().bytes).unwrap();
    change(&mut manifest);
    pack(&manifest, &files).bytes
}

const CONF: &str = "openvpn/tl-2.conf";

fn link(header: &mut Header, kind: EntryType, target: &str) {
    header.set_entry_type(kind);
    header.set_size(0);
    header.set_link_name_literal(target).unwrap();
}

fn refused(case: &str, bytes: &[u8], because: &str) {
    match unpack(bytes) {
        Ok(_) => panic!("{case}: was taken"),
        Err(error) => {
            let mut message = error.to_string();
            if let Some(source) = std::error::Error::source(&error) {
                message = format!("{message}: {source}");
            }
            assert!(message.contains(because), "{case}: {message}");
        }
    }
}

#[test]
fn what_we_write_is_what_we_read() {
    let bundle = good();
    let (manifest, files) = unpack(&bundle.bytes).unwrap();
    assert_eq!(manifest.gateway, mesh::name("gw-1"));
    assert_eq!(files.len(), 2);
    assert_eq!(pack(&manifest, &files), bundle);
    // The helpers of this file build the same archive: what they bend is all that is wrong.
    assert_eq!(unpack(&before(|_| {})).unwrap(), (manifest, files));
}

#[test]
fn other_programs_can_read_it() {
    let names: Vec<_> = entries().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["bundle.json", "nftables/", "nftables/tieline.nft", "openvpn/", "openvpn/tl-2.conf"]
    );
    let tar = gunzip(&good().bytes);
    for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
        let header = entry.unwrap().header().clone();
        let directory = header.entry_type().is_dir();
        assert_eq!(header.mode().unwrap(), if directory { 0o755 } else { 0o644 });
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!(header.mtime().unwrap(), 0);
        assert_eq!(header.username(), Ok(Some("")));
    }
}

#[test]
fn names_that_lead_elsewhere() {
    let cases = [
        ("absolute path", "/etc/passwd"),
        ("parent directory", "../x"),
        ("parent directory inside", "openvpn/../../x"),
        ("current directory", "./x"),
        ("hidden", ".ssh"),
        ("upper case, so that two names differ by case alone", "openvpn/TL-2.conf"),
        ("composed Unicode", "openvpn/é"),
        ("decomposed Unicode", "openvpn/e\u{301}"),
        ("empty component", "openvpn//x"),
        ("backslash", "openvpn\\x"),
        ("newline", "openvpn/x\n"),
        ("empty", ""),
    ];
    for (case, name) in cases {
        refused(case, &after(|archive| archive.plain(name, b"x")), "not allowed");
    }
    let long = "x".repeat(100);
    refused("unknown long name", &after(|archive| archive.plain(&long, b"x")), "not in its bundle");
    let prefixed = after(|archive| {
        archive.entry(&long, b"x", |header| header.as_ustar_mut().unwrap().prefix[0] = b'y');
    });
    refused("101 and more characters", &prefixed, "must be empty");
    let nul = after(|archive| {
        archive.entry("openvpn/x", b"x", |header| header.as_old_mut().name[20] = b'y');
    });
    refused("something behind a NUL", &nul, "name that is written in another way");
    let latin1 = bent(|header| header.as_old_mut().name[3] = 0xe9);
    refused("not UTF-8", &latin1, "not UTF-8");
}

#[test]
fn entries_that_are_no_files() {
    let through = before(|archive| {
        archive.entry("openvpn/x", b"", |header| link(header, EntryType::Symlink, "/etc"));
        archive.plain("openvpn/x/passwd", b"x");
    });
    refused("a symbolic link and a file through it", &through, "neither a regular file");
    let cases = [
        ("hard link", EntryType::Link),
        ("symbolic link", EntryType::Symlink),
        ("character device", EntryType::Char),
        ("block device", EntryType::Block),
        ("fifo", EntryType::Fifo),
        ("contiguous file", EntryType::Continuous),
        ("sparse file", EntryType::GNUSparse),
        ("GNU long name", EntryType::GNULongName),
        ("GNU long link", EntryType::GNULongLink),
        ("pax header", EntryType::XHeader),
        ("global pax header", EntryType::XGlobalHeader),
        ("unknown kind", EntryType::new(b'Z')),
    ];
    for (case, kind) in cases {
        let bytes = before(|archive| {
            archive.entry("openvpn/x", b"30 size=99999999999\n", |header| {
                header.set_entry_type(kind);
            });
        });
        refused(case, &bytes, "neither a regular file nor a directory");
    }
    let old = bent(|header| header.as_old_mut().linkflag[0] = 0);
    refused("a file as before POSIX", &old, "openvpn/tl-2.conf");
    let directory = bent(|header| header.set_entry_type(EntryType::Directory));
    refused("a directory with content", &directory, "name that does not fit its kind");
    let file = before(|archive| {
        archive.entry("openvpn/x/", b"", |header| header.set_entry_type(EntryType::Regular));
    });
    refused("a file with the name of a directory", &file, "name that does not fit its kind");
}

#[test]
fn headers_that_say_more_than_they_must() {
    refused("setuid", &bent(|header| header.set_mode(0o4755)), "mode");
    refused("setgid", &bent(|header| header.set_mode(0o2644)), "mode");
    refused("executable", &bent(|header| header.set_mode(0o755)), "mode");
    refused("world-writable", &bent(|header| header.set_mode(0o666)), "mode");
    refused("user", &bent(|header| header.set_uid(1000)), "uid");
    refused("group", &bent(|header| header.set_gid(1000)), "gid");
    refused("time", &bent(|header| header.set_mtime(1)), "time");
    refused("user name", &bent(|h| h.set_username("root").unwrap()), "must be empty");
    refused("group name", &bent(|h| h.set_groupname("root").unwrap()), "must be empty");
    refused("device number", &bent(|h| h.set_device_major(1).unwrap()), "must be empty");
    refused("link of a file", &bent(|h| h.set_link_name_literal("x").unwrap()), "links");
    refused("bytes behind the header", &bent(|h| h.as_mut_bytes()[511] = 1), "openvpn/tl-2.conf");
    refused(
        "GNU format",
        &bent(|h| h.as_mut_bytes()[257..265].copy_from_slice(b"ustar  \0")),
        "ustar",
    );
    let spelled = bent(|header| {
        let size = header.entry_size().unwrap();
        header.as_old_mut().size.copy_from_slice(format!("{size:>11o}\0").as_bytes());
    });
    refused("length with blanks", &spelled, "written in another way");
    let base256 = bent(|header| {
        let size = header.entry_size().unwrap();
        header.as_old_mut().size = [0; 12];
        header.as_old_mut().size[0] = 0x80;
        header.as_old_mut().size[4..].copy_from_slice(&size.to_be_bytes());
    });
    refused("length in base 256", &base256, "written in another way");
    let endless = bent(|header| header.as_old_mut().size = *b"77777777777\0");
    refused("a length of 8 GiB", &endless, "bytes in one file");
    let nonsense = bent(|header| header.as_old_mut().size = *b"twelve bytes");
    refused("no length", &nonsense, "no number");
    let mut archive = Archive::default();
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..11].copy_from_slice(b"bundle.json");
    archive.raw(&header, b"");
    refused("a wrong checksum", &gzip(&archive.ended()), "bundle.json");
}

#[test]
fn a_checksum_alone() {
    let bytes = with(CONF, |archive, name, content| {
        let mut other = Archive::default();
        other.plain(name, content);
        other.0[148..154].copy_from_slice(b"000000");
        archive.0.extend(other.0);
    });
    refused("checksum", &bytes, "wrong checksum");
}

#[test]
fn layouts_that_are_not_ours() {
    let twice = after(|archive| archive.plain(CONF, b"x"));
    refused("a name twice", &twice, "openvpn/tl-2.conf stands in the bundle twice");
    let manifests = after(|archive| archive.plain("bundle.json", b"{}"));
    refused("two manifests", &manifests, "bundle.json stands in the bundle twice");
    let layout = "not laid out";
    refused("an empty directory", &before(|archive| archive.plain("lib/", b"")), layout);
    refused("a directory twice", &before(|archive| archive.plain("openvpn/", b"")), layout);
    refused("no directory", &with("openvpn/", |_, _, _| {}), layout);
    let late = with("openvpn/", |_, _, _| {});
    let late = {
        let mut archive = Archive(gunzip(&late));
        archive.0.truncate(archive.0.len() - 1024);
        archive.plain("openvpn/", b"");
        gzip(&archive.ended())
    };
    refused("a directory after its files", &late, layout);
    let unsorted = {
        let mut archive = Archive::default();
        let mut all = entries();
        all[1..].rotate_left(2);
        for (name, content) in &all {
            archive.plain(name, content);
        }
        gzip(&archive.ended())
    };
    refused("another order", &unsorted, layout);
    let second = {
        let mut archive = Archive::default();
        let mut all = entries();
        all.rotate_left(1);
        for (name, content) in &all {
            archive.plain(name, content);
        }
        gzip(&archive.ended())
    };
    refused("the manifest last", &second, "does not begin with bundle.json");
    refused("no entry", &gzip(&[0; 1024]), "does not begin with bundle.json");
    let padded = with("bundle.json", |archive, name, content| {
        assert_ne!(content.len() % 512, 0);
        archive.plain(name, content);
        *archive.0.last_mut().unwrap() = 1;
    });
    refused("bytes in the padding", &padded, layout);
}

#[test]
fn ends_that_are_not_the_end() {
    let bundle = good();
    let tar = gunzip(&bundle.bytes);
    for length in (0..tar.len()).step_by(97).chain([tar.len() - 512, tar.len() - 1]) {
        refused(&format!("tar cut at {length}"), &gzip(&tar[..length]), "cut short");
    }
    for length in 0..bundle.bytes.len() {
        assert!(unpack(&bundle.bytes[..length]).is_err(), "gzip cut at {length}");
    }
    let end = "bytes after its end";
    refused("garbage after the tar", &gzip(&[&tar[..], b"x"].concat()), end);
    refused("zeros after the tar", &gzip(&[&tar[..], &[0; 512]].concat()), end);
    refused("another tar after the tar", &gzip(&[&tar[..], &tar].concat()), end);
    let half = [&tar[..tar.len() - 512], &[1; 512]].concat();
    refused("half an end mark", &gzip(&half), end);
    let gzip_end = "something follows after its end";
    refused("garbage after the gzip", &[&bundle.bytes[..], b"x"].concat(), gzip_end);
    refused("zeros after the gzip", &[&bundle.bytes[..], &[0; 512]].concat(), gzip_end);
    refused("two members", &[&bundle.bytes[..], &bundle.bytes].concat(), gzip_end);
    let (first, second) = tar.split_at(512);
    refused("the tar in two members", &[gzip(first), gzip(second)].concat(), gzip_end);
}

#[test]
fn gzip_headers_that_are_not_ours() {
    let tar = gunzip(&good().bytes);
    let header = "its header is another";
    let builders = [
        ("a file name", flate2::GzBuilder::new().operating_system(255).filename("x")),
        ("a comment", flate2::GzBuilder::new().operating_system(255).comment("x")),
        ("an extra field", flate2::GzBuilder::new().operating_system(255).extra("x")),
        ("a time", flate2::GzBuilder::new().operating_system(255).mtime(1)),
        ("an operating system", flate2::GzBuilder::new().operating_system(3)),
    ];
    for (case, builder) in builders {
        let mut bytes = Vec::new();
        let mut encoder = builder.read(tar.as_slice(), flate2::Compression::new(6));
        std::io::copy(&mut encoder, &mut bytes).unwrap();
        refused(case, &bytes, header);
    }
    refused("no gzip", &tar, header);
    refused("nothing", b"", header);
}

/// A bundle of 10^6 empty files with names of their own: 512 MB that compress to a hundredth.
fn a_million_entries() -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new()
        .operating_system(255)
        .write(Vec::new(), flate2::Compression::new(6));
    let mut first = Archive::default();
    first.plain("bundle.json", b"{}");
    encoder.write_all(&first.0).unwrap();
    for n in 0..1_000_000 {
        let mut archive = Archive::default();
        archive.plain(&format!("x{n:06}"), b"");
        encoder.write_all(&archive.0).unwrap();
    }
    encoder.write_all(&[0; 1024]).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn too_much_of_anything() {
    let bomb = gzip(&vec![0; 100 << 20]);
    assert!(bomb.len() < 200_000, "{}", bomb.len());
    refused("a gzip bomb", &bomb, "bytes unpacked");
    let long = vec![0; Limits::GATEWAY.packed + 1];
    refused("endless data", &long, "more than 8388608 bytes");

    let mut archive = Archive::default();
    archive.plain("bundle.json", b"{}");
    (0..25_000).for_each(|n| archive.plain(&format!("x{n}"), b""));
    refused("25,000 entries", &gzip(&archive.ended()), "more than 20000 entries");

    refused("a million entries", &a_million_entries(), "bytes unpacked");

    let bundle = good();
    let tar = gunzip(&bundle.bytes).len();
    let exact = Limits {
        packed: bundle.bytes.len(),
        unpacked: tar,
        ratio: tar / bundle.bytes.len() + 1,
        entries: 5,
        file: entries().iter().map(|(_, content)| content.len()).max().unwrap(),
    };
    unpack_within(&bundle.bytes, &exact).unwrap();
    let tighter = [
        Limits { packed: exact.packed - 1, ..exact },
        Limits { unpacked: exact.unpacked - 1, ..exact },
        Limits { ratio: 1, ..exact },
        Limits { entries: 4, ..exact },
        Limits { file: exact.file - 1, ..exact },
    ];
    for limits in tighter {
        assert!(unpack_within(&bundle.bytes, &limits).is_err(), "{limits:?}");
    }
}

#[test]
fn manifests_that_do_not_fit_the_files() {
    let x = || "openvpn/x".parse::<ArtifactPath>().unwrap();
    let unlisted = after(|archive| archive.plain("openvpn/x", b"x"));
    refused("a file that is not listed", &unlisted, "in the bundle but not in its bundle.json");
    let entry = FileEntry { length: 0, sha256: Digest::of(b"") };
    let missing = manifest_value(|manifest| {
        manifest.files.insert(x(), entry);
    });
    refused("a listed file that is missing", &missing, "in bundle.json but not in the bundle");
    let altered = with(CONF, |archive, name, content| {
        let mut content = content.to_vec();
        content[0] ^= 1;
        archive.plain(name, &content);
    });
    refused("another content", &altered, "its length or digest differs");
    let longer = manifest_value(|manifest| {
        manifest.files.get_mut(&CONF.parse::<ArtifactPath>().unwrap()).unwrap().length += 1;
    });
    refused("another length", &longer, "its length or digest differs");
    let listed = manifest_value(|manifest| {
        manifest.files.insert("bundle.json".parse().unwrap(), entry);
    });
    refused("the manifest in itself", &listed, "bundle.json is in bundle.json");
}

#[test]
fn manifests_that_are_no_manifests() {
    let no = "not a manifest";
    refused("no JSON", &manifest(|text| text.replacen('{', "", 1)), no);
    refused("nothing", &manifest(|_| String::new()), no);
    refused("no object", &manifest(|_| "[]".to_owned()), no);
    refused("something after it", &manifest(|text| text + "{}"), no);
    refused("an unknown key", &manifest(|text| text.replacen('{', "{\"hooks\": 1,", 1)), no);
    let format = |format: &str| {
        let new = format!("\"format\": {format}");
        manifest(|text| text.replacen("\"format\": 1", &new, 1))
    };
    refused("a later format", &format("2"), "format 2, and this version of Tieline reads format 1");
    refused("a format of no number", &format("\"1\""), no);
    refused("a format with a fraction", &format("1.0"), no);
    refused("a format beyond 2^64", &format("18446744073709551617"), no);
    let later = manifest(|text| text.replacen("\"format\": 1", "\"format\": 2, \"new\": 0", 1));
    refused("a later format with new keys", &later, "format 2");
    let depth = manifest(|_| "[".repeat(100_000));
    refused("very deep", &depth, no);
    let command = manifest(|text| text.replacen("\"kind\": \"sysctl\"", "\"kind\": \"exec\"", 1));
    refused("a unit that runs something", &command, no);
    let setting = manifest(|text| text.replacen("net.ipv4.ip_forward", "kernel.core_pattern", 1));
    refused("a setting that runs something", &setting, no);
    let device = manifest(|text| text.replace("\"tl-2\"", "\"eth0\""));
    refused("a device of the host", &device, no);
}

#[test]
fn manifests_in_another_spelling() {
    let keys = ["mesh", "gateway"];
    for key in keys {
        let twice = format!("{{\"{key}\": \"x\",");
        let bytes = manifest(|text| text.replacen('{', &twice, 1));
        refused("a key twice", &bytes, "duplicate field");
    }
    let no = "not written as Tieline writes it";
    let file = manifest(|text| {
        let first = text.find("\"nftables/tieline.nft\": {").unwrap();
        let entry = &text[first..];
        let entry = &entry[..=entry.find('}').unwrap()];
        text.replacen(entry, &format!("{entry},{entry}"), 1)
    });
    refused("a file twice", &file, no);
    let unit = manifest(|text| {
        text.replacen("\"kind\": \"nftables\",", "\"kind\": \"nftables\",\"file\": \"x\",", 1)
    });
    refused("a key of a unit twice", &unit, "duplicate field");
    let extra = manifest(|text| {
        text.replacen("\"kind\": \"nftables\",", "\"kind\": \"nftables\",\"run\": \"x\",", 1)
    });
    refused("an unknown key of a unit", &extra, "unknown field");
    refused("other spacing", &manifest(|text| text.replacen("  ", " ", 1)), no);
    refused("no line end", &manifest(|text| text.trim_end().to_owned()), no);
    refused("an escape", &manifest(|text| text.replacen("\"gw-1\"", "\"gw-\\u0031\"", 1)), no);
    let lower = manifest(|text| {
        let at = text.find("SHA256:").unwrap() + 7;
        let (head, tail) = text.split_at(at);
        format!("{head}{}{}", tail[..95].to_lowercase(), &tail[95..])
    });
    refused("a fingerprint in lower case", &lower, no);
}

#[test]
fn units_that_contradict_each_other() {
    let device = manifest_value(|manifest| {
        let tunnel = manifest.units[2].clone();
        manifest.units.insert(2, tunnel);
    });
    refused("a tunnel twice", &device, "unit tunnel/tl-2 of bundle.json stands there twice");
    let routes = manifest_value(|manifest| {
        let routes = manifest.units.last().unwrap().clone();
        manifest.units.push(routes);
    });
    refused("routes twice", &routes, "unit routes of bundle.json stands there twice");
    let early = manifest_value(|manifest| manifest.units.rotate_right(1));
    refused("routes before their tunnels", &early, "through a tunnel that does not come before");
    let away = manifest_value(|manifest| drop(manifest.units.remove(2)));
    refused("a route without its tunnel", &away, "through a tunnel that does not come before");
    let file = manifest(|text| text.replace("\"file\": \"openvpn/", "\"file\": \"etc/"));
    refused("a file that is not there", &file, "needs a file that the bundle does not have");
    let host = manifest(|text| text.replace("10.0.2.0/24", "10.0.2.1/24"));
    refused("a route to an address", &host, "not the first of its prefix");
}

/// A release signs the digest, which sees every bit. This is what remains without it: a few bits of
/// deflate's tables and padding say nothing, and every other one is noticed.
#[test]
fn no_bit_changes_the_content_unnoticed() {
    let manifest = Manifest {
        format: Manifest::FORMAT,
        mesh: mesh::name("test"),
        gateway: mesh::name("gw-1"),
        identity: Vec::new(),
        files: BTreeMap::new(),
        units: Vec::new(),
    };
    let empty = pack(&manifest, &ArtifactSet::default());
    for bundle in [empty, good()] {
        let content = unpack(&bundle.bytes).unwrap();
        let bits = bundle.bytes.len() * 8;
        let mut idle = 0;
        for bit in 0..bits {
            let mut flipped = bundle.bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Digest::of(&flipped), bundle.digest);
            if let Ok(read) = unpack(&flipped) {
                assert_eq!(read, content, "bit {bit} changes the content unnoticed");
                idle += 1;
            }
        }
        assert!(idle * 100 < bits, "{idle} of {bits} bits say nothing");
    }
}
