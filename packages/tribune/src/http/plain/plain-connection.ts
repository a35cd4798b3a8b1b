import type { Socket } from "node:net";
import type { BusyPoll, ReturningClient } from "./busy-poll.ts";
import type { DateLine } from "./head-text.ts";
import type { HeaderBlocks } from "./header-blocks.ts";
import { PlainRequest } from "./plain-request.ts";
import { PlainResponse, type ResponseHost } from "./plain-response.ts";
import { isBegunLine } from "./raw-target.ts";
import { type RequestHead, readHead } from "./request-head.ts";

/** What the connections of one door share. */
export interface PlainHost {
  readonly dates: DateLine;
  readonly poll: BusyPoll;
  readonly blocks: HeaderBlocks;
  /** Heads from here on are Node's. */
  readonly headBytesMax: number;
  handle(request: PlainRequest, response: PlainResponse): void;
  /** Node's HTTP has the socket from here on, and reads these bytes first. */
  handOver(connection: PlainConnection, bytes: Buffer): void;
  /** Bytes that will never become a request. */
  refuse(socket: Socket): void;
  /** It owes the rest of a line, and may take no longer than one that has not said a word. */
  awaitsLine(connection: PlainConnection): void;
  spoke(connection: PlainConnection): void;
  closed(connection: PlainConnection): void;
}

/** Longer bodies are Node's: it reads them piece by piece. */
export const WHOLE_BODY_BYTES_MAX = 64 * 1_024;
/** What a client may send ahead while its last request is answered; then it is not read from. */
const AHEAD_BYTES_MAX = 64 * 1_024;
/** Requests of one client that are answered in one turn of the event loop. */
const TURN_REQUESTS_MAX = 32;

const NOTHING = Buffer.alloc(0);

/**
 * A connection while all that comes on it is plain requests: one after another, each answered before the next is read.
 * At the first byte that is not plain it becomes Node's, which then sees everything that was not answered.
 */
export class PlainConnection implements ResponseHost {
  readonly socket: Socket;
  readonly #host: PlainHost;
  /** Since its first answer. */
  #client: ReturningClient | undefined;
  #hasSpoken = false;
  /** To the request that is being answered. */
  #response: PlainResponse | undefined;
  #isReading = false;
  /** A request whose body is not all there: its bytes so far, in a buffer as long as it will be. */
  #partial: Buffer | undefined;
  #partialBytes = 0;
  /** The beginning of a request line: whose a request is cannot be told before its target is there. */
  #line: Buffer | undefined;
  /** What came while the last request was being answered. */
  #ahead: Buffer[] | undefined;
  #aheadBytes = 0;
  /** The socket is paused, and what is to be read next is there. */
  #isHeld = false;

