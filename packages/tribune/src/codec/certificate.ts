/** Certificates (RFC 5280) as Go's `x509.CreateCertificate` lays them out. Who calls signs what `tbsCertificate` gives. */
import { DerError, der, derBitString, derInteger, derOid, derText, derTime, readDer, TAG } from "./der.ts";

/** X.520 attributes in the order in which Go writes a name. */
const NAME_OIDS = {
  country: "2.5.4.6",
  organization: "2.5.4.10",
  locality: "2.5.4.7",
  province: "2.5.4.8",
  streetAddress: "2.5.4.9",
  postalCode: "2.5.4.17",
  commonName: "2.5.4.3",
} as const;

export type DistinguishedName = Readonly<Partial<Record<keyof typeof NAME_OIDS, string>>>;

export function encodeName(name: DistinguishedName): Uint8Array {
  const parts = Object.entries(NAME_OIDS).flatMap(([field, oid]) => {
    const value = name[field as keyof typeof NAME_OIDS];
    return value === undefined ? [] : [der(TAG.set, der(TAG.sequence, derOid(oid), derText(value)))];
  });
  return der(TAG.sequence, ...parts);
}

/** Bits of the KeyUsage extension. */
export const KEY_USAGE = { digitalSignature: 0, keyEncipherment: 2, certSign: 5, crlSign: 6 } as const;
export const EXT_KEY_USAGE = { serverAuth: "1.3.6.1.5.5.7.3.1", clientAuth: "1.3.6.1.5.5.7.3.2" } as const;

export const SIGNATURE_OIDS = {
  "ecdsa-sha256": "1.2.840.10045.4.3.2",
  "ecdsa-sha384": "1.2.840.10045.4.3.3",
  "ecdsa-sha512": "1.2.840.10045.4.3.4",
  "rsa-sha256": "1.2.840.113549.1.1.11",
} as const;
export type SignatureKind = keyof typeof SIGNATURE_OIDS;

export interface CertificateTemplate {
  readonly serial: bigint;
  readonly signature: SignatureKind;
  /** Encoded names. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly keyUsage: readonly (keyof typeof KEY_USAGE)[];
  readonly extKeyUsage: readonly (keyof typeof EXT_KEY_USAGE)[];
  readonly isCa: boolean;
  readonly subjectKeyId: Uint8Array;
  readonly authorityKeyId: Uint8Array | undefined;
  readonly dnsNames: readonly string[];
  /** 4 or 16 bytes each. */
  readonly ipAddresses: readonly Uint8Array[];
  readonly uris: readonly string[];
  /** Domains below which all DNS names must be; empty means no such limit. */
  readonly permittedDnsDomains: readonly string[];
}

/** What is to be signed. */
export function tbsCertificate(template: CertificateTemplate): Uint8Array {
  return der(
    TAG.sequence,
    der(0xa0, derInteger(2n)), // version 3
    derInteger(template.serial),
    algorithm(template.signature),
    template.issuer,
    der(TAG.sequence, derTime(template.notBeforeMs), derTime(template.notAfterMs)),
    template.subject,
    template.publicKey,
    der(0xa3, der(TAG.sequence, ...extensions(template))),
  );
}

/** The certificate. `signature` is DER for ECDSA. */
export function certificate(tbs: Uint8Array, kind: SignatureKind, signature: Uint8Array): Uint8Array {
  return der(TAG.sequence, tbs, algorithm(kind), derBitString(signature));
}

function algorithm(kind: SignatureKind): Uint8Array {
  const parameters = kind.startsWith("rsa") ? [der(0x05)] : [];
  return der(TAG.sequence, derOid(SIGNATURE_OIDS[kind]), ...parameters);
}

const CRITICAL = der(TAG.boolean, Buffer.from([0xff]));

