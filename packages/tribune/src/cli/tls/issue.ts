/** Certificates for agents' TLS, as `tls ca create` and `tls cert create` make them. Not those of the service mesh. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import {
  type CertificateTemplate,
  certificate,
  type DistinguishedName,
  encodeName,
  issuerFacts,
  type SignatureKind,
  tbsCertificate,
} from "../../codec/certificate.ts";

export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;

export interface CaOptions {
  readonly name: string;
  readonly days: number;
  readonly nowMs: number;
  readonly permittedDnsDomains: readonly string[];
  /** The mesh's name, for a SPIFFE URI; "" for none. */
  readonly clusterId: string;
  readonly domain: string;
}

const CA_SUBJECT = {
  // In the order of Go's `pkix.Name`, which is the one on the wire.
  country: "US",
  province: "CA",
  locality: "San Francisco",
  streetAddress: "101 Second Street",
  postalCode: "94105",
  organization: "HashiCorp Inc.",
} as const;

export function createCa(options: CaOptions): Issued {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const serial = randomSerial();
  const subject: DistinguishedName = { ...CA_SUBJECT, commonName: options.name || `Consul Agent CA ${serial}` };
  const keyId = keyIdOf(publicKey);
  const name = encodeName(subject);
  const uris = options.clusterId === "" ? [] : [`spiffe://${options.clusterId}.${options.domain}`];
  const tbs: CertificateTemplate = {
    serial,
    signature: signatureKind(privateKey),
    issuer: name,
    subject: name,
    ...validity(options.nowMs, options.days === 0 ? 365 : options.days),
    publicKey: spki(publicKey),
    keyUsage: ["digitalSignature", "certSign", "crlSign"],
    extKeyUsage: [],
    isCa: true,
    subjectKeyId: keyId,
    authorityKeyId: keyId,
    dnsNames: [],
    ipAddresses: [],
    uris,
    permittedDnsDomains: options.permittedDnsDomains,
  };
  return { certificate: pem(signed(tbs, privateKey)), key: keyPem(privateKey) };
}

export interface CertOptions {
  readonly ca: string;
  readonly caKey: string;
  readonly name: string;
  readonly days: number;
  readonly nowMs: number;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly Uint8Array[];
  readonly extKeyUsage: CertificateTemplate["extKeyUsage"];
}

/** @throws Error with Consul's words when the CA is none, or does not go with its key, or may not sign such names */
export function createCertificate(options: CertOptions): Issued {
  const caKey = readKey(options.caKey);
  const ca = readCa(options.ca);
  const parent = issuerFacts(ca.raw);
  if (!spki(createPublicKey(caKey)).equals(spki(ca.publicKey)))
    throw new Error("failed to create certificate: x509: provided PrivateKey doesn't match parent's PublicKey");
  for (const name of options.dnsNames) permit(name, parent.permittedDnsDomains);
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const tbs: CertificateTemplate = {
    serial: randomSerial(),
    signature: signatureKind(caKey),
    issuer: parent.subject,
    subject: encodeName({ commonName: options.name }),
    ...validity(options.nowMs, options.days),
    publicKey: spki(publicKey),
    keyUsage: ["digitalSignature", "keyEncipherment"],
    extKeyUsage: options.extKeyUsage,
    isCa: false,
    subjectKeyId: keyIdOf(publicKey),
    authorityKeyId: parent.subjectKeyId,
    dnsNames: options.dnsNames,
    ipAddresses: options.ipAddresses,
    uris: [],
    permittedDnsDomains: [],
  };
  return { certificate: pem(signed(tbs, caKey)), key: keyPem(privateKey) };
}

function readCa(text: string): X509Certificate {
  const block = /-----BEGIN ([^-]+)-----/.exec(text)?.[1];
  if (block === undefined) throw new Error("failed to parse CA: no PEM-encoded data found");
  if (block !== "CERTIFICATE") throw new Error("failed to parse CA: first PEM-block should be CERTIFICATE type");
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw new Error(`failed to parse CA: ${(cause as Error).message}`, { cause });
  }
}

function readKey(text: string): KeyObject {
  const block = /-----BEGIN ([^-]+)-----/.exec(text)?.[1];
  if (block === undefined) throw new Error("no PEM-encoded data found");
  if (!/^(?:(?:EC|RSA) )?PRIVATE KEY$/.test(block)) throw new Error(`unknown PEM block type for signing key: ${block}`);
  return createPrivateKey(text);
}

/** RFC 5280 §4.2.1.10: the name is one of the domains, or below one. */
function permit(name: string, domains: readonly string[]): void {
  const below = (domain: string): boolean => name === domain || name.endsWith(`.${domain.replace(/^\./, "")}`);
  if (domains.length === 0 || domains.some(below)) return;
  throw new Error(
    `x509: a root or intermediate certificate is not authorized to sign for this name: DNS name ${JSON.stringify(name)} is not permitted by any constraint`,
  );
}

function validity(nowMs: number, days: number): Pick<CertificateTemplate, "notBeforeMs" | "notAfterMs"> {
  return { notBeforeMs: nowMs, notAfterMs: nowMs + days * DAY_MS };
}

const randomSerial = (): bigint => BigInt(`0x${randomBytes(16).toString("hex")}`);
const spki = (key: KeyObject): Buffer => key.export({ type: "spki", format: "der" });
/** Consul's own choice: the hash of the whole key, not of its bits alone. */
const keyIdOf = (key: KeyObject): Buffer => createHash("sha256").update(spki(key)).digest();
const keyPem = (key: KeyObject): string => key.export({ type: "sec1", format: "pem" }).toString();

const CURVE_HASHES: Readonly<Record<string, SignatureKind>> = {
  secp384r1: "ecdsa-sha384",
  secp521r1: "ecdsa-sha512",
};

function signatureKind(key: KeyObject): SignatureKind {
  if (key.asymmetricKeyType === "rsa") return "rsa-sha256";
  return CURVE_HASHES[key.asymmetricKeyDetails?.namedCurve ?? ""] ?? "ecdsa-sha256";
}

function signed(template: CertificateTemplate, key: KeyObject): Uint8Array {
  const tbs = tbsCertificate(template);
  return certificate(tbs, template.signature, sign(template.signature.split("-")[1], tbs, key));
}

function pem(bytes: Uint8Array): string {
  const lines = Buffer.from(bytes)
    .toString("base64")
    .replace(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