  constructor(socket: Socket, host: PlainHost) {
    this.socket = socket;
    this.#host = host;
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("drain", this.#onDrain);
    socket.on("error", onError);
    socket.on("close", this.#onClose);
  }

  finished(closes: boolean): void {
    this.#response = undefined;
    this.#client ??= this.#host.poll.newcomer();
    this.#client.answered();
    if (closes) {
      this.#ahead = undefined;
      this.socket.destroySoon();
    } else if (this.#ahead !== undefined && !this.#isReading) {
      const bytes = Buffer.concat(this.#ahead, this.#aheadBytes);
      this.#ahead = undefined;
      this.#aheadBytes = 0;
      if (this.socket.readableEnded) return; // nobody waits for an answer any more
      this.#hold(bytes);
      setImmediate(this.#goOn);
    }
  }

  /** Takes its hands off the socket. */
  release(): void {
    const { socket } = this;
    socket.off("data", this.#onData);
    socket.off("end", this.#onEnd);
    socket.off("drain", this.#onDrain);
    socket.off("error", onError);
    socket.off("close", this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.#hasSpoken) {
      this.#hasSpoken = true;
      this.#host.spoke(this);
    }
    if (this.#response !== undefined) this.#keepAhead(chunk);
    else if (this.#partial !== undefined) this.#fill(chunk);
    else if (this.#line !== undefined) this.#continueLine(this.#line, chunk);
    else {
      this.#client?.asks(); // with its first bytes: the others say nothing of how soon it came back
      this.#read(chunk);
    }
  };

  readonly #onEnd = (): void => {
    if (this.#partial !== undefined || this.#line !== undefined) this.#host.refuse(this.socket);
    else this.socket.end(); // as Node: who closes his side does not wait for an answer
  };

  readonly #onDrain = (): void => {
    if (this.#response !== undefined) this.#response.drained();
    else this.#goOn();
  };

  readonly #onClose = (): void => {
    this.#partial = undefined;
    this.#line = undefined;
    this.#ahead = undefined;
    this.#host.closed(this);
    const response = this.#response;
    this.#response = undefined;
    response?.gone();
  };

  /** With all that has come by now in one piece: half a head alone would be Node's. */
  readonly #goOn = (): void => {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.socket.read();
    if (!this.#isHeld) this.socket.resume();
  };

  /** Holds back what cannot be read yet, and with it the client's end: what comes before that may be Node's. */
  #hold(bytes: Buffer): void {
    this.#isHeld = true;
    this.socket.pause();
    this.socket.unshift(bytes);
  }

  #keepAhead(bytes: Buffer): void {
    this.#ahead ??= [];
    this.#ahead.push(bytes);
    this.#aheadBytes += bytes.length;
    if (this.#aheadBytes > AHEAD_BYTES_MAX) this.socket.pause();
  }

  #read(bytes: Buffer): void {
    this.#isReading = true;
    let left = bytes;
    for (let answered = 0; left.length > 0 && this.socket.writable; answered++) {
      if (answered === TURN_REQUESTS_MAX || this.socket.writableNeedDrain) {
        this.#hold(left);
        if (!this.socket.writableNeedDrain) setImmediate(this.#goOn);
        break;
      }
      const head = readHead(left, 0, this.#host.headBytesMax, this.#host.blocks);
      if (head === undefined && left.length < this.#host.headBytesMax && isBegunLine(left)) {
        this.#line = left;
        this.#host.awaitsLine(this);
        break;
      }
      if (head === undefined || head.block.contentLength > WHOLE_BODY_BYTES_MAX) {
        this.#host.handOver(this, left);
        break;
      }
      const bytes = head.bytes + head.block.contentLength;
      if (bytes > left.length) {
        this.#await(left, bytes);
        break;
      }
      const rest = left.length === bytes ? NOTHING : left.subarray(bytes);
      this.#ask(head, head.block.contentLength === 0 ? NOTHING : left.subarray(head.bytes, bytes));
      left = rest;
      if (this.#response !== undefined) {
        if (left.length > 0) this.#keepAhead(left);
        break;
      }
    }
    this.#isReading = false;
  }

  #ask(head: RequestHead, body: Buffer): void {
    const response = new PlainResponse(this, this.#host.dates, head.method === "HEAD", head.block.closes);
    this.#response = response;
    this.#host.handle(new PlainRequest(head, body, this.socket), response);
  }

  #continueLine(line: Buffer, chunk: Buffer): void {
    this.#line = undefined;
    this.#read(Buffer.concat([line, chunk]));
    if (this.#line === undefined) this.#host.spoke(this);
  }

  #await(bytes: Buffer, total: number): void {
    this.#partial = Buffer.allocUnsafeSlow(total);
    this.#partialBytes = bytes.copy(this.#partial);
  }

  #fill(chunk: Buffer): void {
    const partial = this.#partial!;
    const taken = chunk.copy(partial, this.#partialBytes);
    this.#partialBytes += taken;
    if (this.#partialBytes < partial.length) return;
    this.#partial = undefined;
    this.#read(taken === chunk.length ? partial : Buffer.concat([partial, chunk.subarray(taken)]));
  }
}

/** A connection that breaks closes, and `close` says all that matters. Without a listener it would end the program. */
function onError(): void {}
