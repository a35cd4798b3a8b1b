import type { TlsConfig } from "../config/types.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Disk } from "../lib/runtime.ts";
import { nodeTls } from "../net/node-tls.ts";
import { ALPN_PROTOCOLS } from "../rpc/server-port.ts";
import type { TlsPort } from "../rpc/types.ts";
import { certificateFields, readTlsFiles, TLS_VERSIONS, type TlsFiles } from "./tls-files.ts";

export interface RpcTlsOptions {
  readonly tls: TlsConfig;
  readonly datacenter: string;
  /** DNS domain, with or without its last dot. */
  readonly domain: string;
}

/**
 * TLS of the RPC port from the certificates on disk; undefined where there are none, and none are asked for.
 *
 * @throws TribuneError that says which file is missing or does not parse.
 */
export async function rpcTls(options: RpcTlsOptions, disk: Disk): Promise<TlsPort | undefined> {
  return portOf(options, await readTlsFiles(options.tls.internalRpc, disk));
}

function portOf({ tls, datacenter, domain }: RpcTlsOptions, { ca, cert, key }: TlsFiles): TlsPort | undefined {
  const { internalRpc } = tls;
  if (ca.length === 0 && cert === undefined && !tls.verifyOutgoing) return undefined;
  try {
    return nodeTls({
      ...{ ca, cert, key },
      verifyIncoming: internalRpc.verifyIncoming,
      verifyOutgoing: tls.verifyOutgoing,
      verifyServerHostname: tls.verifyServerHostname,
      datacenter,
      domain: domain.replace(/\.$/, ""),
      minVersion: TLS_VERSIONS[internalRpc.minVersion],
      ciphers: internalRpc.cipherSuites,
      protocols: [...ALPN_PROTOCOLS.keys()],
    });
  } catch (error) {
    throw TribuneError.internal(`TLS certificates cannot be used: ${(error as Error).message}`, error);
  }
}

/** Takes new certificates from the disk; those in use stay where the new ones cannot be used. */
export async function reloadRpcTls(
  options: RpcTlsOptions,
  {
    disk,
    logger,
    use,
  }: { readonly disk: Disk; readonly logger: Logger; readonly use: (tls: TlsPort | undefined) => void },
): Promise<void> {
  try {
    const files = await readTlsFiles(options.tls.internalRpc, disk);
    const port = portOf(options, files);
    use(port);
    if (port !== undefined) logger.info("RPC certificates read again", certificateFields(files.cert));
  } catch (error) {
    logger.error("RPC goes on with the certificates it has", { error: (error as Error).message });
  }
}
