//! Our nftables table, asked for over netlink (linux/netfilter/nf_tables.h): firewall scripts like
//! to flush everything, people add a rule by hand, and asking must spawn no `nft`.

use std::io;

use netlink_packet_core::{NlaBuffer, NlasIterator};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};

use crate::primitives::Digest;

/// The table's name as an attribute carries it.
const NAME: &[u8] = b"tieline\0";

/// `NFNL_SUBSYS_NFTABLES`, the upper byte of every message's type.
const NFTABLES: u16 = 10 << 8;
/// `NFT_MSG_GETTABLE`, `NFT_MSG_GETCHAIN` and `NFT_MSG_GETRULE`; what answers is numbered one less.
const KINDS: [u16; 3] = [NFTABLES | 1, NFTABLES | 4, NFTABLES | 7];
/// `NFTA_TABLE_NAME`, `NFTA_CHAIN_TABLE` and `NFTA_RULE_TABLE`: the table a message is about.
const TABLE: u16 = 1;
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
/// How often it is asked again when the ruleset changes all the time.
const ATTEMPTS: usize = 5;

/// What the table `inet tieline` is: a digest of all that the kernel tells about it, its chains
/// and its rules, their handles included, so that a table that was taken apart and put together
/// again is another one. `None` where there is no such table, or the kernel does not answer:
/// loading it then shows what is wrong, in nft's words.
pub(super) fn table() -> Option<Digest> {
    let reads = (0..ATTEMPTS).find_map(|_| read_table().transpose());
    let content = reads.and_then(Result::ok).filter(|content| !content.is_empty());
    content.map(|content| Digest::of(&content))
}

/// One reading: all that there is of the table, nothing where there is none; `None` where the ruleset
/// changed meanwhile.
fn read_table() -> io::Result<Option<Vec<u8>>> {
    let mut all = Vec::new();
    for kind in KINDS {
        let Some(found) = dump(kind)? else { return Ok(None) };
        // Without the table there are neither chains nor rules.
        if found.is_empty() && all.is_empty() {
            break;
        }
        all.extend(u64::try_from(found.len()).unwrap_or(u64::MAX).to_be_bytes());
        all.extend(found);
    }
    Ok(Some(all))
}

/// What the kernel tells of one kind about our table, without the headers, which count requests
/// and everybody's changes; `None` where the ruleset changed meanwhile.
fn dump(kind: u16) -> io::Result<Option<Vec<u8>>> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.send(&request(kind), 0)?;
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
                    found.extend(message.get(HEADERS..).unwrap_or_default());
                }
                _ => {}
            }
            rest = behind;
        }
    }
}

/// Asks for all of one kind in our table; where the kernel takes no notice of the table's name, it
/// answers with more.
fn request(kind: u16) -> Vec<u8> {
    let attribute = u16::try_from(4 + NAME.len()).unwrap_or_default();
    let length = u32::from(attribute) + 20;
    let mut request = length.to_ne_bytes().to_vec();
    request.extend(kind.to_ne_bytes());
    request.extend(DUMP.to_ne_bytes());
    request.extend([0; 8]);
    request.extend([INET, 0, 0, 0]);
    request.extend(attribute.to_ne_bytes());
    request.extend(TABLE.to_ne_bytes());
    request.extend(NAME);
    request
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

    /// Whatever this machine has, asking comes to an end.
    #[test]
    fn asking_ends() {
        assert_eq!(super::table(), super::table());
    }
}
