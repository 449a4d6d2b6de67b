//! ssh-agent: the real one, and ones that are up to no good.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::sandbox::wait;

/// An ssh-agent process, which ends with this.
pub struct SshAgent {
    process: Child,
    socket: PathBuf,
}

impl SshAgent {
    /// Starts one that listens in `directory`.
    pub fn start(directory: &Path) -> Self {
        let socket = directory.join("agent.sock");
        let mut agent = Command::new("ssh-agent");
        agent.args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).stderr(Stdio::null());
        let process = agent.spawn().expect("ssh-agent is installed with openssh-client");
        let agent = Self { process, socket };
        assert!(wait(Duration::from_secs(10), || agent.socket.exists()));
        agent
    }

    pub fn socket(&self) -> &str {
        self.socket.to_str().unwrap()
    }

    /// Makes a key of the kind `kind` in `file`, which only the agent keeps: the file is removed.
    pub fn make_key(&self, kind: &str, file: &Path, comment: &str) {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", kind, "-N", "", "-C", comment, "-f"]).arg(file);
        assert!(keygen.status().unwrap().success());
        let mut add = Command::new("ssh-add");
        add.arg("-q").arg(file).env("SSH_AUTH_SOCK", &self.socket);
        assert!(add.status().unwrap().success());
        std::fs::remove_file(file).unwrap();
    }

    /// The fingerprint of a public key file, as ssh-keygen says it.
    pub fn fingerprint(file: &Path) -> String {
        let listed = Command::new("ssh-keygen").arg("-lf").arg(file).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        listed.split(' ').nth(1).unwrap().to_owned()
    }
}

impl Drop for SshAgent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Listens at `socket` and answers every request with what `answer` makes of it (both without
/// their lengths).
pub fn fake(socket: &Path, answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = serve(stream.unwrap(), &answer);
        }
    });
}

fn serve(mut stream: UnixStream, answer: &impl Fn(&[u8]) -> Vec<u8>) -> std::io::Result<()> {
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut request = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut request)?;
        stream.write_all(&string(&answer(&request)))?;
    }
}

/// A `string` of SSH protocols.
pub fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}
