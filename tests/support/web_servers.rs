//! Web servers on loopback: a real nginx, one that says whatever a test wants it to, and a proxy.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::git_servers::{Certificates, free_port};

/// nginx with TLS, which serves a directory below `/mesh/`, and below `/s3/` as S3 does to those who
/// may not list it, and misbehaves elsewhere.
pub struct WebServer {
    pub port: u16,
    directory: tempfile::TempDir,
    nginx: Child,
}

impl WebServer {
    /// For the files of `root`.
    pub fn start(root: &Path, certificates: &Certificates) -> Self {
        Self::start_in(Command::new("/usr/sbin/nginx"), root, certificates)
    }

    /// The same, by a command that runs nginx somewhere else.
    pub fn start_in(mut nginx: Command, root: &Path, certificates: &Certificates) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (place, port) = (directory.path(), free_port());
        fs::write(place.join("ca.pem"), &certificates.authority).unwrap();
        fs::write(place.join("server.pem"), &certificates.certificate).unwrap();
        fs::write(place.join("server.key"), &certificates.key).unwrap();
        fs::write(place.join("nginx.conf"), config(place, root, port)).unwrap();
        let log = fs::File::create(place.join("log")).unwrap();
        let nginx = nginx
            .args(["-e", "stderr", "-p"])
            .arg(place)
            .arg("-c")
            .arg(place.join("nginx.conf"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("nginx has to be installed");
        let server = Self { port, directory, nginx };
        // It writes its process id when it listens.
        let end = Instant::now() + Duration::from_secs(30);
        while !server.path("nginx.pid").exists() {
            let log = fs::read_to_string(server.path("log")).unwrap();
            assert!(Instant::now() < end, "nginx does not start:\n{log}");
            thread::sleep(Duration::from_millis(10));
        }
        server
    }

    /// A file of the server's own, such as `ca.pem`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The address of a directory on it.
    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}/{path}", self.port)
    }

    /// What it was asked for since the last time, as `status path`. It writes that down after it
    /// has answered, so this waits until nothing is added any more.
    pub fn asked(&self) -> Vec<String> {
        let log = self.path("access");
        let read = || fs::read_to_string(&log).unwrap_or_default();
        let mut text = read();
        loop {
            thread::sleep(Duration::from_millis(100));
            let now = read();
            if now == text {
                break;
            }
            text = now;
        }
        fs::write(&log, "").unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        // On TERM it ends its children; KILL would leave them.
        let _ = Command::new("kill").arg(self.nginx.id().to_string()).status();
        let end = Instant::now() + Duration::from_secs(5);
        while self.nginx.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.nginx.kill();
        let _ = self.nginx.wait();
    }
}

fn config(place: &Path, root: &Path, port: u16) -> String {
    // The one who runs the test owns the files.
    let user = if rustix::process::getuid().is_root() { "user root;" } else { "" };
    let (place, root) = (place.display(), root.display());
    format!(
        "{user} daemon off; worker_processes 1; pid {place}/nginx.pid; error_log stderr;
        events {{}}
        http {{
            log_format asked '$status $request_uri'; access_log {place}/access asked;
            client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;
            fastcgi_temp_path {place}/fastcgi; uwsgi_temp_path {place}/uwsgi;
            scgi_temp_path {place}/scgi;
            server {{
                listen 127.0.0.1:{port} ssl;
                ssl_certificate {place}/server.pem; ssl_certificate_key {place}/server.key;
                location /mesh/ {{ alias {root}/; }}
                location /s3/ {{ alias {root}/; error_page 404 = @denied; }}
                location @denied {{ return 403; }}
                location /moved/ {{ rewrite ^/moved/(.*)$ /mesh/$1 permanent; }}
                location /moved-host/ {{ return 302 https://localhost:{port}/mesh/metadata/root.json; }}
                location /moved-plain/ {{ return 302 http://127.0.0.1:{port}/mesh/metadata/root.json; }}
                location /moved-port/ {{ return 302 https://127.0.0.1:9/mesh/metadata/root.json; }}
                location /round/ {{ return 307 /round/and/round; }}
                location /broken/ {{ return 500; }}
                location /closed/ {{ return 403; }}
                location /busy/ {{ return 503; }}
            }}
        }}"
    )
}

/// A server that hears out a request and then does what it likes, for every connection.
pub fn rogue(act: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let act = Arc::new(act);
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let act = Arc::clone(&act);
            thread::spawn(move || {
                if head(&mut client).is_ok() {
                    let _ = act(&mut client);
                }
            });
        }
    });
    port
}

/// A proxy that knows CONNECT and leads everyone to this machine, whatever the name.
pub struct ConnectProxy {
    pub port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ConnectProxy {
    pub fn start() -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let asked = Arc::clone(&shared);
                thread::spawn(move || tunnel(client, &asked));
            }
        });
        Self { port, asked }
    }

    /// The places it was asked to connect to.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn tunnel(mut client: TcpStream, asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let first = head(&mut client)?;
    let Some(("CONNECT", place)) = first.split_once(' ') else {
        return client.write_all(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n");
    };
    let place = place.split(' ').next().unwrap_or_default().to_owned();
    let port: u16 = place.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(9);
    asked.lock().unwrap().push(place);
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    io::copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Both)
}

/// Reads a request's head, and gives back its first line.
fn head(client: &mut TcpStream) -> io::Result<String> {
    // Not one byte more than the head: what follows belongs to whoever is behind the proxy.
    let mut reader = BufReader::with_capacity(1, &*client);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    Ok(first.trim_end().to_owned())
}
