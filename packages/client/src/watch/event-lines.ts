/** One event of a stream, as the server sent it. */
export interface ServerEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** Puts a stream of events (WHATWG HTML §9.2.6) together from pieces of any size. Comments and what it does not need are left out. */
export class EventLines {
  readonly #decoder = new TextDecoder();
  /** Of a line that has not ended. */
  #pieces: string[] = [];
  #event = "";
  #data: string[] = [];
  #id: string | undefined;

  /** @returns the events that end in this piece. */
  push(bytes: Uint8Array): readonly ServerEvent[] {
    const lines = this.#decoder.decode(bytes, { stream: true }).split("\n");
    const rest = lines.pop()!;
    const events: ServerEvent[] = [];
    for (const part of lines) {
      this.#pieces.push(part);
      const line = this.#pieces.join("");
      this.#pieces = [];
      const event = this.#line(line.endsWith("\r") ? line.slice(0, -1) : line);
      if (event !== undefined) events.push(event);
    }
    if (rest !== "") this.#pieces.push(rest);
    return events;
  }

  #line(line: string): ServerEvent | undefined {
    if (line === "") {
      const event = { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id };
      const isEmpty = this.#data.length === 0;
      this.#event = "";
      this.#data = [];
      return isEmpty ? undefined : event;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "event") this.#event = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id") this.#id = value;
    return undefined;
  }
}
