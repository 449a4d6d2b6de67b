//! Real git servers on loopback, each with one empty bare repository. They end with the value.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use tieline::host::git::{Remote, RemoteUrl, Token};

/// The password of the https server.
pub const TOKEN: &str = "correct-horse";

/// A server, and the remote that gets in.
pub struct GitServer {
    pub remote: Remote,
    /// The repository as the server sees it.
    pub repository: PathBuf,
    pub port: u16,
    directory: tempfile::TempDir,
    running: Vec<Child>,
}

impl GitServer {
    /// No server at all: a path.
    pub fn file() -> Self {
        Self::begin(|server| format!("file://{}", server.repository.display()))
    }

    /// `git daemon`, which lets everyone read and write.
    pub fn daemon() -> Self {
        let mut server = Self::begin(|server| format!("git://127.0.0.1:{}/mesh.git", server.port));
        let port = server.port;
        let base = format!("--base-path={}", server.directory.path().display());
        server.run(
            Command::new("git")
                .args(["daemon", "--reuseaddr", "--export-all", "--enable=receive-pack"])
                .args(["--listen=127.0.0.1", &format!("--port={port}"), &base]),
        );
        server.wait()
    }

    /// nginx with TLS and a password, in front of git's own CGI program.
    pub fn https() -> Self {
        Self::https_with(&Certificates::new())
    }

    /// The same with these certificates.
    pub fn https_with(certificates: &Certificates) -> Self {
        let mut server =
            Self::begin(|server| format!("https://ci@127.0.0.1:{}/mesh.git", server.port));
        let directory = server.path();
        fs::write(directory.join("ca.pem"), &certificates.authority).unwrap();
        fs::write(directory.join("server.pem"), &certificates.certificate).unwrap();
        fs::write(directory.join("server.key"), &certificates.key).unwrap();
        fs::write(directory.join("passwords"), format!("ci:{{PLAIN}}{TOKEN}\n")).unwrap();
        server.remote.ca = Some(utf8(directory.join("ca.pem")));
        server.remote.token = Some(Token::new(TOKEN.to_owned()));
        server.web(true)
    }

    /// nginx without TLS, which lets everyone read and write.
    pub fn http() -> Self {
        Self::begin(|server| format!("http://127.0.0.1:{}/mesh.git", server.port)).web(false)
    }

    fn web(self, tls: bool) -> Self {
        let mut server = self;
        let directory = server.path();
        fs::write(directory.join("nginx.conf"), nginx(&directory, server.port, tls)).unwrap();
        server.git(&["config", "http.receivepack", "true"]);
        let socket = directory.join("cgi.sock");
        server.run(
            Command::new("/usr/sbin/fcgiwrap").arg("-s").arg(format!("unix:{}", socket.display())),
        );
        server.run(
            Command::new("/usr/sbin/nginx")
                .arg("-e")
                .arg("stderr")
                .arg("-p")
                .arg(&directory)
                .arg("-c")
                .arg(directory.join("nginx.conf")),
        );
        server.wait()
    }

