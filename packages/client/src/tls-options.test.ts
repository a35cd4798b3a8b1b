import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ConsulClient } from "./client.ts";
import type { ClientOptions } from "./options.ts";
import { tlsOptions } from "./tls-options.ts";

const directory = mkdtempSync(join(tmpdir(), "tribune-tls-"));
after(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string): string {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
}

// Made for this test, and used for nothing else: a P-256 key with its certificate, and a key of somebody else.
const CERT = `-----BEGIN CERTIFICATE-----
MIIBhTCCASugAwIBAgIUIWbDiX8gZOwgYklB+r7mK6fcpFowCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMdHJpYnVuZS10ZXN0MCAXDTAxMDEwMTAwMDAwMFoYDzIxMTAw
NzA5MDAwMDAwWjAXMRUwEwYDVQQDDAx0cmlidW5lLXRlc3QwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAASGWyOLHwXwQxRvgP165E4KWn3HOXVO0hLmrW2X3M13aBvM
da6yyqRZOW2P1OLuiu5Zbu9NEOobWWtU9Pzsm2OYo1MwUTAdBgNVHQ4EFgQUPcSG
BhspqvlrCfCsr92ynM8OaoUwHwYDVR0jBBgwFoAUPcSGBhspqvlrCfCsr92ynM8O
aoUwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiB3DCfUb3wvM9Ae
znlLtp7c1Wbd8PbIjNxA2A+dVoA/wwIhAOi0ICZGw73ixXzcg89nbnQS9Qb0CkzK
kqytG4XxuIa1
-----END CERTIFICATE-----
`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLphYVeYaKa5/Jazj
rAZyBbmkgsTDI2Sf4FbfVr83FOChRANCAASGWyOLHwXwQxRvgP165E4KWn3HOXVO
0hLmrW2X3M13aBvMda6yyqRZOW2P1OLuiu5Zbu9NEOobWWtU9Pzsm2OY
-----END PRIVATE KEY-----
`;
const OTHER_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgiipi2wAUOj1XURoz
CndhVVXfyDTqrqBJ4NCT0B5aZC2hRANCAAQLsx9mPaCNInVcvcOu2dISMrosjhXH
bCoYTkGlNYyRoltIlFeIkKtb/+vbfnhhlKoX9pWE4amuMcRxSFGTlAQ5
-----END PRIVATE KEY-----
`;

const cert = file("cert.pem", CERT);
const key = file("key.pem", KEY);
const nonsense = file("nonsense.pem", "nonsense\n");
const missing = join(directory, "missing");
const gone = `${missing}: no such file or directory`;
const folder = (name: string, files: Readonly<Record<string, string>>): string => {
  mkdirSync(join(directory, name));
  for (const [one, text] of Object.entries(files)) file(join(name, one), text);
  return join(directory, name);
};

test("files are looked through, and complained of in Go's words", () => {
  const bad = folder("bad", { "a.pem": CERT, "b.pem": "nonsense" });
  const wrong: readonly (readonly [ClientOptions, string])[] = [
    [{ caFile: missing }, `Error loading CA File: open ${gone}`],
    [{ caFile: directory }, `Error loading CA File: read ${directory}: is a directory`],
    [{ caFile: nonsense }, `Error loading CA File: Couldn't parse PEM in: ${nonsense}`],
    [{ caFile: key }, `Error loading CA File: Couldn't parse PEM in: ${key}`],
    [{ caPath: missing }, `lstat ${gone}`],
    [{ caPath: bad }, `Error loading CA Path: Couldn't parse PEM in: ${join(bad, "b.pem")}`],
    [{ clientCert: missing }, "both client cert and client key must be provided"],
    [{ clientKey: missing }, "both client cert and client key must be provided"],
    [{ clientCert: missing, clientKey: key }, `open ${gone}`],
    [{ clientCert: cert, clientKey: missing }, `open ${gone}`],
    [{ clientCert: nonsense, clientKey: key }, "tls: failed to find any PEM data in certificate input"],
    [
      { clientCert: key, clientKey: key },
      "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched",
    ],
    [{ clientCert: cert, clientKey: nonsense }, "tls: failed to find any PEM data in key input"],
    [
      { clientCert: cert, clientKey: cert },
      "tls: found a certificate rather than a key in the PEM for the private key",
    ],
    [{ clientCert: cert, clientKey: file("other.pem", OTHER_KEY) }, "tls: private key does not match public key"],
    [{ tlsServerName: "[::1" }, "address [::1: missing ']' in address"],
    [{ tlsServerName: "a:b:c", caFile: missing }, "address a:b:c: too many colons in address"],
  ];
  for (const [options, message] of wrong) assert.throws(() => tlsOptions(options), { message });
});

test("what is right is used: a file before a directory, a name without its port", () => {
  const below = folder("good", { "a.pem": CERT });
  mkdirSync(join(below, "more"));
  file(join("good", "more", "b.pem"), `# ours\n${CERT}`);
  assert.equal((tlsOptions({ caPath: below }).ca as Buffer[]).length, 2);
  assert.equal(String(tlsOptions({ caFile: cert, caPath: missing }).ca), CERT);
  const pair = tlsOptions({ clientCert: cert, clientKey: key });
  assert.deepEqual([String(pair.cert), String(pair.key)], [CERT, KEY]);
  assert.equal(tlsOptions({ tlsServerName: "a.io:8501" }).servername, "a.io");
  assert.equal(tlsOptions({ tlsServerName: "[::1]:8501" }).servername, "::1");
  assert.deepEqual(tlsOptions({ caFile: "", tlsServerName: "" }), { rejectUnauthorized: true });
});

test("a client over plain HTTP is refused its files, too", () => {
  assert.throws(() => new ConsulClient({ address: "http://127.0.0.1:1", caFile: missing }), /Error loading CA File/);
});
