//! Tunnel devices.

use std::fmt;
use std::str::FromStr;

use super::{GatewayNumber, serde_as_text};

/// The network device of one tunnel: `tl-` and the number of the uplink at the far end, and before
/// that, unless this end has the first uplink of its gateway, the number of its own. A gateway that
/// reads a bundle can name no other device of its host.
///
/// A name has at most 14 bytes; Linux allows 15.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device {
    /// The number of this end, if it is not the first of its gateway.
    own: Option<GatewayNumber>,
    /// The number of the far end.
    peer: GatewayNumber,
}

/// A text that is not a tunnel device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tunnel device is tl- and the number of an uplink, such as tl-3, or two, such as tl-8-3")]
pub struct DeviceError;

impl Device {
    /// What every tunnel device begins with.
    pub const PREFIX: &'static str = "tl-";

    /// The device of the tunnel from a gateway's first uplink to the uplink with this number.
    #[must_use]
    pub fn to_peer(peer: GatewayNumber) -> Self {
        Self { own: None, peer }
    }

    /// The device of the tunnel from a gateway's further uplink `own` to the uplink `peer`.
    #[must_use]
    pub fn between(own: GatewayNumber, peer: GatewayNumber) -> Self {
        Self { own: Some(own), peer }
    }

    /// The number of the uplink at the far end.
    #[must_use]
    pub fn peer(self) -> GatewayNumber {
        self.peer
    }
}

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let numbers = text.strip_prefix(Self::PREFIX).ok_or(DeviceError)?;
        let number = |text: &str| text.parse().map_err(|_| DeviceError);
        match numbers.split_once('-') {
            Some((own, peer)) => Ok(Self::between(number(own)?, number(peer)?)),
            None => Ok(Self::to_peer(number(numbers)?)),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.own {
            Some(own) => f.pad(&format!("{}{own}-{}", Self::PREFIX, self.peer)),
            None => f.pad(&format!("{}{}", Self::PREFIX, self.peer)),
        }
    }
}

serde_as_text!(Device);

impl schemars::JsonSchema for Device {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Device".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "the tunnel device to the uplink with this number, or from one to another",
            "pattern": "^tl-[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_only_tunnel_devices() {
        for good in ["tl-3", "tl-8-3", "tl-65535-65535"] {
            assert_eq!(good.parse::<Device>().unwrap().to_string(), good);
        }
        for bad in [
            "eth0", "tl-", "tl-0", "tl-03", "tl-x", "tl-65536", "TL-3", "tl-3/..", "tl-3-",
            "tl--3", "tl-3-0", "tl-1-2-3", "tl-8-03",
        ] {
            assert_eq!(bad.parse::<Device>(), Err(DeviceError), "{bad:?}");
        }
    }
}
