import { X509Certificate } from "node:crypto";
import type { SecureVersion } from "node:tls";
import type { TlsProtocolConfig } from "../config/types.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Disk } from "../lib/runtime.ts";

/** Consul's names of protocol versions. */
export const TLS_VERSIONS: Readonly<Record<string, SecureVersion>> = {
  tls10: "TLSv1",
  tls11: "TLSv1.1",
  tls12: "TLSv1.2",
  tls13: "TLSv1.3",
};

export interface TlsFiles {
  /** PEM; empty: no authority was named. */
  readonly ca: readonly Uint8Array[];
  readonly cert: Uint8Array | undefined;
  readonly key: Uint8Array | undefined;
}

/** Reads the certificates of one kind of connection. @throws TribuneError that says which file is missing. */
export async function readTlsFiles(tls: TlsProtocolConfig, disk: Disk): Promise<TlsFiles> {
  const file = async (setting: string, path: string): Promise<Uint8Array | undefined> => {
    if (path === "") return undefined;
    const bytes = await disk.readFile(path);
    if (bytes === undefined) throw TribuneError.internal(`${setting}: ${path} does not exist`);
    return bytes;
  };
  const ca = [await file("ca_file", tls.caFile)];
  if (tls.caPath !== "")
    for (const name of await disk.list(tls.caPath)) ca.push(await file("ca_path", `${tls.caPath}/${name}`));
  return {
    ca: ca.filter((bytes) => bytes !== undefined),
    cert: await file("cert_file", tls.certFile),
    key: await file("key_file", tls.keyFile),
  };
}

/** For the log: by what an operator tells an old certificate from a new one. @throws Error for what is no PEM */
export function certificateFields(cert: Uint8Array | undefined): Readonly<Record<string, string>> {
  if (cert === undefined) return {};
  const { serialNumber, validTo } = new X509Certificate(cert);
  return { serial: serialNumber, expires: validTo };
}
