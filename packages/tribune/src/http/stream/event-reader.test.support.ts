import assert from "node:assert/strict";

/** One view as its reader knows it. */
export interface ViewState {
  // biome-ignore lint/suspicious/noExplicitAny: whatever the endpoint answers
  readonly value: any;
  readonly status: number;
  readonly refusal?: number;
}

export interface StreamEvent {
  readonly id: string;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the endpoint answers
  readonly data: any;
}

/** Reads a stream of events as docs/streams.md says. */
export class EventReader {
  readonly events: StreamEvent[] = [];
  readonly state: Record<number, ViewState | undefined> = {};
  readonly headers: Headers;
  lastId = "";
  readonly #abort: AbortController;
  #changed = (): void => {};
  #ended: unknown;

  private constructor(response: Response, abort: AbortController) {
    this.headers = response.headers;
    this.#abort = abort;
    this.#follow(response.body!).catch((error: unknown) => {
      this.#ended = error;
      this.#changed();
    });
  }

  static async open(url: string, lastId = ""): Promise<EventReader> {
    const abort = new AbortController();
    const headers = lastId === "" ? {} : { "Last-Event-ID": lastId };
    const response = await fetch(url, { headers, signal: abort.signal });
    assert.equal(response.status, 200);
    return new EventReader(response, abort);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
  }

  /** Waits for a condition, 15 seconds at most. */
  async until(condition: (state: EventReader["state"]) => boolean, what: string): Promise<void> {
    const deadline = AbortSignal.timeout(60_000);
    deadline.addEventListener("abort", () => this.#changed());
    while (!condition(this.state)) {
      assert.ok(this.#ended === undefined, `the stream broke: ${String(this.#ended)}`);
      assert.ok(!deadline.aborted, `no sign of ${what}: ${JSON.stringify(this.events.at(-1))}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async #follow(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = "";
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split("\n\n");
      text = blocks.pop()!;
      for (const block of blocks) this.#take(block);
      this.#changed();
    }
    throw new Error("it has ended");
  }

  #take(block: string): void {
    const fields = new Map(block.split("\n").map((line) => line.split(/: ?(.*)/s) as [string, string]));
    const data = fields.get("data");
    if (data === undefined) return;
    const event = { id: fields.get("id")!, event: fields.get("event")!, data: JSON.parse(data) };
    this.lastId = event.id;
    this.events.push(event);
    const { Watch, Status, Value, Splices, Set: set, Unset } = event.data;
    if (event.event === "snapshot") this.state[Watch] = { status: Status, value: Value };
    if (event.event === "refused") this.state[Watch] = { status: 0, value: undefined, refusal: Status };
    if (event.event !== "change") return;
    let { value } = this.state[Watch] ?? {};
    if (Splices !== undefined) for (const { At, Remove, Add } of Splices) value?.splice(At, Remove, ...Add);
    else if (value !== undefined) {
      for (const name of Unset) delete value[name];
      value = Object.assign(value, set);
    }
  }
}
