"""Makes two key pairs and the configuration that OCI's clients read: profiles DEFAULT, FORGED and FOREIGN.

FORGED names the key of DEFAULT but signs with another; FOREIGN is a key of its own, for another contract.

    python oci_keys.py DIRECTORY
"""

import hashlib
import pathlib
import sys

from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa

directory = pathlib.Path(sys.argv[1])
TENANCY = "ocid1.tenancy.oc1..aaaatest"


def pair(name):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = directory / f"{name}.pem"
    private.write_bytes(
        key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    )
    private.chmod(0o600)
    public = key.public_key()
    spki = form.PublicFormat.SubjectPublicKeyInfo
    (directory / f"{name}_public.pem").write_bytes(public.public_bytes(form.Encoding.PEM, spki))
    digest = hashlib.md5(public.public_bytes(form.Encoding.DER, spki)).hexdigest()
    return private, ":".join(digest[at : at + 2] for at in range(0, 32, 2))


def profile(name, user, private, fingerprint):
    return (
        f"[{name}]\ntenancy={TENANCY}\nuser={user}\nfingerprint={fingerprint}\n"
        f"region=us-ashburn-1\nkey_file={private}\n"
    )


ours, fingerprint = pair("ours")
other, other_fingerprint = pair("other")
user, stranger = "ocid1.user.oc1..aaaatest", "ocid1.user.oc1..aaaaother"
config = directory / "config"
config.write_text(
    profile("DEFAULT", user, ours, fingerprint)
    + profile("FORGED", user, other, fingerprint)
    + profile("FOREIGN", stranger, other, other_fingerprint)
)
config.chmod(0o600)
print(f"{TENANCY}/{user}/{fingerprint}")
print(f"{TENANCY}/{stranger}/{other_fingerprint}")
