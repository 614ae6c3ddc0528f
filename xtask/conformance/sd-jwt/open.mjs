// Opens an event as the payload of an SD-JWT, with the package `@sd-jwt/core`; prints what it opens to.
//
// Its first argument is the folder of `node_modules`, its second a file: {"event": "<the event>", "disclosures": ["...", ...]}.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, path] = process.argv.slice(2);
const { SDJwt } = createRequire(join(modules, "package.json"))("@sd-jwt/core");
const given = JSON.parse(readFileSync(path, "utf8"));
const part = (text) => Buffer.from(text, "utf8").toString("base64url");
// The signature is not looked at here: an event's is the log's.
const jwt = [part('{"alg":"ES256","typ":"sd+jwt"}'), part(given.event), part("none")].join(".");
const hasher = (text, alg) => createHash(alg.replace("-", "")).update(text).digest();
const sdJwt = await SDJwt.fromEncode([jwt, ...given.disclosures, ""].join("~"), hasher);
console.log(JSON.stringify(await sdJwt.getClaims(hasher)));
