"""python-tuf as the other side of a test.

usage: python_tuf.py download REPOSITORY TARGET DIRECTORY
           verify REPOSITORY from its first root on and write TARGET into DIRECTORY
       python_tuf.py write DIRECTORY TARGET FILE CUSTOM HOW
           write a repository with FILE as TARGET, described by CUSTOM (JSON), in two roots; HOW says
           who speaks of the target: targets, or delegated roles by paths, prefixes or bins
"""

import datetime
import hashlib
import json
import pathlib
import sys
import tempfile
import urllib.parse

from securesystemslib.signer import CryptoSigner
from tuf.api import exceptions
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    SuccinctRoles,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface


class Files(FetcherInterface):
    """Reads a directory as if it were a server."""

    def _fetch(self, url):
        try:
            return iter([pathlib.Path(url).read_bytes()])
        except FileNotFoundError:
            raise exceptions.DownloadHTTPError(f"{url} is not there", 404)


def download(repository, target, directory):
    root = pathlib.Path(repository, "metadata/1.root.json").read_bytes()
    with tempfile.TemporaryDirectory() as state:
        updater = Updater(
            metadata_dir=state,
            metadata_base_url=f"{repository}/metadata/",
            target_base_url=f"{repository}/targets/",
            target_dir=directory,
            fetcher=Files(),
            bootstrap=root,
        )
        updater.refresh()
        info = updater.get_targetinfo(target)
        if info is None:
            sys.exit(f"no target {target}")
        updater.download_target(info)
        print(json.dumps(info.custom))


def write(directory, target, file, custom, how):
    content = pathlib.Path(file).read_bytes()
    out = pathlib.Path(directory)
    (out / "metadata").mkdir(parents=True)
    (out / "targets").mkdir()
    expires = datetime.datetime(2031, 1, 1, tzinfo=datetime.timezone.utc)
    new = {"ed25519": CryptoSigner.generate_ed25519, "ecdsa": CryptoSigner.generate_ecdsa}
    kinds = {"root": "ed25519", "timestamp": "ed25519", "snapshot": "ecdsa", "targets": "ecdsa"}
    signers = {role: new[kind]() for role, kind in kinds.items()}

    root = Root(expires=expires, consistent_snapshot=True)
    for role, signer in signers.items():
        root.add_key(signer.public_key, role)
    save(out, "1.root.json", root, [signers["root"]])

    # A second root: root and timestamp change hands, and the kind of key.
    old = signers["root"]
    for role in ("root", "timestamp"):
        root.revoke_key(signers[role].public_key.keyid, role)
        signers[role] = CryptoSigner.generate_ecdsa()
        root.add_key(signers[role].public_key, role)
    root.version = 2
    save(out, "2.root.json", root, [old, signers["root"]])

    info = TargetFile.from_data(target, content, ["sha256", "sha512"])
    info.unrecognized_fields["custom"] = json.loads(custom)
    targets = Targets(expires=expires, version=3)
    meta = delegate(out, targets, info, how, expires)
    bytes_ = save(out, "3.targets.json", targets, [signers["targets"]])
    meta["targets.json"] = describe(3, bytes_)
    snapshot = Snapshot(expires=expires, version=4, meta=meta)
    bytes_ = save(out, "4.snapshot.json", snapshot, [signers["snapshot"]])
    timestamp = Timestamp(expires=expires, version=5, snapshot_meta=describe(4, bytes_))
    save(out, "timestamp.json", timestamp, [signers["timestamp"]])
    (out / "targets" / f"{info.hashes['sha256']}.{target}").write_bytes(content)


def delegate(out, targets, info, how, expires):
    """Makes the target known to whoever speaks of it; what the snapshot says of delegated roles."""
    if how == "targets":
        targets.targets[info.path] = info
        return {}
    signer = CryptoSigner.generate_ecdsa()
    if how == "bins":
        bins = SuccinctRoles([], 1, 3, "bin")
        targets.delegations = Delegations({}, succinct_roles=bins)
        targets.add_key(signer.public_key)
        names = list(bins.get_roles())
        speaker = bins.get_role_for_target(info.path)
    else:
        # Through another role, of which the target is not one: others are asked in between.
        prefix = hashlib.sha256(info.path.encode()).hexdigest()[:3]
        scopes = {
            "paths": {"paths": [f"{info.path[0]}*[!a].tar.g?"]},
            "prefixes": {"path_hash_prefixes": ["000", prefix]},
        }
        other = DelegatedRole("nobody here", [], 1, True, paths=["*.zip"])
        middle = DelegatedRole("team/west", [], 1, False, paths=["*"])
        targets.delegations = Delegations({}, roles={role.name: role for role in (other, middle)})
        targets.add_key(signer.public_key, "nobody here")
        targets.add_key(signer.public_key, "team/west")
        speaker = "é?#.."
        names = ["nobody here", "team/west", speaker]
    meta = {}
    for name in names:
        said = Targets(expires=expires, version=7)
        if name == "team/west":
            last = DelegatedRole(speaker, [], 1, True, **scopes[how])
            said.delegations = Delegations({}, roles={speaker: last})
            below = CryptoSigner.generate_ed25519()
            said.add_key(below.public_key, speaker)
        if name == speaker:
            said.targets[info.path] = info
        by = below if name == speaker and how != "bins" else signer
        bytes_ = save(out, f"7.{urllib.parse.quote(name, '')}.json", said, [by])
        meta[f"{name}.json"] = describe(7, bytes_)
    return meta


def describe(version, content):
    return MetaFile.from_data(version, content, ["sha256", "sha512"])


def save(out, name, signed, signers):
    metadata = Metadata(signed)
    for signer in signers:
        metadata.sign(signer, append=True)
    content = metadata.to_bytes()
    (out / "metadata" / name).write_bytes(content)
    return content


{"download": download, "write": write}[sys.argv[1]](*sys.argv[2:])
