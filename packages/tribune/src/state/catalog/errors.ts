/** Refusals of the catalog. Clients see the texts, so they are Consul's. */
import { TribuneError } from "../../lib/errors.ts";

export const missingNode = () => TribuneError.internal("Missing node registration");
export const missingService = () => TribuneError.internal("Missing service registration");

/** Runs a step and puts Consul's words before the text of its refusal. */
export function explain<T>(step: () => T, words: (text: string) => string): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof TribuneError) throw new TribuneError(error.kind, words(error.message), { cause: error });
    throw error;
  }
}