function extensions(template: CertificateTemplate): readonly Uint8Array[] {
  const { extKeyUsage, subjectKeyId, authorityKeyId, permittedDnsDomains } = template;
  const names = [
    ...template.dnsNames.map((name) => der(0x82, Buffer.from(name))),
    ...template.ipAddresses.map((address) => der(0x87, address)),
    ...template.uris.map((uri) => der(0x86, Buffer.from(uri))),
  ];
  const extension = (oid: string, critical: boolean, value: Uint8Array): Uint8Array =>
    der(TAG.sequence, derOid(oid), ...(critical ? [CRITICAL] : []), der(TAG.octetString, value));
  return [
    extension(OID.keyUsage, true, keyUsageBits(template.keyUsage)),
    ...(extKeyUsage.length === 0
      ? []
      : [
          extension(OID.extKeyUsage, false, der(TAG.sequence, ...extKeyUsage.map((use) => derOid(EXT_KEY_USAGE[use])))),
        ]),
    extension(OID.basicConstraints, true, der(TAG.sequence, ...(template.isCa ? [CRITICAL] : []))),
    extension(OID.subjectKeyId, false, der(TAG.octetString, subjectKeyId)),
    ...(authorityKeyId === undefined
      ? []
      : [extension(OID.authorityKeyId, false, der(TAG.sequence, der(0x80, authorityKeyId)))]),
    ...(names.length === 0 ? [] : [extension(OID.subjectAltName, false, der(TAG.sequence, ...names))]),
    ...(permittedDnsDomains.length === 0 ? [] : [extension(OID.nameConstraints, true, permitted(permittedDnsDomains))]),
  ];
}

const OID = {
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  authorityKeyId: "2.5.29.35",
  extKeyUsage: "2.5.29.37",
} as const;

/** One byte is enough for the uses named here. */
function keyUsageBits(uses: CertificateTemplate["keyUsage"]): Uint8Array {
  const byte = uses.reduce((bits, use) => bits | (0x80 >> KEY_USAGE[use]), 0);
  const unused = byte === 0 ? 7 : Math.clz32(byte & -byte) === 0 ? 0 : 31 - Math.clz32(byte & -byte);
  return derBitString(Buffer.from([byte]), unused);
}

function permitted(domains: readonly string[]): Uint8Array {
  const subtrees = domains.map((domain) => der(TAG.sequence, der(0x82, Buffer.from(domain))));
  return der(TAG.sequence, der(0xa0, ...subtrees));
}

export interface IssuerFacts {
  /** Encoded. */
  readonly subject: Uint8Array;
  readonly subjectKeyId: Uint8Array | undefined;
  readonly permittedDnsDomains: readonly string[];
}

/** What of a CA's certificate goes into those it issues. @throws DerError when it is none */
export function issuerFacts(bytes: Uint8Array): IssuerFacts {
  const [whole] = readDer(bytes);
  const [tbs] = readDer(whole?.content ?? new Uint8Array());
  const fields = readDer(tbs?.content ?? new Uint8Array());
  const start = fields[0]?.tag === 0xa0 ? 1 : 0; // the version may be left out
  const subject = fields[start + 4];
  if (subject === undefined) throw new DerError("not a certificate");
  const last = fields.find(({ tag }) => tag === 0xa3);
  const found = new Map<string, Uint8Array>();
  for (const { content } of readDer(readDer(last?.content ?? new Uint8Array())[0]?.content ?? new Uint8Array())) {
    const parts = readDer(content);
    const value = parts.at(-1);
    if (parts[0] !== undefined && value !== undefined) found.set(hex(parts[0].whole), value.content);
  }
  const of = (oid: string): Uint8Array | undefined => found.get(hex(derOid(oid)));
  const keyId = of(OID.subjectKeyId);
  const constraints = of(OID.nameConstraints);
  return {
    subject: subject.whole,
    subjectKeyId: keyId === undefined ? undefined : readDer(keyId)[0]?.content,
    permittedDnsDomains: constraints === undefined ? [] : permittedIn(constraints),
  };
}

function permittedIn(bytes: Uint8Array): readonly string[] {
  const subtrees = readDer(readDer(bytes)[0]?.content ?? new Uint8Array()).find(({ tag }) => tag === 0xa0);
  return readDer(subtrees?.content ?? new Uint8Array()).flatMap(({ content }) =>
    readDer(content)
      .filter(({ tag }) => tag === 0x82)
      .map((base) => Buffer.from(base.content).toString("latin1")),
  );
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
