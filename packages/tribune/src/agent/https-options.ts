import type { SecureVersion, TlsOptions } from "node:tls";
import type { TlsConfig } from "../config/types.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Disk } from "../lib/runtime.ts";

/** Consul's names of protocol versions. */
export const TLS_VERSIONS: Readonly<Record<string, SecureVersion>> = {
  tls10: "TLSv1",
  tls11: "TLSv1.1",
  tls12: "TLSv1.2",
  tls13: "TLSv1.3",
};

/**
 * What the HTTPS door needs of the TLS settings.
 *
 * @throws TribuneError that says which setting or file is missing.
 */
export async function httpsOptions(tls: TlsConfig, disk: Disk): Promise<TlsOptions> {
  const file = async (setting: string, path: string): Promise<Buffer> => {
    if (path === "") throw TribuneError.internal(`an HTTPS port needs ${setting}; set it or remove ports.https`);
    const bytes = await disk.readFile(path);
    if (bytes === undefined) throw TribuneError.internal(`${setting}: ${path} does not exist`);
    return Buffer.from(bytes);
  };
  const verify = tls.verifyIncoming || tls.verifyIncomingHttps;
  const minVersion = TLS_VERSIONS[tls.minVersion];
  return {
    cert: await file("cert_file", tls.certFile),
    key: await file("key_file", tls.keyFile),
    ...(tls.caFile === "" ? {} : { ca: await file("ca_file", tls.caFile) }),
    requestCert: verify,
    rejectUnauthorized: verify,
    ...(minVersion === undefined ? {} : { minVersion }),
  };
}
