//! Echo messages of ICMP (RFC 792) and ICMPv6 (RFC 4443, section 4), as bytes.

/// Bytes of an echo message before its data.
const HEADER: usize = 8;

/// Bytes of random data. Whoever has not seen the request cannot guess them.
pub(super) const TOKEN: usize = 16;

/// Which of the two protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// One question: who asks, and what only the one asked can repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) family: Family,
    pub(super) identifier: u16,
    pub(super) token: [u8; TOKEN],
}

impl Question {
    /// The echo request with this sequence number.
    pub(super) fn request(&self, sequence: u16) -> Vec<u8> {
        let kind = match self.family {
            Family::V4 => 8,
            Family::V6 => 128,
        };
        let mut message = vec![kind, 0, 0, 0];
        message.extend(self.identifier.to_be_bytes());
        message.extend(sequence.to_be_bytes());
        message.extend(self.token);
        // The checksum of ICMPv6 covers the addresses, too, and is made by the kernel (RFC 3542,
        // section 3.1).
        if self.family == Family::V4 {
            let sum = checksum(&message).to_be_bytes();
            message.splice(2..4, sum);
        }
        message
    }

    /// The sequence number of the request that `packet` answers, as a raw socket hands it out:
    /// with the header of IPv4 (raw(7)), without that of IPv6.
    pub(super) fn answered_by(&self, packet: &[u8]) -> Option<u16> {
        let (message, kind) = match self.family {
            Family::V4 => (after_header(packet)?, 0),
            Family::V6 => (packet, 129),
        };
        let (header, data) = message.split_first_chunk::<HEADER>()?;
        let [found, code, _, _, id_high, id_low, high, low] = *header;
        let ours = u16::from_be_bytes([id_high, id_low]) == self.identifier && data == self.token;
        ((found, code) == (kind, 0) && ours).then_some(u16::from_be_bytes([high, low]))
    }
}

/// What follows the header of an IPv4 packet, whose length is in its first byte (RFC 791).
fn after_header(packet: &[u8]) -> Option<&[u8]> {
    let length = usize::from(packet.first()? & 0x0f) * 4;
    packet.get(length..)
}

/// The Internet checksum (RFC 1071) of an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.as_chunks::<2>().0.iter().map(|word| u32::from(u16::from_be_bytes(*word)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(family: Family) -> Question {
        Question { family, identifier: 0x1234, token: *b"0123456789abcdef" }
    }

    /// The answer to a request, as the kernel at the far end makes it.
    fn answer(family: Family, sequence: u16) -> Vec<u8> {
        let mut message = question(family).request(sequence);
        message[0] = if family == Family::V4 { 0 } else { 129 };
        if family == Family::V4 {
            let header = [&[0x45][..], &[0; 19]].concat();
            message = [header, message].concat();
        }
        message
    }

    #[test]
    fn the_checksum_is_that_of_the_rfc() {
        // RFC 1071, section 3: the sum is ddf2, the checksum its complement.
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        // A message with its checksum in place sums up to nothing.
        assert_eq!(checksum(&question(Family::V4).request(7)), 0);
    }

    #[test]
    fn only_the_answer_to_this_question_is_one() {
        for family in [Family::V4, Family::V6] {
            let question = question(family);
            assert_eq!(question.answered_by(&answer(family, 513)), Some(513));
            // Any bit changed, but for the sequence number, the checksum that the kernel has looked
            // at and the header that it has read.
            let good = answer(family, 513);
            let message = good.len() - HEADER - TOKEN;
            for byte in message..good.len() {
                if matches!(byte - message, 2 | 3 | 6 | 7) {
                    continue;
                }
                for bit in 0..8 {
                    let mut bad = good.clone();
                    bad[byte] ^= 1 << bit;
                    assert_eq!(
                        question.answered_by(&bad),
                        None,
                        "{family:?} byte {byte} bit {bit}"
                    );
                }
            }
            for length in 0..good.len() {
                assert_eq!(question.answered_by(&good[..length]), None);
            }
            assert_eq!(question.answered_by(&[good.clone(), vec![0]].concat()), None);
            // The request itself, which a host that asks itself hears as well.
            assert_eq!(question.answered_by(&question.request(513)), None);
        }
    }
}
