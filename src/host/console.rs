//! The person at the terminal.

use std::io::{self, BufRead, IsTerminal, Read};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

/// Somebody who can be asked; what is asked is printed elsewhere.
pub trait Console {
    /// Whether anybody is there: standard input is a terminal.
    fn is_attended(&self) -> bool;

    /// One line, without its end.
    fn line(&self) -> io::Result<String>;

    /// One line that nobody is to see, without its end; `ask` asks for it, when nothing that is
    /// typed shows any more. `Interrupted` where Ctrl-C was typed.
    fn secret(&self, ask: &mut dyn FnMut()) -> io::Result<Zeroizing<String>>;
}

/// Standard input.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealConsole;

/// The longest line that is read, in bytes.
const LONGEST: usize = 4096;

impl Console for RealConsole {
    fn is_attended(&self) -> bool {
        io::stdin().is_terminal()
    }

    fn line(&self) -> io::Result<String> {
        let mut line = String::new();
        io::stdin().lock().take(LONGEST as u64).read_line(&mut line)?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn secret(&self, ask: &mut dyn FnMut()) -> io::Result<Zeroizing<String>> {
        let _silent = Silence::begin()?;
        ask();
        let mut input = io::stdin().lock();
        read_secret(&mut input)
    }
}

/// Reads a line byte by byte, as the terminal does nothing with it.
fn read_secret(input: &mut impl Read) -> io::Result<Zeroizing<String>> {
    // Never grows, so no copy of it is left behind.
    let mut secret = Zeroizing::new(Vec::with_capacity(LONGEST));
    loop {
        let mut byte = [0];
        match input.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        match byte {
            [b'\r' | b'\n'] => break,
            // Ctrl-C, and Ctrl-D before anything else.
            [0x03] => return Err(io::ErrorKind::Interrupted.into()),
            [0x04] if secret.is_empty() => return Err(io::ErrorKind::Interrupted.into()),
            // Backspace takes a whole character back, Ctrl-U everything.
            [0x08 | 0x7f] => while secret.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            [0x15] => secret.clear(),
            [byte] if secret.len() < LONGEST => secret.push(byte),
            _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long")),
        }
    }
    let text = std::str::from_utf8(&secret);
    let text = text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Silence {
    before: Termios,
}

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        // Ctrl-C comes as a byte: a signal would end us with the terminal still silent.
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self { before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // Nothing better can be done where it fails.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> Result<String, io::ErrorKind> {
        read_secret(&mut &*bytes).map(|secret| secret.to_string()).map_err(|error| error.kind())
    }

    #[test]
    fn lines_are_edited() {
        assert_eq!(typed(b"secret\nmore").unwrap(), "secret");
        assert_eq!(typed(b"secret\r").unwrap(), "secret");
        assert_eq!(typed(b"secret").unwrap(), "secret");
        assert_eq!(typed("zü\u{7f}\u{7f}x\n".as_bytes()).unwrap(), "x");
        assert_eq!(typed(b"wrong\x15right\n").unwrap(), "right");
        assert_eq!(typed(b"\x7f\n").unwrap(), "");
        assert_eq!(typed(b"abc\x03"), Err(io::ErrorKind::Interrupted));
        assert_eq!(typed(b"\x04"), Err(io::ErrorKind::Interrupted));
        assert_eq!(typed(&[b'x'; 5000]), Err(io::ErrorKind::InvalidData));
        assert_eq!(typed(b"\xff\n"), Err(io::ErrorKind::InvalidData));
    }
}
