import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { issuerFacts } from "../codec/certificate.ts";
import { type CertOptions, createCa, createCertificate } from "./tls/issue.ts";
import { writeFileAtomic } from "./write-file.ts";

const directory = mkdtempSync(join(tmpdir(), "tribune-tls-"));
after(() => rmSync(directory, { recursive: true }));

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const DAY = 86_400_000;
const CA = { name: "", days: 30, nowMs: NOW, permittedDnsDomains: [], clusterId: "", domain: "consul" };
const authority = createCa(CA);
const options = (over: Partial<CertOptions> = {}): CertOptions => ({
  ca: authority.certificate,
  caKey: authority.key,
  name: "server.dc1.consul",
  days: 365 * 30,
  nowMs: NOW,
  dnsNames: ["server.dc1.consul", "localhost"],
  ipAddresses: [Buffer.from([127, 0, 0, 1]), Buffer.alloc(16, 1)],
  extKeyUsage: ["serverAuth", "clientAuth"],
  ...over,
});

test("an authority and a certificate of it, as Node reads them", () => {
  const ca = new X509Certificate(authority.certificate);
  const issued = createCertificate(options());
  const leaf = new X509Certificate(issued.certificate);
  assert.ok(ca.ca && !leaf.ca && ca.checkIssued(ca) && leaf.checkIssued(ca));
  assert.ok(ca.verify(ca.publicKey) && leaf.verify(ca.publicKey) && !leaf.verify(leaf.publicKey));
  assert.ok(leaf.checkPrivateKey(createPrivateKey(issued.key)));
  assert.equal(leaf.checkHost("server.dc1.consul"), "server.dc1.consul");
  assert.equal(leaf.checkIP("127.0.0.1"), "127.0.0.1");
  assert.match(ca.subject, /^C=US\nO=HashiCorp Inc\.\nL=San Francisco\nST=CA\n.*\nCN=Consul Agent CA \d+$/s);
  assert.ok(ca.subject.endsWith(BigInt(`0x${ca.serialNumber}`).toString()), "named by its serial number");
  assert.equal(Date.parse(ca.validTo) - Date.parse(ca.validFrom), 30 * DAY);
  // Beyond 2049 times have another form.
  assert.equal(Date.parse(leaf.validTo), NOW + 365 * 30 * DAY);
  assert.deepEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
});

test("openssl agrees", (t) => {
  try {
    execFileSync("openssl", ["version"]);
  } catch {
    t.skip("no openssl on PATH");
    return;
  }
  const limited = createCa({ ...CA, permittedDnsDomains: ["consul", "localhost"], clusterId: "id", name: "Own" });
  const file = join(directory, "ca.pem");
  const leafFile = join(directory, "leaf.pem");
  writeFileSync(file, limited.certificate);
  writeFileSync(leafFile, createCertificate(options({ ca: limited.certificate, caKey: limited.key })).certificate);
  const at = String(NOW / 1_000 + 60);
  const said = execFileSync("openssl", ["verify", "-attime", at, "-x509_strict", "-CAfile", file, leafFile]);
  assert.match(said.toString(), /: OK/);
  const text = execFileSync("openssl", ["x509", "-noout", "-text", "-in", file]).toString();
  assert.match(text, /X509v3 Key Usage: critical\s+Digital Signature, Certificate Sign, CRL Sign\n/);
  assert.match(text, /X509v3 Basic Constraints: critical\s+CA:TRUE\n/);
  assert.match(text, /URI:spiffe:\/\/id\.consul/);
  assert.match(text, /X509v3 Name Constraints: critical\s+Permitted:\s+DNS:consul\s+DNS:localhost/);
  const leaf = execFileSync("openssl", ["x509", "-noout", "-text", "-in", leafFile]).toString();
  assert.match(leaf, /X509v3 Key Usage: critical\s+Digital Signature, Key Encipherment\n/);
});

test("a key that does not go with the authority is refused, whatever its kind", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const p384 = generateKeyPairSync("ec", { namedCurve: "secp384r1" });
  const key = (pair: typeof rsa): string => pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  for (const pair of [rsa, p384 as typeof rsa]) {
    assert.throws(() => createCertificate(options({ caKey: key(pair) })), /doesn't match parent's PublicKey/);
  }
});

test("what is no authority, and names it may not sign", () => {
  const limited = createCa({ ...CA, permittedDnsDomains: ["consul"] });
  assert.deepEqual(issuerFacts(new X509Certificate(limited.certificate).raw).permittedDnsDomains, ["consul"]);
  const cases: readonly (readonly [over: Partial<CertOptions>, why: RegExp])[] = [
    [{ ca: "x" }, /^failed to parse CA: no PEM-encoded data found$/],
    [{ ca: authority.key }, /^failed to parse CA: first PEM-block should be CERTIFICATE type$/],
    [{ caKey: "x" }, /^no PEM-encoded data found$/],
    [{ caKey: authority.certificate }, /^unknown PEM block type for signing key: CERTIFICATE$/],
    [{ ca: limited.certificate, caKey: limited.key }, /DNS name "localhost" is not permitted by any constraint$/],
  ];
  for (const [over, message] of cases) assert.throws(() => createCertificate(options(over)), { message });
});

test("files appear whole, with the mode that was asked for", async () => {
  const path = join(directory, "key.pem");
  await writeFileAtomic(path, "secret", 0o600);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await assert.rejects(writeFileAtomic(join(directory, "no/such"), "x", 0o600), { code: "ENOENT" });
});
