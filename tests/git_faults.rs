//! A remote that fails, in any way and at any byte: an error within the deadline, no process left
//! over, what was fetched before untouched, and the next fetch works.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use support::faulty_proxy::{Fault, Proxy};
use support::git_client::{Inbox, publish};
use support::git_servers::{GitServer, free_port};
use support::notes::{Releases, files};
use tieline::host::git::{FailureKind, GitError, Remote};

const DEADLINE: Duration = Duration::from_millis(1500);

/// What a deadline may be missed by on a busy machine.
const SLACK: Duration = Duration::from_secs(3);

/// A gateway that has release 1, and a server that has release 2 behind a proxy.
struct Scene {
    server: GitServer,
    proxy: Proxy,
    remote: Remote,
    inbox: Inbox,
}

impl Scene {
    fn new(server: GitServer) -> Self {
        let releases = Releases::new();
        releases.add(&[("perth", "old")]);
        publish(&releases, &server.remote).unwrap();
        let inbox = Inbox::new("perth");
        inbox.fetch(&server.remote).unwrap();
        // Content that does not compress, so that there are bytes to fail at.
        releases.add(&[("perth", &noise(4096))]);
        publish(&releases, &server.remote).unwrap();
        let proxy = Proxy::before(server.port);
        let remote = server.through(proxy.port);
        Self { server, proxy, remote, inbox }
    }

    /// Fetches through the fault, and demands what every fault demands.
    fn fails(&self, what: &str, remote: &Remote) -> GitError {
        self.fails_within(DEADLINE, what, remote)
    }

    fn fails_within(&self, deadline: Duration, what: &str, remote: &Remote) -> GitError {
        let before = files(&self.inbox.directory().as_std_path().join("files"));
        let begin = Instant::now();
        let error = self.inbox.fetch_within(deadline, remote).expect_err(what);
        assert!(begin.elapsed() < deadline + SLACK, "{what}: took {:?}", begin.elapsed());
        assert!(!error.to_string().contains('\n'), "{what}: {error}");
        assert_eq!(workers(&self.inbox.directory()), Vec::<String>::new(), "{what}: left over");
        let after = files(&self.inbox.directory().as_std_path().join("files"));
        assert!(before == after, "{what}: what was fetched before has changed");
        error
    }

    fn recovers(&self) {
        self.proxy.set(Fault::None);
        let fetched = self.inbox.fetch(&self.remote).unwrap();
        assert!(fetched.received > 0);
        assert!(self.inbox.files().contains_key("metadata/2.targets.json"));
    }
}

fn noise(length: usize) -> String {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
    };
    (0..length).map(|_| next()).collect()
}

/// The processes whose home is in this directory: nobody else's.
fn workers(directory: &Utf8Path) -> Vec<String> {
    let home = format!("HOME={directory}/home");
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.map(|entry| entry.file_name().into_string().unwrap());
    let of_us = |pid: &String| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| variable == home.as_bytes())
    };
    pids.filter(of_us).collect()
}

#[test]
fn silence_stalls_and_drips_end_at_the_deadline() {
    let scene = Scene::new(GitServer::daemon());
    let patient = Inbox::new("perth");
    patient.fetch(&scene.remote).unwrap();
    let nearly_all = scene.proxy.passed() * 99 / 100;
    let faults = [
        Fault::StallAfter(nearly_all),
        Fault::DripAfter(nearly_all),
        Fault::Silence,
        Fault::StallAfter(0),
        Fault::StallAfter(1),
        Fault::StallAfter(700),
        Fault::StallAfter(3000),
        Fault::DripAfter(0),
        Fault::DripAfter(700),
    ];
    for fault in faults {
        scene.proxy.set(fault);
        let error = scene.fails(&format!("{fault:?}"), &scene.remote);
        assert!(matches!(error, GitError::Deadline { .. }), "{fault:?}: {error}");
    }
    scene.recovers();
}

#[test]
fn who_only_asks_whether_it_is_there_is_not_held_up_either() {
    let scene = Scene::new(GitServer::daemon());
    let ask = |remote: &Remote| {
        let begin = Instant::now();
        let answer = scene.inbox.reach_within(DEADLINE, remote);
        assert!(begin.elapsed() < DEADLINE + SLACK, "took {:?}", begin.elapsed());
        assert_eq!(workers(&scene.inbox.directory()), Vec::<String>::new(), "left over");
        answer
    };
    for fault in [Fault::Silence, Fault::StallAfter(0), Fault::StallAfter(100), Fault::DripAfter(0)]
    {
        scene.proxy.set(fault);
        let answer = ask(&scene.remote);
        assert!(matches!(answer, Err(GitError::Deadline { .. })), "{fault:?}: {answer:?}");
    }
    let nobody = scene.server.through(free_port());
    assert!(matches!(ask(&nobody), Err(GitError::Failed { .. })));
    scene.proxy.set(Fault::None);
    ask(&scene.remote).unwrap();
}

