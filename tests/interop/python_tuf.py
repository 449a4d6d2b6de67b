"""python-tuf as the other side of a test.

usage: python_tuf.py download REPOSITORY TARGET DIRECTORY
           verify REPOSITORY from its first root on and write TARGET into DIRECTORY
       python_tuf.py write DIRECTORY TARGET FILE CUSTOM
           write a repository with FILE as TARGET, described by CUSTOM (JSON), in two roots
"""

import datetime
import json
import pathlib
import sys
import tempfile

from securesystemslib.signer import CryptoSigner
from tuf.api import exceptions
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
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


def write(directory, target, file, custom):
    content = pathlib.Path(file).read_bytes()
    out = pathlib.Path(directory)
    (out / "metadata").mkdir(parents=True)
    (out / "targets").mkdir()
    expires = datetime.datetime(2031, 1, 1, tzinfo=datetime.timezone.utc)
    signers = {role: CryptoSigner.generate_ed25519() for role in ("root", "timestamp", "snapshot", "targets")}

    root = Root(expires=expires, consistent_snapshot=True)
    for role, signer in signers.items():
        root.add_key(signer.public_key, role)
    save(out, "1.root.json", root, [signers["root"]])

    # A second root: root and timestamp change hands.
    old = signers["root"]
    for role in ("root", "timestamp"):
        root.revoke_key(signers[role].public_key.keyid, role)
        signers[role] = CryptoSigner.generate_ed25519()
        root.add_key(signers[role].public_key, role)
    root.version = 2
    save(out, "2.root.json", root, [old, signers["root"]])

    info = TargetFile.from_data(target, content, ["sha256", "sha512"])
    info.unrecognized_fields["custom"] = json.loads(custom)
    targets = Targets(expires=expires, version=3, targets={target: info})
    bytes_ = save(out, "3.targets.json", targets, [signers["targets"]])
    snapshot = Snapshot(expires=expires, version=4, meta={"targets.json": describe(3, bytes_)})
    bytes_ = save(out, "4.snapshot.json", snapshot, [signers["snapshot"]])
    timestamp = Timestamp(expires=expires, version=5, snapshot_meta=describe(4, bytes_))
    save(out, "timestamp.json", timestamp, [signers["timestamp"]])
    (out / "targets" / f"{info.hashes['sha256']}.{target}").write_bytes(content)


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
