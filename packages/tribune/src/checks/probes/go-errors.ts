/**
 * Failures in the words of Go's net package: operators read them in check outputs, and alerts match on them.
 */

/** `connect` puts a system error's text behind the address it was for. */
const SYSTEM_TEXT: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ETIMEDOUT: "connection timed out",
  EADDRNOTAVAIL: "cannot assign requested address",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EPIPE: "broken pipe",
  ENOENT: "no such file or directory",
};

const CERTIFICATE_TEXT: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "x509: certificate has expired or is not yet valid",
  CERT_NOT_YET_VALID: "x509: certificate has expired or is not yet valid",
  DEPTH_ZERO_SELF_SIGNED_CERT: "x509: certificate signed by unknown authority",
  SELF_SIGNED_CERT_IN_CHAIN: "x509: certificate signed by unknown authority",
  UNABLE_TO_GET_ISSUER_CERT: "x509: certificate signed by unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "x509: certificate signed by unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "x509: certificate signed by unknown authority",
};

/** What the other side's alerts are called, where OpenSSL has another name. */
const ALERT_TEXT: Readonly<Record<string, string>> = {
  "protocol version": "protocol version not supported",
  "unknown ca": "unknown certificate authority",
  "certificate expired": "expired certificate",
  "certificate revoked": "revoked certificate",
};

/** Of a port that speaks something else than TLS. */
export const NO_HANDSHAKE = "tls: first record does not look like a TLS handshake";

export interface SystemError extends Error {
  readonly code?: string;
  readonly syscall?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
  /** With ERR_TLS_CERT_ALTNAME_INVALID: the name asked for, and the certificate. */
  readonly host?: string;
  readonly cert?: { readonly subjectaltname?: string };
}

/** @param target `host:port` as written, for errors that carry no address. */
export function dialErrorText(network: "tcp" | "udp", target: string, given: Error): string {
  const error = firstOf(given);
  const code = error.code ?? "";
  const handshake = handshakeText(error);
  if (handshake !== undefined) return handshake;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    const reason = code === "ENOTFOUND" ? "no such host" : "server misbehaving";
    return `dial ${network}: lookup ${error.hostname ?? target}: ${reason}`;
  }
  const address = error.address === undefined ? target : joinHostPort(error.address, error.port);
  const text = SYSTEM_TEXT[code] ?? error.message;
  return error.syscall === "read" || error.syscall === "write"
    ? `${error.syscall} ${network} ${address}: ${error.syscall}: ${text}`
    : `dial ${network} ${address}: connect: ${text}`;
}

export function dialTimeoutText(network: "tcp" | "udp", target: string): string {
  return `dial ${network} ${target}: i/o timeout`;
}

/** What Go says of a handshake that came to nothing, or undefined for any other error. */
export function handshakeText(error: SystemError): string | undefined {
  if (error.code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const names = (error.cert?.subjectaltname ?? "").replaceAll(/(DNS|IP Address|URI|email):/g, "");
    if (names === "") return "x509: certificate is not valid for any names";
    return `x509: certificate is valid for ${names}, not ${error.host}`;
  }
  // The same failure has a code of OpenSSL's or EPROTO, by whether it met a read or a write.
  const reason = /SSL routines:[^:]*:([^:]+)/.exec(error.message)?.[1] ?? "";
  if (reason === "wrong version number") return NO_HANDSHAKE;
  const alert = /^(?:tlsv\d+|sslv3) alert (.+)$/.exec(reason)?.[1];
  if (alert !== undefined) return `remote error: tls: ${ALERT_TEXT[alert] ?? alert}`;
  return CERTIFICATE_TEXT[error.code ?? ""];
}

/** Node tries every address of a name and reports all failures; Go reports the first. */
function firstOf(error: Error): SystemError {
  const first = error instanceof AggregateError ? (error.errors[0] as SystemError | undefined) : undefined;
  return first ?? error;
}

export function joinHostPort(host: string, port: number | string | undefined): string {
  const written = host.includes(":") ? `[${host}]` : host;
  return port === undefined ? written : `${written}:${port}`;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`. @returns Go's text for what is wrong with it otherwise. */
export function splitHostPort(target: string): HostPort | { readonly problem: string } {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(.*)$/s.exec(target);
  if (match === null) {
    const reason = target.split(":").length > 2 ? "too many colons in address" : "missing port in address";
    return { problem: `address ${target}: ${reason}` };
  }
  const [, bracketed, plain, portText = ""] = match;
  const port = Number(portText);
  if (!/^\d+$/.test(portText))
    return { problem: `lookup tcp/${portText}: nodename nor servname provided, or not known` };
  if (port > 65_535) return { problem: `address ${portText}: invalid port` };
  const host = bracketed ?? plain ?? "";
  // Whatever cannot stand in a URL is no host name either, and the libraries below would throw.
  if (host !== "" && !URL.canParse(`http://${joinHostPort(host, port)}`))
    return { problem: `lookup ${host}: no such host` };
  return { host, port };
}
