import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { TLSSocketOptions } from "node:tls";
import { looking } from "./looking.ts";
import type { ClientOptions } from "./options.ts";

export type TlsOptions = TLSSocketOptions & { servername?: string };

/**
 * What the options say about TLS, with every file read and looked through; Go's client does so whatever the address's
 * scheme, so that a wrong path is told before anything is asked. @throws Error with Go's words
 */
export function tlsOptions(options: ClientOptions): TlsOptions {
  const servername = options.tlsServerName ? hostOf(options.tlsServerName) : undefined;
  const pair = keyPair(options.clientCert || undefined, options.clientKey || undefined);
  const ca = authorities(options);
  return {
    ...pair,
    ...(ca === undefined ? {} : { ca: [...ca] }),
    ...(servername === undefined ? {} : { servername }),
    rejectUnauthorized: options.sslVerify ?? true,
  };
}

/** @throws Error */
function hostOf(server: string): string {
  const fault = (words: string): Error => new Error(`address ${server}: ${words}`);
  if (server.lastIndexOf(":") <= server.lastIndexOf("]")) return server;
  if (server.startsWith("[")) {
    const [, host] = /^\[([^\]]*)\]:[^:]*$/.exec(server) ?? [];
    if (host === undefined) throw fault(server.includes("]") ? "missing port in address" : "missing ']' in address");
    return host;
  }
  const [host = "", , ...more] = server.split(":");
  if (more.length > 0) throw fault("too many colons in address");
  return host;
}

function keyPair(certFile: string | undefined, keyFile: string | undefined): Pick<TLSSocketOptions, "cert" | "key"> {
  if (certFile === undefined && keyFile === undefined) return {};
  if (certFile === undefined || keyFile === undefined)
    throw new Error("both client cert and client key must be provided");
  const cert = readBytes(certFile);
  const key = readBytes(keyFile);
  const certTypes = pemTypes(cert.toString("latin1"));
  if (!certTypes.includes("CERTIFICATE")) throw new Error(`tls: ${noCertificate(certTypes)}`);
  const keyTypes = pemTypes(key.toString("latin1"));
  if (!keyTypes.some(isKey)) throw new Error(`tls: ${noKey(keyTypes)}`);
  const { X509Certificate, createPrivateKey } = cryptography();
  const certificate = new X509Certificate(cert);
  const privateKey = createPrivateKey(key);
  if (certificate.publicKey.asymmetricKeyType !== privateKey.asymmetricKeyType)
    throw new Error("tls: private key type does not match public key type");
  if (!certificate.checkPrivateKey(privateKey)) throw new Error("tls: private key does not match public key");
  return { cert, key };
}

const isKey = (type: string): boolean => type === "PRIVATE KEY" || type.endsWith(" PRIVATE KEY");

function noCertificate(types: readonly string[]): string {
  if (types.length === 0) return "failed to find any PEM data in certificate input";
  if (types.length === 1 && isKey(types[0] ?? ""))
    return "failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched";
  return `failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [${types.join(" ")}]`;
}

function noKey(types: readonly string[]): string {
  if (types.length === 0) return "failed to find any PEM data in key input";
  if (types.length === 1 && types[0] === "CERTIFICATE")
    return "found a certificate rather than a key in the PEM for the private key";
  return `failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [${types.join(" ")}]`;
}

/** A file counts before a directory, as with Go's client; in a directory every file must hold a certificate. */
function authorities({ caFile, caPath }: ClientOptions): readonly Buffer[] | undefined {
  if (caFile) return [certificates(caFile, "Error loading CA File")];
  if (!caPath) return undefined;
  return filesBelow(caPath).map((file) => certificates(file, "Error loading CA Path"));
}

function certificates(file: string, prefix: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readBytes(file);
  } catch (error) {
    throw new Error(`${prefix}: ${(error as Error).message}`, { cause: error });
  }
  if (!blocks(bytes.toString("latin1")).some(({ type, text }) => type === "CERTIFICATE" && isCertificate(text)))
    throw new Error(`${prefix}: Couldn't parse PEM in: ${file}`);
  return bytes;
}

function isCertificate(pem: string): boolean {
  try {
    return new (cryptography().X509Certificate)(pem) !== undefined;
  } catch {
    return false;
  }
}

function filesBelow(path: string): readonly string[] {
  const about = looking("lstat", path, () => lstatSync(path));
  if (!about.isDirectory()) return [path];
  const names = looking("open", path, () => readdirSync(path)).sort();
  return names.flatMap((name) => filesBelow(join(path, name)));
}

const readBytes = (path: string): Buffer => looking("open", path, () => readFileSync(path));

const pemTypes = (text: string): readonly string[] => blocks(text).map(({ type }) => type);

function blocks(text: string): readonly { readonly type: string; readonly text: string }[] {
  const found = text.matchAll(/-----BEGIN ([^\n-]+)-----[^-]*-----END \1-----/g);
  return [...found].map((match) => ({ type: match[1] ?? "", text: match[0] }));
}

/** Loaded when there are files: a command that asks over plain HTTP starts sooner without it. */
function cryptography(): typeof import("node:crypto") {
  return createRequire(import.meta.url)("node:crypto") as typeof import("node:crypto");
}
