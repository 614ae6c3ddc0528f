"""Opens an event as the payload of an SD-JWT, with the package `sd-jwt`; prints what it opens to.

Its one argument is a file: {"event": "<the event>", "disclosures": ["...", ...]}.
"""

import json
import sys

from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS
from sd_jwt.verifier import SDJWTVerifier

with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)
# An SD-JWT is signed; an event's signature is the log's, so any key does.
key = JWK.generate(kty="EC", crv="P-256")
jws = JWS(given["event"].encode("utf-8"))
jws.add_signature(key, alg="ES256", protected=json.dumps({"alg": "ES256", "typ": "sd+jwt"}))
presentation = "~".join([jws.serialize(compact=True), *given["disclosures"], ""])
opened = SDJWTVerifier(presentation, lambda issuer, header: key).get_verified_payload()
print(json.dumps(opened))
