//! Whether our nftables table is there, asked over netlink (linux/netfilter/nf_tables.h): firewall
//! scripts like to flush everything, and asking must spawn no `nft`.

use std::io;

use netlink_packet_core::{NlaBuffer, NlasIterator};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};

/// The table's name as an attribute carries it.
const NAME: &[u8] = b"tieline\0";

/// `NFNL_SUBSYS_NFTABLES` in the upper byte, `NFT_MSG_NEWTABLE` or `NFT_MSG_GETTABLE` in the lower.
const NEW_TABLE: u16 = 10 << 8;
const GET_TABLE: u16 = 10 << 8 | 1;
/// `NFTA_TABLE_NAME`.
const TABLE_NAME: u16 = 1;
/// `NFPROTO_INET`.
const INET: u8 = 1;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
/// `NLMSG_ERROR` and `NLMSG_DONE`.
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// The length of `struct nlmsghdr`, and of it with a `struct nfgenmsg` behind.
const HEADER: usize = 16;
const HEADERS: usize = 20;

/// Whether the table `inet tieline` is there. Where the kernel does not answer it counts as
/// absent: loading it then shows what is wrong, in nft's words.
pub(super) fn present() -> bool {
    ask().unwrap_or(false)
}

fn ask() -> io::Result<bool> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.send(&request(), 0)?;
    let mut found = false;
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        while let Some((kind, message, behind)) = split(rest) {
            match kind {
                DONE | ERROR => return Ok(found),
                NEW_TABLE => found |= is_ours(message),
                _ => {}
            }
            rest = behind;
        }
    }
}

fn request() -> [u8; HEADERS] {
    let mut request = [0; HEADERS];
    let fields = [
        (0, &20_u32.to_ne_bytes()[..]),
        (4, &GET_TABLE.to_ne_bytes()),
        (6, &DUMP.to_ne_bytes()),
        (HEADER, &[INET]),
    ];
    for (start, field) in fields {
        for (place, byte) in request.iter_mut().skip(start).zip(field) {
            *place = *byte;
        }
    }
    request
}

/// The type of the first message, the message, and what follows it.
fn split(datagram: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (length, rest) = datagram.split_first_chunk::<4>()?;
    let kind = u16::from_ne_bytes(*rest.first_chunk()?);
    let length = usize::try_from(u32::from_ne_bytes(*length)).ok().filter(|&l| l >= HEADER)?;
    let message = datagram.get(..length)?;
    let behind = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, message, behind))
}

fn is_ours(message: &[u8]) -> bool {
    let Some(attributes) = message.get(HEADERS..) else { return false };
    NlasIterator::new(attributes)
        .map_while(Result::ok)
        .any(|attribute: NlaBuffer<_>| attribute.kind() == TABLE_NAME && attribute.value() == NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message about the table with this name, as the kernel writes it.
    fn table(name: &[u8]) -> Vec<u8> {
        let attribute = u16::try_from(4 + name.len()).unwrap();
        let length = u32::from(attribute) + 20;
        let mut message = length.to_ne_bytes().to_vec();
        message.extend(NEW_TABLE.to_ne_bytes());
        message.extend([0; 10]);
        message.extend([INET, 0, 0, 0]);
        message.extend(attribute.to_ne_bytes());
        message.extend(TABLE_NAME.to_ne_bytes());
        message.extend(name);
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }

    #[test]
    fn knows_its_own_name_only() {
        for (name, ours) in
            [(&b"tieline\0"[..], true), (b"tieline2\0", false), (b"tie\0", false), (b"", false)]
        {
            let (kind, message, behind) = {
                let bytes = table(name).leak();
                split(bytes).unwrap()
            };
            assert_eq!((kind, behind), (NEW_TABLE, &[][..]));
            assert_eq!(is_ours(message), ours, "{name:?}");
        }
    }

    #[test]
    fn garbage_is_no_table() {
        assert_eq!(split(&[]), None);
        assert_eq!(split(&[1, 0, 0, 0, 0, 0]), None);
        assert_eq!(split(&[255; 16]), None);
        assert!(!is_ours(&[0; 18]));
        assert!(!is_ours(&[255; 40]));
    }

    /// Whatever this machine has, asking comes to an end.
    #[test]
    fn asking_ends() {
        present();
    }
}
