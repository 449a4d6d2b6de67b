//! What of an answer is somebody's doing and not the traffic's: no counters, no use counts, no elements
//! that packets add (linux/netfilter/nf_tables.h).

use netlink_packet_core::{NLA_HEADER_SIZE, NlaBuffer, NlasIterator};

/// `NFTA_RULE_EXPRESSIONS`; within it `NFTA_EXPR_NAME`.
const RULE_EXPRESSIONS: u16 = 4;
const EXPR_NAME: u16 = 1;
/// Expressions whose data packets change. What else they say cannot be edited without another handle
/// for the rule.
const STATEFUL: [&[u8]; 4] = [b"counter\0", b"quota\0", b"last\0", b"connlimit\0"];

/// `NFTA_SET_NAME`, `NFTA_SET_FLAGS`, and `NFTA_SET_HANDLE`, behind which come expressions with
/// counters and the number of elements.
const SET_NAME: u16 = 2;
const SET_FLAGS: u16 = 3;
const SET_HANDLE: u16 = 16;
/// `NFT_SET_TIMEOUT | NFT_SET_EVAL`: packets add elements, or time takes them away.
const DYNAMIC: u32 = 0x10 | 0x20;

/// `NFTA_SET_ELEM_LIST_ELEMENTS`; of an element its key, data, flags, timeout, comment, object and the
/// end of its range, not when it expires nor what it has counted.
const ELEMENTS: u16 = 3;
const ELEMENT: [u16; 7] = [1, 2, 3, 4, 6, 9, 10];

/// `NFTA_OBJ_TABLE`, `_NAME`, `_TYPE` and `_HANDLE`: not what it has counted, nor by how many it is used.
const OBJECT: [u16; 4] = [1, 2, 3, 6];

type Attribute<'a> = NlaBuffer<&'a [u8]>;

/// A rule, but for what its expressions have counted. A rule without such expressions stays as it is.
pub(super) fn rule(attributes: &[u8]) -> Vec<u8> {
    replaced(attributes, |attribute| {
        if attribute.kind() != RULE_EXPRESSIONS {
            return raw(attribute).to_vec();
        }
        let expressions = |expression: &Attribute| {
            let name = list(value(expression)).find(|part| part.kind() == EXPR_NAME);
            let stateful = name.filter(|name| STATEFUL.contains(&value(name)));
            match stateful {
                Some(name) => [header(expression), raw(&name)].concat(),
                None => raw(expression).to_vec(),
            }
        };
        [header(attribute), &replaced(value(attribute), expressions)].concat()
    })
}

/// A set without its elements, and its name where its elements are as somebody wrote them.
pub(super) fn set(attributes: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let constant = list(attributes).filter(|attribute| attribute.kind() <= SET_HANDLE);
    let find = |kind| list(attributes).find(|attribute| attribute.kind() == kind);
    let flags = find(SET_FLAGS).and_then(|flags| value(&flags).try_into().ok());
    let fixed = flags.is_none_or(|flags| u32::from_be_bytes(flags) & DYNAMIC == 0);
    let name = find(SET_NAME).filter(|_| fixed).map(|name| value(&name).to_vec());
    (constant.flat_map(|attribute| raw(&attribute).to_vec()).collect(), name)
}

/// The elements of a message, each by itself: the kernel gives them in no order that lasts.
pub(super) fn elements(attributes: &[u8]) -> Vec<Vec<u8>> {
    let lists = list(attributes).filter(|attribute| attribute.kind() == ELEMENTS);
    let elements = lists.flat_map(|elements| list(value(&elements)).collect::<Vec<_>>());
    elements.map(|element| only(value(&element), &ELEMENT)).collect()
}

/// A named counter, quota or limit, by what it is.
pub(super) fn object(attributes: &[u8]) -> Vec<u8> {
    only(attributes, &OBJECT)
}

fn only(attributes: &[u8], kinds: &[u16]) -> Vec<u8> {
    let kept = list(attributes).filter(|attribute| kinds.contains(&attribute.kind()));
    kept.flat_map(|attribute| raw(&attribute).to_vec()).collect()
}

fn replaced(attributes: &[u8], with: impl Fn(&Attribute) -> Vec<u8>) -> Vec<u8> {
    list(attributes).flat_map(|attribute| with(&attribute)).collect()
}

fn list(attributes: &[u8]) -> impl Iterator<Item = Attribute<'_>> {
    NlasIterator::new(attributes).map_while(Result::ok)
}

fn value<'a>(attribute: &Attribute<'a>) -> &'a [u8] {
    let end = usize::from(attribute.length());
    attribute.into_inner().get(NLA_HEADER_SIZE..end).unwrap_or_default()
}

fn header<'a>(attribute: &Attribute<'a>) -> &'a [u8] {
    attribute.into_inner().get(..NLA_HEADER_SIZE).unwrap_or_default()
}

/// An attribute with its header and its padding; the last one may have none.
fn raw<'a>(attribute: &Attribute<'a>) -> &'a [u8] {
    let bytes = attribute.into_inner();
    let end = usize::from(attribute.length()).next_multiple_of(4);
    bytes.get(..end).unwrap_or(bytes)
}
