import { existsSync, readFileSync } from "node:fs";
import * as tls from "node:tls";
import type { ProbeTls } from "../probe.ts";

/** Where systems keep the authorities they trust; the first that exists is taken, as Go does. */
const SYSTEM_ROOTS = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** The agent's own TLS identity, used for checks when `enable_agent_tls_for_checks` is on. */
export interface AgentTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Name to verify where a check gives none: the agent's `server_name`, else its node name. */
  readonly serverName: string;
}

/** Builds the TLS side of probes. Contexts are costly (every root is parsed) and therefore shared. */
export class ProbeTlsContexts {
  private readonly agentTls: () => AgentTls | undefined;
  private shared: { readonly of: AgentTls | undefined; readonly context: tls.SecureContext } | undefined;

  /** @param agentTls read at each run: certificates change on reload. */
  constructor(agentTls: () => AgentTls | undefined) {
    this.agentTls = agentTls;
  }

  /** Options for `tls.connect` and everything built on it. `host` is the name in the target. */
  options(request: ProbeTls, host: string): tls.ConnectionOptions {
    const agentTls = this.agentTls();
    const name = request.serverName || agentTls?.serverName || host;
    return {
      secureContext: this.context(agentTls),
      rejectUnauthorized: !request.skipVerify,
      // An address is no server name (RFC 6066 §3), but is what the certificate has to be for.
      ...(isAddress(name) ? {} : { servername: name }),
      checkServerIdentity: (_host, certificate) => tls.checkServerIdentity(name, certificate),
    };
  }

  private context(agentTls: AgentTls | undefined): tls.SecureContext {
    if (this.shared !== undefined && this.shared.of === agentTls) return this.shared.context;
    const context = tls.createSecureContext({
      ca: agentTls?.ca ?? systemRoots(),
      ...(agentTls?.cert === undefined ? {} : { cert: agentTls.cert }),
      ...(agentTls?.key === undefined ? {} : { key: agentTls.key }),
    });
    this.shared = { of: agentTls, context };
    return context;
  }
}

/** Node's built-in roots where the system keeps none, or none that can be read. */
function systemRoots(): string | undefined {
  const path = process.env.SSL_CERT_FILE || SYSTEM_ROOTS.find((candidate) => existsSync(candidate));
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // as Go: a certificate that only they would vouch for is then refused, which the check tells
  }
}

function isAddress(name: string): boolean {
  return name.includes(":") || /^[\d.]+$/.test(name);
}