#[test]
fn silence_ends_at_the_deadline_over_tls_and_ssh_too() {
    for server in [GitServer::https(), GitServer::ssh()] {
        let scene = Scene::new(server);
        if scene.remote.known_hosts.is_some() {
            // The proxy's port is another host to ssh.
            let known = scene.server.path().join("known_hosts");
            let text = fs::read_to_string(&known).unwrap();
            let (from, to) = (scene.server.port.to_string(), scene.proxy.port.to_string());
            fs::write(&known, format!("{text}{}", text.replace(&from, &to))).unwrap();
        }
        for fault in [Fault::Silence, Fault::StallAfter(100), Fault::DripAfter(100)] {
            scene.proxy.set(fault);
            let error = scene.fails(&format!("{fault:?}"), &scene.remote);
            assert!(matches!(error, GitError::Deadline { .. }), "{fault:?}: {error}");
        }
        scene.recovers();
    }
}

#[test]
fn a_connection_cut_off_anywhere_brings_nothing_wrong() {
    // The last bytes are what git tells people, and the end of it.
    assert!(damaged(Fault::CloseAfter) > 35);
}

#[test]
fn a_reset_anywhere_brings_nothing_wrong() {
    assert!(damaged(Fault::ResetAfter) > 35);
}

#[test]
fn a_flipped_bit_brings_nothing_wrong() {
    // A bit in a capability, or in what git tells people, may do no harm.
    assert!(damaged(Fault::FlipAt) > 20);
}

/// Fetches with the fault at some forty places from the first byte to the last: in the branches,
/// between messages, in the pack. How many of them were errors; the others brought all of it.
fn damaged(fault: impl Fn(u64) -> Fault) -> u32 {
    let scene = Scene::new(GitServer::daemon());
    let patient = Inbox::new("perth");
    scene.proxy.set(Fault::None);
    patient.fetch(&scene.remote).unwrap();
    let (whole, right) = (scene.proxy.passed(), patient.files());
    let mut errors = 0;
    for at in (0..whole).step_by(usize::try_from(whole / 40).unwrap()) {
        let inbox = Inbox::new("perth");
        scene.proxy.set(fault(at));
        match inbox.fetch_within(DEADLINE, &scene.remote) {
            Ok(_) => assert!(inbox.files() == right, "{:?} of {whole}", fault(at)),
            Err(_) => errors += 1,
        }
        assert!(workers(&inbox.directory()).is_empty());
    }
    scene.proxy.set(fault(whole / 2));
    scene.fails("in the middle", &scene.remote);
    scene.recovers();
    errors
}

#[test]
fn nobody_there_and_nothing_there() {
    let scene = Scene::new(GitServer::daemon());
    let nobody = scene.server.through(free_port());
    let error = scene.fails("connection refused", &nobody);
    assert_eq!(error.kind(), Some(FailureKind::Network), "{error}");

    let mut nowhere = scene.remote.clone();
    nowhere.url = nowhere.url.as_str().replace("mesh.git", "other.git").parse().unwrap();
    scene.fails("no such repository", &nowhere);

    let no_dns = Remote::new("git://no-such-host.invalid/mesh.git".parse().unwrap());
    scene.fails("no such host", &no_dns);

    scene.proxy.set(Fault::Endless);
    scene.fails("endless nonsense", &scene.remote);

    let commit = scene.server.git(&["rev-parse", "gateway/perth"]);
    scene.server.git(&["update-ref", "-d", "refs/heads/gateway/perth"]);
    scene.proxy.set(Fault::None);
    let error = scene.fails("vanished branch", &scene.remote);
    assert_eq!(error.kind(), Some(FailureKind::NoBranch));
    assert!(error.to_string().ends_with("branch gateway/perth is not on the remote"), "{error}");
    scene.server.git(&["update-ref", "refs/heads/gateway/perth", &commit]);
    scene.recovers();
}

/// One message of git's protocol (gitprotocol-common(5), "pkt-line").
fn packet(payload: &[u8]) -> Vec<u8> {
    [format!("{:04x}", payload.len() + 4).as_bytes(), payload].concat()
}