    /// sshd, which lets the user who runs this in by key.
    pub fn ssh() -> Self {
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout);
        let user = user.unwrap().trim().to_owned();
        let mut server = Self::begin(|server| {
            let path = server.repository.display();
            format!("ssh://{user}@127.0.0.1:{}{path}", server.port)
        });
        let directory = server.path();
        for key in ["host", "user", "other"] {
            ssh_key(&directory.join(key));
        }
        fs::copy(directory.join("user.pub"), directory.join("authorized")).unwrap();
        fs::write(directory.join("sshd.conf"), sshd(&directory, server.port)).unwrap();
        server.know("host");
        server.remote.ssh_key = Some(utf8(directory.join("user")));
        server.remote.known_hosts = Some(utf8(directory.join("known_hosts")));
        // As root it separates privileges, and wants this directory for it.
        let _ = fs::create_dir_all("/run/sshd");
        let config = directory.join("sshd.conf");
        server.run(Command::new("/usr/sbin/sshd").args(["-D", "-e", "-f"]).arg(config));
        server.wait()
    }

    /// Writes the host key `name` into the file of known host keys, alone.
    pub fn know(&self, name: &str) {
        let key = fs::read_to_string(self.path().join(format!("{name}.pub"))).unwrap();
        let line = format!("[127.0.0.1]:{} {key}", self.port);
        fs::write(self.path().join("known_hosts"), line).unwrap();
    }

    /// The same repository, reached through another port.
    pub fn through(&self, port: u16) -> Remote {
        let url = self.remote.url.as_str().replace(&self.port.to_string(), &port.to_string());
        Remote { url: url.parse().unwrap(), ..self.remote.clone() }
    }

    /// The same repository, as a path.
    pub fn directly(&self) -> Remote {
        Remote::new(utf8(&self.repository).as_str().parse().unwrap())
    }

    /// Where the server's files are.
    pub fn path(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// Runs git in the repository and gives back what it prints.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.git_with(arguments, "")
    }

    /// The same with something to read.
    pub fn git_with(&self, arguments: &[&str], input: &str) -> String {
        let mut child = Command::new("git")
            .arg("-C")
            .arg(&self.repository)
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("git has to be installed");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The branches of the repository and their commits, as `name commit` lines.
    pub fn branches(&self) -> Vec<String> {
        let format = "--format=%(refname:short) %(objectname)";
        self.git(&["for-each-ref", format, "refs/heads"]).lines().map(str::to_owned).collect()
    }

    fn begin(url: impl FnOnce(&Self) -> String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = directory.path().join("mesh.git");
        let none: RemoteUrl = "file:///none".parse().unwrap();
        let mut server = Self {
            remote: Remote::new(none),
            repository: repository.clone(),
            port: free_port(),
            directory,
            running: Vec::new(),
        };
        fs::create_dir(&repository).unwrap();
        server.git(&["init", "--quiet", "--bare"]);
        server.remote.url = url(&server).parse().unwrap();
        server
    }

    fn run(&mut self, command: &mut Command) {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.directory.path().join("log"))
            .unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .spawn();
        let program = command.get_program().to_string_lossy().into_owned();
        self.running.push(child.unwrap_or_else(|error| panic!("{program}: {error}")));
    }

    /// Until it answers.
    fn wait(self) -> Self {
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || fs::read_to_string(self.directory.path().join("log")).unwrap();
            assert!(Instant::now() < end, "the server does not answer:\n{}", log());
            thread::sleep(Duration::from_millis(10));
        }
        self
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        for child in &mut self.running {
            // nginx and git daemon end their children on TERM; KILL would leave them.
            let pid = child.id().to_string();
            let _ = Command::new("kill").arg(&pid).status();
            let end = Instant::now() + Duration::from_secs(5);
            while child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < end {
                thread::sleep(Duration::from_millis(5));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A server's certificate, and the authority that made it.
pub struct Certificates {
    pub authority: String,
    pub certificate: String,
    pub key: String,
}

impl Certificates {
    /// Valid, for 127.0.0.1.
    pub fn new() -> Self {
        Self::of("127.0.0.1", 2100)
    }

    /// For another name.
    pub fn of_another_name() -> Self {
        Self::of("git.example.net", 2100)
    }

    /// Expired long ago.
    pub fn expired() -> Self {
        Self::of("127.0.0.1", 2001)
    }

    fn of(name: &str, until: i32) -> Self {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "test authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut server = CertificateParams::new([name.to_owned()]).unwrap();
        server.not_after = rcgen::date_time_ymd(until, 1, 1);
        let certificate = server.signed_by(&key, &authority).unwrap();
        Self {
            authority: authority.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn utf8(path: impl Into<PathBuf>) -> Utf8PathBuf {
    Utf8PathBuf::from_path_buf(path.into()).unwrap()
}

fn ssh_key(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .status()
        .expect("ssh-keygen has to be installed");
    assert!(made.success());
}

fn sshd(directory: &Path, port: u16) -> String {
    let directory = directory.display();
    format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {directory}/host\nPidFile none\n\
         AuthorizedKeysFile {directory}/authorized\nStrictModes no\nUsePAM no\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         PermitRootLogin prohibit-password\n"
    )
}

fn nginx(directory: &Path, port: u16, tls: bool) -> String {
    // The one who runs the test owns the files.
    let user = if rustix::process::getuid().is_root() { "user root;" } else { "" };
    let directory = directory.display();
    let (ssl, protection) = if tls {
        let certificate = format!(
            "ssl_certificate {directory}/server.pem; ssl_certificate_key {directory}/server.key;
            auth_basic git; auth_basic_user_file {directory}/passwords;"
        );
        ("ssl", certificate)
    } else {
        ("", String::new())
    };
    format!(
        "{user} daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log stderr;
        events {{}}
        http {{
            access_log off; client_max_body_size 0;
            client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
            fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi;
            scgi_temp_path {directory}/scgi;
            server {{
                listen 127.0.0.1:{port} {ssl};
                {protection}
                location /renamed/ {{
                    return 301 https://127.0.0.1:{port}/mesh.git/info/refs$is_args$args;
                }}
                location /elsewhere/ {{
                    return 301 https://localhost:{port}/mesh.git/info/refs$is_args$args;
                }}
                location /plain/ {{
                    return 301 http://127.0.0.1:{port}/mesh.git/info/refs$is_args$args;
                }}
                location / {{
                    fastcgi_pass unix:{directory}/cgi.sock;
                    fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
                    fastcgi_param GIT_PROJECT_ROOT {directory};
                    fastcgi_param GIT_HTTP_EXPORT_ALL 1;
                    fastcgi_param PATH_INFO $uri;
                    fastcgi_param REMOTE_USER $remote_user;
                    fastcgi_param QUERY_STRING $query_string;
                    fastcgi_param REQUEST_METHOD $request_method;
                    fastcgi_param CONTENT_TYPE $content_type;
                    fastcgi_param CONTENT_LENGTH $content_length;
                    fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
                }}
            }}
        }}"
    )
}
