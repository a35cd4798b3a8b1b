import type { Endpoint } from "../endpoints/binding.ts";
import { HTTP_STATUS, TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { AnswerSender } from "./answer-sender.ts";
import { encode } from "./encoded.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import { REFUSED_FIELDS } from "./read-head.ts";
import { logged } from "./request-log.ts";

/** What becomes of an error: Consul's status and text for the client, and a line in the log where it is our fault. */
export class Refusals {
  readonly #sender: AnswerSender;
  readonly #logger: Logger;

  constructor(sender: AnswerSender, logger: Logger) {
    this.#sender = sender;
    this.#logger = logger;
  }

  /** @param headers what the answer says beside its status: a flat name/value list */
  send(
    request: HttpRequest | undefined,
    response: HttpResponse,
    error: unknown,
    headers: readonly string[] = [],
  ): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const known = error instanceof TribuneError;
    const message = error instanceof Error ? error.message : String(error);
    const status = known ? HTTP_STATUS[error.kind] : 500;
    if (status >= 500) {
      // Of what nobody has foreseen the log says where it came from.
      const cause = !known && error instanceof Error ? error.stack : message;
      this.#logger.error("Request error", { ...(request && logged(request)), error: cause });
    }
    this.#sender.send(response, encode({ kind: "text", status, text: message, headers }, false), []);
  }
}

/** What a read that servers refused says of itself; nothing where they only did not find it. */
export function refusedFields({ contract }: Endpoint, error: unknown): readonly string[] {
  const isRead = contract.kind === "read" || (contract.kind === "call" && contract.queryOptions === true);
  if (!isRead || contract.plainRefusals === true) return [];
  return error instanceof TribuneError && error.kind === "notFound" ? [] : REFUSED_FIELDS;
}