/// The next message; empty for a flush.
fn read_packet(from: &mut impl std::io::Read) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).ok()?;
    let length = usize::from_str_radix(str::from_utf8(&length).ok()?, 16).ok()?;
    let mut payload = vec![0; length.saturating_sub(4)];
    from.read_exact(&mut payload).ok()?;
    Some(payload)
}

/// A remote at which `serve` answers each client.
fn served_by(serve: fn(std::net::TcpStream) -> Option<()>) -> Remote {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        listener.incoming().flatten().for_each(|client| {
            let _ = serve(client);
        });
    });
    Remote::new(format!("git://127.0.0.1:{port}/mesh.git").parse().unwrap())
}

/// A server of git's protocol whose pack holds one object without end, in good order: a terabyte is
/// announced, and it comes uncompressed.
fn endless_pack(mut client: std::net::TcpStream) -> Option<()> {
    const COMMIT: &str = "1111111111111111111111111111111111111111";
    read_packet(&mut client)?;
    let head = format!("{COMMIT} refs/heads/gateway/perth\0side-band-64k shallow ofs-delta\n");
    client.write_all(&[packet(head.as_bytes()), b"0000".to_vec()].concat()).ok()?;
    let mut deepen = false;
    loop {
        let said = read_packet(&mut client)?;
        deepen |= said.starts_with(b"deepen");
        if said.is_empty() && deepen {
            let shallow = packet(format!("shallow {COMMIT}").as_bytes());
            client.write_all(&[shallow, b"0000".to_vec()].concat()).ok()?;
            deepen = false;
        }
        if said.starts_with(b"done") {
            break;
        }
    }
    client.write_all(&packet(b"NAK\n")).ok()?;
    // gitformat-pack(5): a blob of 2^40 bytes, and a zlib stream of stored blocks (RFC 1951, 3.2.4).
    let beginning =
        [&b"PACK\0\0\0\x02\0\0\0\x01"[..], b"\xb0\x80\x80\x80\x80\x80\x02", b"\x78\x01"];
    client.write_all(&packet(&[&b"\x01"[..], &beginning.concat()].concat())).ok()?;
    let block = [&b"\x01\x00\x00\x80\xff\x7f"[..], &vec![b'x'; 0x8000]].concat();
    loop {
        client.write_all(&packet(&block)).ok()?;
    }
}

#[test]
fn a_pack_without_end_is_cut_off_at_the_limit() {
    let remote = served_by(endless_pack);
    let inbox = Inbox::new("perth");
    let error = inbox.fetch_within(Duration::from_mins(1), &remote).unwrap_err();
    assert_eq!(error.kind(), Some(FailureKind::Limit), "{error}");
    let says = "it sends more than the 67108864 bytes that are accepted";
    assert!(error.to_string().ends_with(says), "{error}");
    assert!(!inbox.directory().join("files").exists() && workers(&inbox.directory()).is_empty());
}

/// A server that names branches without end.
fn endless_branches(mut client: std::net::TcpStream) -> Option<()> {
    read_packet(&mut client)?;
    let head = format!("{} refs/heads/gateway/perth\0side-band-64k shallow\n", "1".repeat(40));
    client.write_all(&packet(head.as_bytes())).ok()?;
    for number in 0_u64.. {
        let name = format!("{number:040x} refs/heads/{}{number}\n", "x".repeat(900));
        client.write_all(&packet(name.as_bytes())).ok()?;
    }
    None
}

/// The most memory that a process has had, in KiB (`proc_pid_status(5)`).
fn most_memory(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}

#[test]
fn branches_without_end_are_cut_off_at_a_limit() {
    let remote = served_by(endless_branches);
    let inbox = Inbox::new("perth");
    let (ended, directory) = (std::sync::atomic::AtomicBool::new(false), inbox.directory());
    let most = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = 0;
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                let now = workers(&directory).iter().map(|pid| most_memory(pid)).max();
                most = most.max(now.unwrap_or_default());
                thread::sleep(Duration::from_millis(10));
            }
            most
        });
        let error = inbox.fetch_within(Duration::from_mins(1), &remote).unwrap_err();
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(error.kind(), Some(FailureKind::Limit), "{error}");
        watch.join().unwrap()
    });
    assert!(most > 1 << 10, "nothing was watched");
    assert!(most < 256 << 10, "it had {most} KiB");
}

