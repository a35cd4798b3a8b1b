import type { TlsOptions } from "node:tls";
import type { TlsProtocolConfig } from "../config/types.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Disk } from "../lib/runtime.ts";
import { readTlsFiles, TLS_VERSIONS } from "./tls-files.ts";

/**
 * What the HTTPS door needs of the TLS settings.
 *
 * @throws TribuneError that says which setting or file is missing.
 */
export async function httpsOptions(
  tls: TlsProtocolConfig,
  disk: Disk,
): Promise<TlsOptions & { readonly cert: Buffer }> {
  const required = (setting: string, bytes: Uint8Array | undefined): Buffer => {
    if (bytes === undefined)
      throw TribuneError.internal(`an HTTPS port needs ${setting}; set it or remove ports.https`);
    return Buffer.from(bytes);
  };
  const { ca, cert, key } = await readTlsFiles(tls, disk);
  const minVersion = TLS_VERSIONS[tls.minVersion];
  return {
    cert: required("cert_file", cert),
    key: required("key_file", key),
    ...(ca.length === 0 ? {} : { ca: ca.map((bytes) => Buffer.from(bytes)) }),
    requestCert: tls.verifyIncoming,
    rejectUnauthorized: tls.verifyIncoming,
    ...(minVersion === undefined ? {} : { minVersion }),
  };
}
