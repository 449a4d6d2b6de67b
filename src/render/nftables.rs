//! The nftables table `inet tieline` (nft(8)).

/// A ruleset that makes the table what it should be in one transaction, whatever it was before,
/// and names no other table. It is the same on every gateway.
pub(super) const TABLE: &str = "\
# Made by `tieline build`: change mesh.yaml, not this file.

# Declared first, so that deleting it succeeds on a gateway that never had it; nft applies a file
# as one transaction, so that packets meet the old table or the new one.
table inet tieline
delete table inet tieline

table inet tieline {
	chain forward {
		type filter hook forward priority mangle; policy accept;

		# TCP between LANs never needs fragments: the segment size both ends agree on fits the
		# smaller MTU of the way there and the way back. OpenVPN could do this only without
		# kernel offload, and path MTU discovery only where nobody filters ICMP.
		oifname \"tl-*\" tcp flags syn tcp option maxseg size set rt mtu
		iifname \"tl-*\" tcp flags syn tcp option maxseg size set rt mtu
	}
}
";