#[test]
fn damage_on_the_own_disk_is_fetched_again() {
    let scene = Scene::new(GitServer::daemon());
    scene.proxy.set(Fault::None);
    scene.recovers();
    let right = scene.inbox.files();
    let fetch = || scene.inbox.fetch(&scene.remote).unwrap();
    let kept = fetch().files;
    let timestamp = kept.join("metadata/timestamp.json");
    let damages: [(&str, &dyn Fn()); 6] = [
        ("a file is gone", &|| fs::remove_file(&timestamp).unwrap()),
        ("a file is empty", &|| fs::write(&timestamp, "").unwrap()),
        ("a file is a link", &|| {
            fs::rename(&timestamp, kept.join("elsewhere")).unwrap();
            std::os::unix::fs::symlink("../elsewhere", &timestamp).unwrap();
        }),
        ("a file too many", &|| fs::write(kept.join("targets/more"), "").unwrap()),
        ("the list is empty", &|| fs::write(kept.join("listing"), "").unwrap()),
        ("the list is gone", &|| fs::remove_file(kept.join("listing")).unwrap()),
    ];
    for (what, damage) in damages {
        damage();
        assert!(fetch().received > 0, "{what}");
        assert!(scene.inbox.files() == right, "{what}");
        assert_eq!(fetch().received, 0, "{what}");
    }
    // What a killed run, or a power cut, leaves.
    let directory = scene.inbox.directory();
    let scratch = directory.join("scratch.git");
    let leftovers: [(&str, &dyn Fn()); 5] = [
        ("a lock", &|| fs::write(scratch.join("shallow.lock"), "").unwrap()),
        ("half a pack", &|| {
            fs::write(scratch.join("objects/pack/pack-1.idx"), "nonsense").unwrap();
            fs::write(scratch.join("objects/pack/pack-1.pack"), "nonsense").unwrap();
        }),
        ("no head", &|| fs::remove_file(scratch.join("HEAD")).unwrap()),
        ("an empty configuration", &|| fs::write(scratch.join("config"), "").unwrap()),
        ("half the files", &|| {
            fs::create_dir_all(directory.join("staged/metadata")).unwrap();
            fs::write(directory.join("staged/metadata/timestamp.json"), "").unwrap();
        }),
    ];
    for (what, leave) in leftovers {
        assert_eq!(fetch().received, 0, "{what}: an empty repository is there");
        leave();
        fs::remove_dir_all(&kept).unwrap();
        assert!(fetch().received > 0, "{what}");
        assert!(scene.inbox.files() == right, "{what}");
    }
}

#[test]
fn the_worker_does_not_outlive_who_asked() {
    let scene = Scene::new(GitServer::daemon());
    scene.proxy.set(Fault::Silence);
    let releases = Releases::new();
    releases.add(&[("perth", "new")]);
    let temporary = tempfile::tempdir().unwrap();
    let mut parent = Command::new(env!("CARGO_BIN_EXE_tieline"))
        .args(["publish", scene.remote.url.as_str(), "--repository", releases.path().as_str()])
        .env("TMPDIR", temporary.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let child_of = |parent: u32| {
        let path = format!("/proc/{parent}/task/{parent}/children");
        fs::read_to_string(path).unwrap_or_default().trim().to_owned()
    };
    let wait = |what: &str, condition: &dyn Fn() -> bool| {
        let end = Instant::now() + Duration::from_secs(20);
        while !condition() {
            assert!(Instant::now() < end, "{what}");
            thread::sleep(Duration::from_millis(10));
        }
    };
    wait("no worker was started", &|| !child_of(parent.id()).is_empty());
    let worker = child_of(parent.id());
    // Until it does what it was asked, and so is past its own beginning.
    wait("the worker does nothing", &|| {
        let open = fs::read_dir(format!("/proc/{worker}/fd")).map_or(0, Iterator::count);
        open > 4
    });
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait("the worker lives on", &|| {
        let stat = fs::read_to_string(format!("/proc/{worker}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    });
}

#[test]
fn a_crash_of_the_worker_is_an_error_like_any_other() {
    let scene = Scene::new(GitServer::daemon());
    scene.proxy.set(Fault::Silence);
    let directory = scene.inbox.directory();
    let crash = thread::spawn(move || {
        let mut found = Vec::new();
        while found.is_empty() {
            thread::sleep(Duration::from_millis(5));
            found = workers(&directory);
        }
        let _ = Command::new("kill").arg("-ABRT").args(found).status();
    });
    let error = scene.fails_within(Duration::from_mins(1), "crash", &scene.remote);
    crash.join().unwrap();
    assert!(error.to_string().contains("was ended by signal 6"), "{error}");
    scene.recovers();
}

#[test]
fn a_request_from_nobody_is_refused() {
    let mut worker = Command::new(env!("CARGO_BIN_EXE_tieline"))
        .arg("git-worker")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    worker.stdin.take().unwrap().write_all(b"{}").unwrap();
    let output = worker.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("not to be run by hand"), "{said}");
}
