//! A TCP proxy on loopback that misbehaves as told.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What happens to what the server sends.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// It goes through.
    None,
    /// Nothing is ever said, from the first byte on.
    Silence,
    /// This many bytes go through, then nothing more.
    StallAfter(u64),
    /// This many bytes go through, the rest two a second.
    DripAfter(u64),
    /// This many bytes go through, then the connection ends.
    CloseAfter(u64),
    /// This many bytes go through, then the connection is reset.
    ResetAfter(u64),
    /// This many bytes go through, then one comes with a flipped bit.
    FlipAt(u64),
    /// Zeros without end instead.
    Endless,
}

/// The proxy. Its threads end with the test process.
pub struct Proxy {
    pub port: u16,
    fault: Arc<Mutex<Fault>>,
    passed: Arc<AtomicU64>,
}

impl Proxy {
    /// In front of the server at `server` on loopback.
    pub fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let fault = Arc::new(Mutex::new(Fault::None));
        let passed = Arc::new(AtomicU64::new(0));
        let (shared, counter) = (Arc::clone(&fault), Arc::clone(&passed));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let fault = *shared.lock().unwrap();
                let counter = Arc::clone(&counter);
                thread::spawn(move || serve(client, server, fault, &counter));
            }
        });
        Self { port, fault, passed }
    }

    /// What new connections suffer.
    pub fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
        self.passed.store(0, Ordering::SeqCst);
    }

    /// How many bytes went from the server to clients since the fault was set.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }
}

fn serve(mut client: TcpStream, server: u16, fault: Fault, counter: &AtomicU64) {
    match fault {
        Fault::Silence => hold(&mut client),
        Fault::Endless => while client.write_all(&[b'0'; 4096]).is_ok() {},
        _ => {
            let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                return;
            };
            let (mut up_from, mut up_to) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            let up = thread::spawn(move || {
                let _ = io::copy(&mut up_from, &mut up_to);
                let _ = up_to.shutdown(Shutdown::Write);
            });
            let _ = down(&server, &mut client, fault, counter);
            if let Fault::ResetAfter(_) = fault {
                // Closing it for good, with nothing lingering, sends RST instead of FIN.
                socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
                let _ = client.shutdown(Shutdown::Read);
                let _ = server.shutdown(Shutdown::Both);
                let _ = up.join();
                return;
            }
            // What the server has not sent by now is lost.
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }
}

fn down(
    mut server: &TcpStream,
    client: &mut TcpStream,
    fault: Fault,
    counter: &AtomicU64,
) -> io::Result<()> {
    let mut buffer = [0; 1];
    let mut read = io::BufReader::new(&mut server);
    loop {
        if read.read(&mut buffer)? == 0 {
            return Ok(());
        }
        let at = counter.fetch_add(1, Ordering::SeqCst);
        match fault {
            Fault::StallAfter(limit) if at >= limit => {
                hold(client);
                return Ok(());
            }
            Fault::DripAfter(limit) if at >= limit => thread::sleep(Duration::from_millis(500)),
            Fault::ResetAfter(limit) if at >= limit => return Ok(()),
            Fault::CloseAfter(limit) if at >= limit => return Ok(()),
            Fault::FlipAt(limit) if at == limit => buffer[0] ^= 1,
            _ => {}
        }
        client.write_all(&buffer)?;
    }
}

/// Until the client gives up.
fn hold(client: &mut TcpStream) {
    let _ = io::copy(client, &mut io::sink());
}
