"""Keys of others, and the JSON Web Tokens that they sign; by the openssl program."""
import base64
import json
import subprocess
import time
import uuid


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """One key: `algorithm` is RS256, RS384 or ES384."""

    def __init__(self, folder, kid, algorithm="RS384"):
        self.kid, self.algorithm = kid, algorithm
        self.key = folder / f"{kid}.pem"
        kind = (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"] if algorithm == "ES384"
                else ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
        subprocess.run(["openssl", "genpkey", *kind, "-out", self.key], check=True, capture_output=True)

    def jwk(self):
        if self.algorithm == "ES384":
            der = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER"],
                                 check=True, capture_output=True).stdout
            return {"kty": "EC", "crv": "P-384", "kid": self.kid, "x": b64(der[-96:-48]),
                    "y": b64(der[-48:])}
        text = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True,
                              capture_output=True, text=True).stdout
        return {"kty": "RSA", "kid": self.kid, "e": "AQAB",
                "n": b64(bytes.fromhex(text.strip().split("=")[1]))}

    def sign(self, claims, **header):
        head = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT", **header}
        text = b64(json.dumps(head).encode()) + "." + b64(json.dumps(claims).encode())
        made = subprocess.run(["openssl", "dgst", "-sha" + self.algorithm[2:], "-sign", self.key],
                              input=text.encode(), check=True, capture_output=True).stdout
        return text + "." + b64(raw(made) if self.algorithm == "ES384" else made)

    def claims(self, issuer, audience, **more):
        now = int(time.time())
        return {"iss": issuer, "sub": issuer, "aud": audience, "iat": now, "exp": now + 240,
                "jti": str(uuid.uuid4()), **more}


def raw(der):
    """r and s of 48 bytes each, out of a DER sequence of two integers."""
    at, parts = 2, []
    for _ in range(2):
        length = der[at + 1]
        parts.append(der[at + 2:at + 2 + length].lstrip(b"\0").rjust(48, b"\0"))
        at += 2 + length
    return b"".join(parts)


def jwks(*signers):
    return json.dumps({"keys": [s.jwk() for s in signers]})
