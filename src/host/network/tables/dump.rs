//! Questions to the kernel's nftables over netlink(7), and its answers as they come.

use std::io;

use netlink_packet_core::{NlaBuffer, NlasIterator};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};

/// The table's name as an attribute carries it.
pub(super) const NAME: &[u8] = b"tieline\0";

/// `NFNL_SUBSYS_NFTABLES`, the upper byte of every message's type.
const NFTABLES: u16 = 10 << 8;
/// `NFTA_TABLE_NAME`, `NFTA_CHAIN_TABLE` and the like: the table a message is about.
const TABLE: u16 = 1;
/// `NFTA_SET_ELEM_LIST_SET`: the set whose elements a message has.
const SET: u16 = 2;
/// `NFPROTO_INET`.
const INET: u8 = 1;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
/// `NLM_F_DUMP_INTR`: the ruleset changed while the answer was made.
const INTERRUPTED: u16 = 0x10;
/// `NLMSG_ERROR` and `NLMSG_DONE`.
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// The length of `struct nlmsghdr`, and of it with a `struct nfgenmsg` behind.
const HEADER: usize = 16;
const HEADERS: usize = 20;

/// What can be asked for, by its `NFT_MSG_GET…`; what answers is numbered one less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Table = 1,
    Chain = 4,
    Rule = 7,
    Set = 10,
    Element = 13,
    Object = 19,
}

/// What the kernel tells of one kind about our table, or of the elements of one of its sets: the
/// attributes of every message, without the headers, which count requests and everybody's changes.
/// `None` where the ruleset changed meanwhile.
pub(super) fn dump(kind: Kind, set: Option<&[u8]>) -> io::Result<Option<Vec<Vec<u8>>>> {
    let kind = NFTABLES | kind as u16;
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.send(&request(kind, set), 0)?;
    let mut found = Vec::new();
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        while let Some((answer, message, behind)) = split(rest) {
            if flags(message) & INTERRUPTED != 0 {
                return Ok(None);
            }
            match answer {
                DONE => return Ok(Some(found)),
                ERROR => return Err(io::Error::other("the kernel has no nftables")),
                answer if answer + 1 == kind && is_ours(message) => {
                    found.push(message.get(HEADERS..).unwrap_or_default().to_vec());
                }
                _ => {}
            }
            rest = behind;
        }
    }
}

/// Asks for all of one kind in our table; where the kernel takes no notice of the table's name, it
/// answers with more.
fn request(kind: u16, set: Option<&[u8]>) -> Vec<u8> {
    let mut body = attribute(TABLE, NAME);
    body.extend(set.map(|name| attribute(SET, name)).unwrap_or_default());
    let length = u32::try_from(HEADERS + body.len()).unwrap_or_default();
    let mut request = length.to_ne_bytes().to_vec();
    request.extend(kind.to_ne_bytes());
    request.extend(DUMP.to_ne_bytes());
    request.extend([0; 8]);
    request.extend([INET, 0, 0, 0]);
    request.extend(body);
    request
}

/// An attribute with its padding (netlink(7)).
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or_default();
    let mut attribute = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    attribute.extend(value);
    attribute.resize(attribute.len().next_multiple_of(4), 0);
    attribute
}

fn flags(message: &[u8]) -> u16 {
    message.get(6..8).and_then(|flags| flags.try_into().ok()).map_or(0, u16::from_ne_bytes)
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
        .any(|attribute: NlaBuffer<_>| attribute.kind() == TABLE && attribute.value() == NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message about the table with this name, as the kernel writes it.
    fn table(name: &[u8]) -> Vec<u8> {
        let attribute = u16::try_from(4 + name.len()).unwrap();
        let length = u32::from(attribute) + 20;
        let mut message = length.to_ne_bytes().to_vec();
        message.extend(NFTABLES.to_ne_bytes());
        message.extend([0; 10]);
        message.extend([INET, 0, 0, 0]);
        message.extend(attribute.to_ne_bytes());
        message.extend(TABLE.to_ne_bytes());
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
            assert_eq!((kind, behind), (NFTABLES, &[][..]));
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
}
