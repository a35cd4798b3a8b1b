/**
 * The connection on which all of a client agent's event streams run. A server that is cut off from the others keeps its
 * streams open and says nothing, so it is asked from time to time when it last heard of a leader.
 */
import type { Logger } from "../../lib/log.ts";
import type { Cancel, Runtime, Stream } from "../../lib/runtime.ts";
import type { ServerMember } from "../../pool/server-tags.ts";
import { GrpcConnection } from "../../rpc/grpc-client.ts";
import type { ServerList } from "./server-list.ts";

/** How often the server is asked for its leader. */
const CONTACT_PERIOD_MS = 5_000;
/** A server that heard of none for this long is left: longer than others need to elect one. */
export const LEADERLESS_MS_MAX = 10_000;

export interface EventConnectionDependencies {
  readonly servers: Pick<ServerList, "servers" | "failed">;
  /** A stream behind byte 8. */
  readonly dial: (server: ServerMember) => Promise<Stream>;
  /** Milliseconds since the server heard of a leader; undefined: it never did, or does not answer. Never rejects. */
  readonly leaderContactMs: (server: ServerMember) => Promise<number | undefined>;
  readonly runtime: Pick<Runtime, "clock" | "timers">;
  readonly logger: Logger;
}

interface Opening {
  readonly opened: Promise<GrpcConnection>;
  /** Once it is open. */
  at: { readonly server: ServerMember; readonly connection: GrpcConnection } | undefined;
  cancelWatch: Cancel;
}

export class EventConnection {
  readonly #d: EventConnectionDependencies;
  #current: Opening | undefined;
  #contactAtMs = 0;

  constructor(dependencies: EventConnectionDependencies) {
    this.#d = dependencies;
  }

  /** When the server is known to have heard of a leader, by the runtime's clock; without one, that of the last one. */
  get contactAtMs(): number {
    return this.#contactAtMs;
  }

  /** Servers that cannot be reached or have no leader are passed over, once each; rejects when none is left. */
  open(): Promise<GrpcConnection> {
    const { at } = this.#current ?? {};
    // What a server that is about to end still has to say may come, but it takes nothing new.
    if (this.#current !== undefined && at?.connection.usable === false) this.#over(this.#current);
    if (this.#current !== undefined) return this.#current.opened;
    const opened = Promise.resolve().then(() => this.#dial(opening));
    const opening: Opening = { opened, at: undefined, cancelWatch: () => {} };
    this.#current = opening;
    opened.catch(() => this.#over(opening));
    return opened;
  }

  /** A dead machine closes no connection. */
  serverFailed({ name }: ServerMember): void {
    if (this.#current?.at?.server.name === name) this.hangUp();
  }

  hangUp(): void {
    const opening = this.#current;
    if (opening === undefined) return;
    this.#over(opening);
    opening.opened.then(
      (connection) => connection.close(),
      () => {}, // it never came about
    );
  }

  async #dial(opening: Opening): Promise<GrpcConnection> {
    const { servers, logger } = this.#d;
    const tried = new Set<string>();
    for (;;) {
      // Other calls turn the list meanwhile, so the first one may have been tried already, and another one not.
      const server = servers.servers.find(({ name }) => !tried.has(name));
      if (server === undefined) throw new Error("no server with a leader can be reached");
      tried.add(server.name);
      try {
        if (!(await this.#hearsOfLeader(server))) throw new Error("it has no leader");
        const stream = await this.#d.dial(server);
        const connection = new GrpcConnection(stream, this.#d.runtime.timers, () => this.#over(opening));
        opening.at = { server, connection };
        logger.debug("event streams run to a server", { server: server.name });
        if (this.#current === opening) this.#watchLater(opening, server);
        return connection;
      } catch (error) {
        logger.debug("could not open an event stream", { server: server.name, error });
        servers.failed(server);
      }
    }
  }

  #over(opening: Opening): void {
    opening.cancelWatch();
    if (this.#current === opening) this.#current = undefined;
  }

  #watchLater(opening: Opening, server: ServerMember): void {
    opening.cancelWatch = this.#d.runtime.timers.after(CONTACT_PERIOD_MS, () => {
      void this.#hearsOfLeader(server).then((hears) => {
        if (this.#current !== opening) return;
        if (hears) return this.#watchLater(opening, server);
        this.#d.logger.warn("leaving an event stream: its server has no leader", { server: server.name });
        this.#d.servers.failed(server);
        this.hangUp();
      });
    });
  }

  async #hearsOfLeader(server: ServerMember): Promise<boolean> {
    const { clock } = this.#d.runtime;
    const askedAtMs = clock.nowMs();
    const contactMs = await this.#d.leaderContactMs(server);
    if (contactMs === undefined || contactMs >= LEADERLESS_MS_MAX) return false;
    this.#contactAtMs = askedAtMs - contactMs;
    return true;
  }
}
