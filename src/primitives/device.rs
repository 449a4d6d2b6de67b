//! Tunnel devices.

use std::fmt;
use std::str::FromStr;

use super::{GatewayNumber, serde_as_text};

/// The network device of one tunnel: `tl-` and the peer's number. A gateway that reads a bundle
/// can name no other device of its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device(GatewayNumber);

/// A text that is not a tunnel device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tunnel device is tl- and the number of a gateway, such as tl-3")]
pub struct DeviceError;

impl Device {
    /// What every tunnel device begins with.
    pub const PREFIX: &'static str = "tl-";

    /// The device of the tunnel to the gateway with this number.
    #[must_use]
    pub fn to_peer(number: GatewayNumber) -> Self {
        Self(number)
    }

    /// The number of the gateway at the far end.
    #[must_use]
    pub fn peer(self) -> GatewayNumber {
        self.0
    }
}

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let number = text.strip_prefix(Self::PREFIX).ok_or(DeviceError)?;
        number.parse().map(Self).map_err(|_| DeviceError)
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}{}", Self::PREFIX, self.0))
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
            "description": "the tunnel device to the peer with this number",
            "pattern": "^tl-[1-9][0-9]{0,4}$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_only_tunnel_devices() {
        assert_eq!("tl-3".parse::<Device>().unwrap().to_string(), "tl-3");
        for bad in ["eth0", "tl-", "tl-0", "tl-03", "tl-x", "tl-65536", "TL-3", "tl-3/.."] {
            assert_eq!(bad.parse::<Device>(), Err(DeviceError), "{bad:?}");
        }
    }
}
