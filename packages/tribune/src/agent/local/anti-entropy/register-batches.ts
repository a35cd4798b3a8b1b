import type { RegisterRequest } from "@tribune/api";
import { type ErrorKind, TribuneError } from "../../../lib/errors.ts";
import type { Timers } from "../../../lib/runtime.ts";

/** Services and checks in one transaction: what Consul's HTTP door lets in, so that no log entry is larger than it expects. */
const OPS_MAX = 64;
/** Errors that say nothing of the request: it was not carried out, and may be asked again as it is. */
const NOT_DONE: ReadonlySet<ErrorKind> = new Set(["unavailable", "rateLimited", "overloaded"]);
/** Calls under way, beyond which registrations gather: one that a server flushes, one on its way. */
const CALLS_MAX = 2;

export interface RegisterCalls {
  /** `Catalog.Register`. */
  one(request: RegisterRequest): Promise<void>;
  /**
   * The services and checks of several requests with one token, all or none.
   * @returns whether they are registered; false when some of them were refused and so none is.
   */
  all(requests: readonly RegisterRequest[]): Promise<boolean>;
}

interface Waiting {
  readonly request: RegisterRequest;
  readonly ops: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Registrations that wait for others go to the catalog together: a transaction costs a server one log entry and one flush
 * however many services it holds. A lone one is sent at once, and as what it always was. What is refused in company is
 * tried again alone, so that each service gets its own answer.
 */
export class RegisterBatches {
  readonly #calls: RegisterCalls;
  readonly #timers: Pick<Timers, "soon">;
  #waiting: Waiting[] = [];
  #underWay = 0;
  #scheduled = false;

  constructor(calls: RegisterCalls, dependencies: { readonly timers: Pick<Timers, "soon"> }) {
    this.#calls = calls;
    this.#timers = dependencies.timers;
  }

  register(request: RegisterRequest): Promise<void> {
    const ops = opsOf(request);
    // A transaction would not touch the node's own row.
    if (!request.SkipNodeUpdate || ops === 0 || ops > OPS_MAX) return this.#calls.one(request);
    if (this.#underWay === 0 && this.#waiting.length === 0) return this.#counted(this.#calls.one(request));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, ops, resolve, reject });
      this.#schedule();
    });
  }

  /** Later in this turn others may come: whoever waits for an answer does. */
  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0 || this.#underWay >= CALLS_MAX) return;
    this.#scheduled = true;
    this.#timers.soon(() => {
      this.#scheduled = false;
      while (this.#waiting.length > 0 && this.#underWay < CALLS_MAX) this.#send(this.#take());
    });
  }

  /** The first that waits and, of the others, those with its token: as many as one transaction may hold. */
  #take(): readonly Waiting[] {
    const token = this.#waiting[0]!.request.Token;
    const taken: Waiting[] = [];
    const left: Waiting[] = [];
    let ops = 0;
    for (const one of this.#waiting) {
      const fits = one.request.Token === token && ops + one.ops <= OPS_MAX;
      if (fits) ops += one.ops;
      (fits ? taken : left).push(one);
    }
    this.#waiting = left;
    return taken;
  }

  #send(batch: readonly Waiting[]): void {
    if (batch.length === 1) return this.#sendAlone(batch[0]!);
    const alone = (): void => {
      for (const one of batch) this.#sendAlone(one);
    };
    this.#counted(this.#calls.all(batch.map(({ request }) => request))).then(
      (done) => {
        if (done) for (const { resolve } of batch) resolve();
        else alone();
      },
      (error: unknown) => {
        // A refusal of the whole may be due to one of them; without a server none of them has a chance.
        if (error instanceof TribuneError && !NOT_DONE.has(error.kind)) alone();
        else for (const { reject } of batch) reject(error);
      },
    );
  }

  #sendAlone({ request, resolve, reject }: Waiting): void {
    this.#counted(this.#calls.one(request)).then(resolve, reject);
  }

  async #counted<T>(call: Promise<T>): Promise<T> {
    this.#underWay++;
    try {
      return await call;
    } finally {
      this.#underWay--;
      this.#schedule();
    }
  }
}

function opsOf({ Service, Check, Checks }: RegisterRequest): number {
  return (Service === null ? 0 : 1) + (Check === null ? 0 : 1) + (Checks?.length ?? 0);
}
