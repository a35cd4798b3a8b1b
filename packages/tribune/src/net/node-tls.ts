import {
  checkServerIdentity,
  connect,
  createSecureContext,
  createServer,
  type SecureVersion,
  type TLSSocket,
} from "node:tls";
import type { Stream } from "../lib/runtime.ts";
import { streamOf } from "./node-network.ts";
import { duplexOf } from "./stream-duplex.ts";

/** The certificate side of RPC's settings, read from disk. Replaced as a whole on reload. */
export interface NodeTlsOptions {
  /** PEM; empty: no certificate authority, so nobody can be verified. */
  readonly ca: readonly Uint8Array[];
  /** PEM; both or neither. */
  readonly cert: Uint8Array | undefined;
  readonly key: Uint8Array | undefined;
  /** Refuse plain connections and clients without a certificate (`verify_incoming`, `verify_incoming_rpc`). */
  readonly verifyIncoming: boolean;
  /** Dial with TLS and check the CA (`verify_outgoing`). */
  readonly verifyOutgoing: boolean;
  /** A server's certificate must be for `server.DC.DOMAIN`. */
  readonly verifyServerHostname: boolean;
  readonly datacenter: string;
  /** DNS domain without the last dot. */
  readonly domain: string;
  /** `TLSv1.2` and the like; undefined: the platform's. */
  readonly minVersion: string | undefined;
  /** OpenSSL names; empty: the platform's. */
  readonly ciphers: readonly string[];
  /** ALPN names for native TLS, in order of preference. */
  readonly protocols: readonly string[];
}

/** TLS by Node's own library, over any stream. @throws Error for certificates that do not parse */
export function nodeTls(options: NodeTlsOptions) {
  const { ca, cert, key, minVersion, ciphers, verifyIncoming, verifyOutgoing, verifyServerHostname } = options;
  const material = {
    ...(ca.length === 0 ? {} : { ca: ca.map(pem) }),
    ...(cert === undefined || key === undefined ? {} : { cert: pem(cert), key: pem(key) }),
    ...(minVersion === undefined ? {} : { minVersion: minVersion as SecureVersion }),
    ...(ciphers.length === 0 ? {} : { ciphers: ciphers.join(":") }),
  };
  const secureContext = createSecureContext(material);

  /** A server of its own for each: only Node's server checks a client's certificate, and it tells nobody whose. */
  async function accept(stream: Stream, first: Uint8Array, how: "mutual" | "alpn" | "insecure") {
    const verify = verifyIncoming && how !== "insecure";
    const server = createServer({
      ...material,
      requestCert: verify,
      rejectUnauthorized: verify,
      ...(how === "alpn" ? { ALPNProtocols: [...options.protocols] } : {}),
    });
    const socket = await new Promise<TLSSocket>((resolve, reject) => {
      const below = duplexOf(stream, first);
      const fail = (error: Error): void => {
        stream.destroy();
        reject(error);
      };
      const gone = (): void => fail(new Error("the connection ended during the handshake"));
      below.once("close", gone);
      below.once("end", gone);
      server.once("secureConnection", (accepted) => {
        below.off("close", gone);
        below.off("end", gone);
        resolve(accepted);
      });
      server.once("tlsClientError", fail);
      server.emit("connection", below);
    });
    return secured(socket, stream);
  }

  async function connectTo(stream: Stream, datacenter: string) {
    const socket = connect({
      socket: duplexOf(stream),
      secureContext,
      servername: `server.${datacenter}.${options.domain}`,
      // Without verify_server_hostname any certificate of the CA will do, whatever its names.
      checkServerIdentity: (host, certificate) =>
        verifyServerHostname ? checkServerIdentity(host, certificate) : undefined,
    });
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error): void => {
        stream.destroy();
        reject(error);
      };
      const gone = (): void => fail(new Error("the connection ended during the handshake"));
      socket.once("error", fail);
      socket.once("close", gone);
      socket.once("secureConnect", () => {
        socket.off("error", fail);
        socket.off("close", gone);
        resolve();
      });
    });
    return secured(socket, stream);
  }

  const canServe = cert !== undefined && key !== undefined;
  return { canServe, verifyIncoming, verifyOutgoing, accept, connect: connectTo };
}

/** Not in the event itself: what came with the handshake's last bytes would flow before our caller sets `onData`. */
function secured(socket: TLSSocket, below: Stream): { readonly stream: Stream; readonly protocol: string } {
  return {
    stream: streamOf(socket, below),
    protocol: typeof socket.alpnProtocol === "string" ? socket.alpnProtocol : "",
  };
}

const pem = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
