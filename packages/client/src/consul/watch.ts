import { EventEmitter } from "node:events";
import { type Caller, responseOf } from "./caller.ts";
import { plainDurationMs } from "./duration.ts";
import { type ConsulError, plain, type Response } from "./errors.ts";
import { type Fields, plainNames } from "./fields.ts";

// biome-ignore lint/suspicious/noExplicitAny: whatever method of the client, or a function of the caller's own
export type WatchedMethod = (options: any) => Promise<any>;

export interface WatchOptions {
  /** Such as `consul.kv.get`. */
  readonly method: WatchedMethod;
  readonly options?: Fields;
  /** Milliseconds; doubled with each failure. Default 100. */
  readonly backoffFactor?: number;
  /** Default 30,000. */
  readonly backoffMax?: number;
  /** Failures in a row before it ends. Default: no end. */
  readonly maxAttempts?: number;
}

const WAIT = "30s";

/**
 * Emits `change` (data, response) with the first answer and each newer one, `error` (error, response) when a question
 * failed and before it is asked again, `end` when nothing more will come.
 */
export class Watch extends EventEmitter {
  /** The methods answer with their response. */
  readonly includeResponse = true;
  readonly #context: unknown;
  readonly #method: WatchedMethod;
  readonly #options: Record<string, unknown>;
  readonly #factorMs: number;
  readonly #maxMs: number;
  readonly #attemptsMax: number;
  #index: bigint;
  #attempts = 0;
  #updateTime: number | undefined;
  #ended = false;

  constructor(consul: unknown, caller: Caller, given: WatchOptions) {
    super();
    const { method, options, backofffactor, backoffmax, maxattempts } = plainNames(given);
    if (typeof method !== "function") throw plain("method required", true);
    const wanted = { ...caller.defaults, ...plainNames(options) } as Record<string, unknown>;
    const wait = wanted.wait || WAIT;
    const waitMs = plainDurationMs(wait) ?? 0;
    // The server adds a sixteenth at most.
    const timeout = wanted.timeout ?? Math.ceil(waitMs + Math.max(waitMs / 10, 500));
    this.#context = { consul };
    this.#method = method as WatchedMethod;
    this.#options = { ...wanted, wait, timeout, ctx: this };
    this.#factorMs = typeof backofffactor === "number" ? backofffactor : 100;
    this.#maxMs = typeof backoffmax === "number" ? backoffmax : 30_000;
    this.#attemptsMax = typeof maxattempts === "number" && maxattempts >= 0 ? maxattempts : Number.POSITIVE_INFINITY;
    this.#index = wholeNumber(wanted.index) ?? 0n;
    process.nextTick(() => void this.#run());
  }

  isRunning(): boolean {
    return !this.#ended;
  }

  /** Unix milliseconds of the last answer. */
  updateTime(): number | undefined {
    return this.#updateTime;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.emit("cancel");
    this.emit("end");
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      const outcome = await this.#ask();
      if (this.#ended) return;
      const failure = "error" in outcome ? outcome.error : this.#take(outcome.response, outcome.data);
      if (failure !== undefined && !(await this.#failed(failure, outcome.response))) return;
    }
  }

  async #ask(): Promise<{ response: Response; data: unknown } | { error: unknown; response: Response | undefined }> {
    try {
      const options = { ...this.#options, index: String(this.#index) };
      const [response, data] = (await this.#method.call(this.#context, options)) as [Response, unknown];
      return { response, data };
    } catch (error) {
      return { error, response: responseOf(error) };
    }
  }

  /** @returns what is wrong with the answer */
  #take(response: Response, data: unknown): ConsulError | undefined {
    this.#updateTime = Date.now();
    this.#attempts = 0;
    const index = wholeNumber(response.headers["x-consul-index"]);
    if (index === undefined) return plain("Watch not supported", true);
    if (index === 0n) return plain("Consul returned zero index value");
    const back = index < this.#index;
    const changed = index !== this.#index;
    this.#index = back ? 0n : index;
    if (changed) this.emit("change", data, response);
    return undefined;
  }

  /** @returns whether to go on */
  async #failed(error: unknown, response: Response | undefined): Promise<boolean> {
    this.emit("error", error, response);
    const hopeless = (error as ConsulError).isValidation === true || response?.statusCode === 400;
    if (hopeless || this.#attempts >= this.#attemptsMax) {
      this.end();
      return false;
    }
    const pauseMs = Math.min(this.#maxMs, this.#factorMs * 2 ** Math.min(++this.#attempts, 30));
    await new Promise<void>((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        this.removeListener("cancel", go);
        resolve();
      };
      const timer = setTimeout(go, pauseMs);
      this.once("cancel", go);
    });
    return true;
  }
}

function wholeNumber(value: unknown): bigint | undefined {
  return /^\d+$/.test(String(value ?? "")) ? BigInt(String(value)) : undefined;
}
