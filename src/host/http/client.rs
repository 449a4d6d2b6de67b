//! The real mirrors.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Instant;

use ureq::http::{Response, header};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body};

use super::error::plain;
use super::{Allowance, HttpError, Mirror, MirrorUrl, Mirrors, OpenMirror, proxy, redirect, roots};

/// The most that the headers of an answer are long, in bytes.
const HEADERS: usize = 16 << 10;

/// Mirrors over the network.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealMirrors;

impl Mirrors for RealMirrors {
    fn open(
        &self,
        mirror: &Mirror,
        allowance: Allowance,
    ) -> Result<Box<dyn OpenMirror>, HttpError> {
        let end = Instant::now() + allowance.deadline;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // We follow them ourselves: `redirect.rs`.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(HEADERS)
            .user_agent(concat!("tieline/", env!("CARGO_PKG_VERSION")))
            .proxy(proxy::for_url(&mirror.url)?);
        if mirror.url.is_https() {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let tls = TlsConfig::builder()
                .unversioned_rustls_crypto_provider(provider)
                .root_certs(roots::load(mirror.ca.as_deref())?);
            config = config.tls_config(tls.build());
        }
        let agent = config.build().new_agent();
        Ok(Box::new(Client { agent, url: mirror.url.clone(), allowance, end, received: 0 }))
    }
}

/// One mirror, whose connection is kept for the next file.
struct Client {
    agent: Agent,
    url: MirrorUrl,
    allowance: Allowance,
    end: Instant,
    received: u64,
}

impl OpenMirror for Client {
    fn get(&mut self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, HttpError> {
        let mut url = self.url.file(path);
        for _ in 0..=redirect::MOST {
            let response = self.ask(&url)?;
            match response.status().as_u16() {
                200 => return self.take(&url, response, limit).map(Some),
                404 | 410 => return Ok(None),
                301 | 302 | 303 | 307 | 308 => url = follow(url, &response)?,
                status => return Err(HttpError::Status { url, status }),
            }
        }
        Err(HttpError::Redirects { url: self.url.file(path), most: redirect::MOST })
    }
}

impl Client {
    /// The answer to one request. The time that is left covers the body as well.
    fn ask(&self, url: &str) -> Result<Response<Body>, HttpError> {
        let deadline = self.allowance.deadline;
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(HttpError::Deadline { url: url.to_owned(), deadline });
        }
        let request = self.agent.get(url).config().timeout_global(Some(left)).build();
        request.call().map_err(|error| HttpError::of(url, &error, deadline))
    }

    /// The whole body, if it keeps within its limit and that of all files together.
    fn take(
        &mut self,
        url: &str,
        response: Response<Body>,
        limit: u64,
    ) -> Result<Vec<u8>, HttpError> {
        if let Some(encoding) = response.headers().get(header::CONTENT_ENCODING)
            && encoding.as_bytes() != b"identity"
        {
            let encoding = plain(&String::from_utf8_lossy(encoding.as_bytes()));
            return Err(HttpError::Packed { url: url.to_owned(), encoding });
        }
        let left = self.allowance.bytes.saturating_sub(self.received);
        let most = limit.min(left);
        let mut body = Vec::new();
        // One more, to see that there are more.
        let mut reader = response.into_body().into_reader().take(most.saturating_add(1));
        reader
            .read_to_end(&mut body)
            .map_err(|error| HttpError::of_io(url, &error, self.allowance.deadline))?;
        let length = body.len() as u64;
        self.received = self.received.saturating_add(length);
        let url = url.to_owned();
        if length > limit {
            return Err(HttpError::TooLarge { url, limit });
        }
        if length > left {
            return Err(HttpError::TooMuch { url, limit: self.allowance.bytes });
        }
        Ok(body)
    }
}

/// Where the server leads.
fn follow(url: String, response: &Response<Body>) -> Result<String, HttpError> {
    let location = response.headers().get(header::LOCATION);
    let location = String::from_utf8_lossy(location.map_or(&[], |value| value.as_bytes()));
    redirect::target(&url, &location)
        .ok_or_else(|| HttpError::Elsewhere { url, to: plain(&location) })
}
