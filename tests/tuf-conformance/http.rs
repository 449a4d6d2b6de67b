//! As much of HTTP/1.1 (RFC 9112) as it takes to fetch a file.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// At most `limit` bytes of what is at `url`; `None` where there is nothing.
pub(crate) fn get(url: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let rest = url.strip_prefix("http://").ok_or_else(|| wrong("not an http:// address"))?;
    let (host, path) = rest.split_once('/').ok_or_else(|| wrong("no path"))?;
    let mut server = TcpStream::connect(host)?;
    server.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(server, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut reply = BufReader::new(server);
    let mut line = String::new();
    reply.by_ref().take(1024).read_line(&mut line)?;
    let status = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = None;
    loop {
        line.clear();
        reply.by_ref().take(8192).read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse::<u64>().ok();
        }
    }
    match status.as_str() {
        "200" => {}
        "404" | "403" => return Ok(None),
        _ => return Err(wrong(&format!("status {status:?}"))),
    }
    let mut body = Vec::new();
    reply.take(limit.min(length.unwrap_or(u64::MAX))).read_to_end(&mut body)?;
    if length.is_some_and(|length| (body.len() as u64) < length.min(limit)) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(body))
}
