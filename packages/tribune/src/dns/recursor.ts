import { type DnsReply, encodeMessage, parseReply } from "../codec/dns-message.ts";
import { CLASS_IN, type DnsQuestion, type DnsRecord, FLAG, RCODE, TYPE } from "../codec/dns-types.ts";
import type { Logger } from "../lib/log.ts";
import { shuffle } from "../lib/random.ts";
import type { Runtime, Stream, UdpSocket } from "../lib/runtime.ts";
import type { RecursorAddress } from "./options.ts";
import { TcpFrames, tcpFrame } from "./tcp-frames.ts";
import type { Zone } from "./zone.ts";

export type Transport = "udp" | "tcp";

/** What this room needs of the outside world; it never touches a disk. */
export type DnsRuntime = Pick<Runtime, "clock" | "timers" | "rng" | "network">;

/** Exchanges in flight; more are refused at once instead of waiting in a queue that clients have long left. */
const EXCHANGES_MAX = 1024;

/**
 * Asks the configured upstream resolvers. Each exchange has a socket of its own, so its port is as random as the
 * system makes it; a reply counts only with the right sender, ID and question.
 */
export class Recursor {
  readonly #runtime: DnsRuntime;
  readonly #log: Logger;
  #inFlight = 0;

  constructor(runtime: DnsRuntime, log: Logger) {
    this.#runtime = runtime;
    this.#log = log;
  }

  /**
   * Forwards a client's packet, EDNS options and all, until a recursor knows (NOERROR) or knows better (NXDOMAIN).
   * @returns the reply with the client's ID, otherwise untouched; undefined when nobody answered.
   */
  async forward(
    packet: Uint8Array,
    question: DnsQuestion,
    transport: Transport,
    zone: Zone,
  ): Promise<Uint8Array | undefined> {
    for (const recursor of this.#inOrder(zone)) {
      const got = await this.#try(packet, question, recursor, transport, zone.options.recursorTimeoutMs);
      if (got === undefined) continue;
      const rcode = got.reply.flags & 0xf;
      if (rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN) {
        got.bytes.set(packet.subarray(0, 2));
        return got.bytes;
      }
      this.#log.debug("recurse failed for question", { question: question.name, recursor: recursor.host, rcode });
    }
    this.#log.error("all resolvers failed for question from client", { question: question.name });
    return undefined;
  }

  /** What a host name leads to: the answer section of an A question, whatever its response code. */
  async addresses(name: string, zone: Zone): Promise<readonly DnsRecord[]> {
    const question: DnsQuestion = { name, type: TYPE.A, class: CLASS_IN };
    const none = { answers: [], authority: [], additional: [], edns: undefined };
    const packet = encodeMessage({ id: 0, flags: FLAG.RD, question, ...none }, false);
    for (const recursor of this.#inOrder(zone)) {
      const got = await this.#try(packet, question, recursor, "udp", zone.options.recursorTimeoutMs);
      if (got !== undefined) return got.reply.answers;
    }
    this.#log.error("all resolvers failed for name", { name });
    return [];
  }

  #inOrder(zone: Zone): readonly RecursorAddress[] {
    return zone.options.recursorStrategy === "random"
      ? shuffle(this.#runtime.rng, [...zone.recursors])
      : zone.recursors;
  }

  async #try(
    packet: Uint8Array,
    question: DnsQuestion,
    recursor: RecursorAddress,
    transport: Transport,
    timeoutMs: number,
  ): Promise<Exchanged | undefined> {
    if (this.#inFlight >= EXCHANGES_MAX) {
      this.#log.warn("too many recursive queries in flight", { limit: EXCHANGES_MAX });
      return undefined;
    }
    this.#inFlight++;
    try {
      const request = Buffer.from(packet);
      request.set(this.#runtime.rng.bytes(2));
      const exchange = transport === "udp" ? this.#overUdp : this.#overTcp;
      const bytes = await exchange.call(this, request, question, recursor, timeoutMs);
      return accept(bytes, request, question);
    } catch (error) {
      this.#log.error("recurse failed", { recursor: recursor.host, error: (error as Error).message });
      return undefined;
    } finally {
      this.#inFlight--;
    }
  }

  async #overUdp(
    request: Uint8Array,
    question: DnsQuestion,
    { host, port }: RecursorAddress,
    timeoutMs: number,
  ): Promise<Uint8Array> {
    const { network, timers } = this.#runtime;
    let settle: (bytes: Uint8Array | Error) => void = () => {};
    const reply = new Promise<Uint8Array>((resolve, reject) => {
      settle = (bytes) => (bytes instanceof Error ? reject(bytes) : resolve(bytes));
    });
    const socket: UdpSocket = await network.bindUdp(anyAddress(host), 0, (packet, fromPort, fromHost) => {
      if (fromPort !== port || fromHost !== host) return;
      // A wrong ID is somebody's late or forged reply: wait on. Anything else is this recursor's last word.
      if (packet.length >= 2 && (packet[0] !== request[0] || packet[1] !== request[1])) return;
      if (accept(packet, request, question) === undefined) settle(new Error("malformed reply"));
      else settle(Buffer.from(packet));
    });
    const cancel = timers.after(timeoutMs, () => settle(new Error("i/o timeout")));
    try {
      socket.send(request, port, host);
      return await reply;
    } finally {
      cancel();
      await socket.close();
    }
  }

  async #overTcp(
    request: Uint8Array,
    _question: DnsQuestion,
    { host, port }: RecursorAddress,
    timeoutMs: number,
  ): Promise<Uint8Array> {
    const { network, timers } = this.#runtime;
    const stream: Stream = await network.connectTcp(host, port, timeoutMs);
    const frames = new TcpFrames();
    let cancel = (): void => {};
    try {
      return await new Promise<Uint8Array>((resolve, reject) => {
        stream.onData = (chunk) => {
          frames.push(chunk);
          const message = frames.next();
          if (message !== undefined) resolve(Buffer.from(message));
        };
        stream.onEnd = () => reject(new Error("connection ended"));
        stream.onClose = (error) => reject(error ?? new Error("connection closed"));
        cancel = timers.after(timeoutMs, () => reject(new Error("i/o timeout")));
        const frame = tcpFrame(request);
        if (frame !== undefined) stream.write(frame);
      });
    } finally {
      cancel();
      stream.destroy();
    }
  }
}

interface Exchanged {
  readonly bytes: Uint8Array;
  readonly reply: DnsReply;
}

/** The class is not compared: resolvers answer questions for other classes with IN. */
function accept(bytes: Uint8Array, request: Uint8Array, question: DnsQuestion): Exchanged | undefined {
  const reply = parseReply(bytes);
  if (reply === undefined || (reply.flags & FLAG.QR) === 0) return undefined;
  if (bytes[0] !== request[0] || bytes[1] !== request[1]) return undefined;
  const asked = reply.question;
  if (
    asked !== undefined &&
    (asked.type !== question.type || asked.name.toLowerCase() !== question.name.toLowerCase())
  ) {
    return undefined;
  }
  return { bytes, reply };
}

function anyAddress(host: string): string {
  return host.includes(":") ? "::" : "0.0.0.0";
}
