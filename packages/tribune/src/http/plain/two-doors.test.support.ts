import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { silentLogger } from "../../lib/log.ts";
import { AnswerSender } from "../answer-sender.ts";
import { readBody } from "../body.ts";
import { Connections, refuseGarbage } from "../connections.ts";
import type { HttpRequest, HttpResponse } from "../exchange.ts";
import { DateLine } from "./head-text.ts";
import { PlainDoor } from "./plain-door.ts";

/** The end of what is said to a server. */
const GOODBYE = Buffer.from("GET /goodbye HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
const BODY_BYTES_MAX = 80_000;
const HEADER_BYTES_MAX = 16_384;
const DEADLINE_MS = 60_000;

/** What one of the two made of some bytes. */
export interface Heard {
  /** Method, target and headers of each request that reached the handler. */
  readonly seen: readonly string[];
  /** All that it said, without the time of day. */
  readonly said: string;
  /** How many of the requests were read by the plain door. */
  readonly plain: number;
}

/** One handler behind two doors: the plain one with Node's behind it, and Node's alone. */
export interface TwoDoors {
  /**
   * Says the same to both, in pieces, and closes its side.
   *
   * @throws AssertionError where they do not understand the same
   */
  ask(pieces: readonly Uint8Array[]): Promise<Heard>;
  /** To the plain one only. */
  askPlain(pieces: readonly Uint8Array[]): Promise<Heard>;
  /** Requests that were read by the plain door since it was last asked. */
  plainRequests(): number;
  close(): void;
}

/** Whether anything follows an answer that closes the connection is chance. */
const LAST_ANSWER = /^.*?\r\nConnection: close\r\n.*?(?=HTTP\/1\.1 \d|$)/s;
const REFUSAL = /HTTP\/1\.1 (?:400|431) [^\r]*\r\nContent-Type: [^\r]*\r\nConnection: close\r\n.*$/s;

/** Whether all is answered, or by the plain door at least what that has read. */
function allAnswered({ said, seen, plain }: Heard): boolean {
  const answers = said.match(/HTTP\/1\.1 \d/g)?.length ?? 0;
  return (answers > 0 && answers === seen.length) || answers < plain;
}

/**
 * Both say the same. But answers of Node's to what came before the end of a connection may be lost if all of it came at
 * once, and Node begins with a request before its body is there.
 */
function compare(plain: Heard, node: Heard): void {
  const [refusal = ""] = REFUSAL.exec(node.said) ?? [];
  const answers = ({ said }: Heard): string => said.replace(REFUSAL, "");
  if (refusal === "" && allAnswered(node) && allAnswered(plain)) {
    assert.equal(plain.said, node.said);
    assert.deepEqual(plain.seen, node.seen);
    return;
  }
  const both = `${plain.said}\ninstead of\n${node.said}`;
  assert.ok(answers(plain).startsWith(answers(node)) || answers(node).startsWith(answers(plain)), both);
  assert.ok(plain.said.endsWith(refusal) || /\nConnection: close\r\n/.test(plain.said), both);
  const common = Math.min(plain.seen.length, node.seen.length);
  assert.deepEqual(plain.seen.slice(0, common), node.seen.slice(0, common));
}

/** Both answer with what they were asked; where the target says so, in other shapes. */
export async function twoDoors(): Promise<TwoDoors> {
  const clock = { nowMs: () => performance.now(), wallMs: () => Date.now() };
  const dates = new DateLine(clock);
  const sender = new AnswerSender(clock, dates, (response) => response.destroy());
  const connections = new Connections(10_000, silentLogger);
  const seen: [plain: string[], node: string[]] = [[], []];
  let plainRequests = 0;
  const [behind, alone] = seen.map((list) =>
    createServer({ maxHeaderSize: HEADER_BYTES_MAX, keepAliveTimeout: 0 }, (request, response) =>
      echo(sender, list, request, response),
    ),
  ) as [Server, Server];
  const handle = (request: HttpRequest, response: HttpResponse): void => {
    plainRequests++;
    echo(sender, seen[0], request, response);
  };
  const options = { secure: false, headerBytesMax: HEADER_BYTES_MAX };
  const door = new PlainDoor(behind, options, { connections, dates, handle });
  // What Node says to bytes above 127 in a target is known; what it would say to their escapes is asked.
  const nodes: { rawAt: number | undefined; lastRequest: number } = { rawAt: undefined, lastRequest: -1 };
  alone.on("clientError", (error: NodeJS.ErrnoException & { rawPacket?: Buffer; bytesParsed?: number }, socket) => {
    const { rawPacket, bytesParsed = 0 } = error;
    // Each later piece on the same connection is refused once more, with the place of the first refusal in another text.
    if (nodes.rawAt !== undefined) return;
    if (error.code !== "HPE_INVALID_URL" || rawPacket === undefined || rawPacket[bytesParsed]! < 0x80) return;
    nodes.rawAt = (socket as Socket).bytesRead - rawPacket.length + bytesParsed;
  });
  alone.prependListener("request", (_, response) => {
    if (seen[1].length === nodes.lastRequest) response.shouldKeepAlive = false;
  });
  const ports = await Promise.all([behind, alone].map(listening));
  const heard = async (which: 0 | 1, pieces: readonly Uint8Array[]): Promise<Heard> => {
    seen[which].length = 0;
    const before = plainRequests;
    const said = await talk(ports[which]!, pieces);
    return { said, seen: [...seen[which]], plain: which === 0 ? plainRequests - before : 0 };
  };
  return {
    async ask(pieces) {
      nodes.lastRequest = -1;
      nodes.rawAt = undefined;
      const [plain, first] = await Promise.all([heard(0, pieces), heard(1, pieces)]);
      let node = first;
      let bytes: Buffer = Buffer.concat(pieces);
      // Those that the plain door read itself, and the first of those that it left to Node.
      while (nodes.rawAt !== undefined && node.seen.length <= plain.plain) {
        if (node.seen.length === plain.plain) nodes.lastRequest = plain.plain;
        bytes = withEscapes(bytes, nodes.rawAt);
        nodes.rawAt = undefined;
        node = await heard(1, [bytes]);
      }
      compare(plain, node);
      return plain;
    },
    askPlain: (pieces) => heard(0, pieces),
    plainRequests() {
      const count = plainRequests;
      plainRequests = 0;
      return count;
    },
    close() {
      door.close();
      for (const server of [behind, alone]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

/** With what is above 127 escaped from there to the end of the word. */
function withEscapes(bytes: Buffer, at: number): Buffer {
  let end = at;
  while (end < bytes.length && bytes[end]! > 0x20) end++;
  const word = [...bytes.subarray(at, end)].map((byte) =>
    byte < 0x80 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase()}`,
  );
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(word.join("")), bytes.subarray(end)]);
}

async function listening(server: Server): Promise<number> {
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => refuseGarbage(error, socket as never));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function echo(sender: AnswerSender, seen: string[], request: HttpRequest, response: HttpResponse): void {
  const { method, url = "", headers } = request;
  seen.push(`${method} ${url} ${JSON.stringify({ ...headers })}`);
  const answer = (body: string): void => {
    const text = JSON.stringify({ method, url, headers: { ...headers }, body });
    if (url.startsWith("/pieces")) {
      response.writeHead(200, ["Content-Type", "text/plain"]);
      response.write(Buffer.from(text));
      response.write(Buffer.alloc(0));
      response.end(url.length > 8 ? text : undefined);
    } else if (url.startsWith("/nothing")) {
      response.writeHead(url.length > 9 ? 304 : 204, ["X-Any", "1"]);
      response.end("x");
    } else if (url.startsWith("/close")) {
      response.writeHead(200, ["Connection", "close", "Content-Length", "2"]);
      response.end("ok");
    } else if (url.startsWith("/long")) {
      sender.respond(
        { kind: "bytes", body: Buffer.alloc(20_000, text), contentType: "text/x" },
        false,
        request,
        response,
      );
    } else {
      sender.respond({ kind: "text", text }, false, request, response);
    }
  };
  readBody(
    request,
    BODY_BYTES_MAX,
    (body) => answer(body.toString("base64")),
    (error) => {
      sender.respond({ kind: "text", status: 400, text: error.message }, false, request, response);
    },
  );
}

function talk(port: number, pieces: readonly Uint8Array[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    const deadline = setTimeout(() => socket.destroy(new Error("no end to it")), DEADLINE_MS);
    let heard = "";
    socket.setEncoding("latin1").on("data", (chunk) => {
      heard += chunk;
    });
    const left = [...pieces, GOODBYE];
    const say = (): void => {
      const piece = left.shift();
      if (piece === undefined) socket.end();
      else socket.write(piece, () => setImmediate(say));
    };
    socket.on("connect", say);
    socket.on("end", () => socket.destroy());
    socket.on("error", (error: NodeJS.ErrnoException) => {
      // A server that has said its last word resets who goes on talking.
      if (error.code !== "ECONNRESET" && error.code !== "EPIPE") reject(error);
    });
    socket.on("close", () => {
      clearTimeout(deadline);
      const [untilLast = heard] = LAST_ANSWER.exec(heard) ?? [];
      resolve(untilLast.replaceAll(/\r\nDate: [^\r]*/g, ""));
    });
  });
}
