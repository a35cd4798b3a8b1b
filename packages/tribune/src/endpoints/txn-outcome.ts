/** What came of a transaction, as HTTP shows it. */
import { list, TxnResult, toJson } from "@tribune/api";
import { stringifyGo } from "../lib/go-json.ts";
import { ROWS_A_STEP } from "../lib/steps.ts";
import type { TxnOutcome } from "./agent-api.ts";
import type { Answer } from "./answer.ts";
import { jsonTexts, listTexts } from "./json-texts.ts";
import { keyResultsJson, keyResultText } from "./kv-json.ts";

// Results show what Consul's own marshaller shows: no value where the operation wrote it.
const RESULTS = list(TxnResult);
const NO_HEADERS: readonly string[] = [];

/** @param meta what stands behind results and errors. */
export function outcomeBody(
  outcome: TxnOutcome,
  meta: Readonly<Record<string, unknown>> = {},
  headers: readonly string[] = NO_HEADERS,
): Answer {
  const isRefused = outcome.Errors !== null && outcome.Errors.length > 0;
  const status = isRefused ? 409 : 200;
  const Errors = isRefused ? outcome.Errors : null;
  const results = (outcome.Results ?? []) as readonly (TxnResult | null)[];
  if (results.length > ROWS_A_STEP) {
    const after = `,${stringifyGo({ Errors, ...meta }).slice(1)}`;
    return jsonTexts(
      function* () {
        yield '{"Results":';
        yield* listTexts(results, resultText);
        yield after;
      },
      { status, headers },
    );
  }
  const keys = isRefused || outcome.Results === null ? undefined : keyResultsJson(results);
  if (keys !== undefined) {
    const text = `{"Results":${keys},${stringifyGo({ Errors, ...meta }).slice(1)}`;
    return { kind: "jsonText", text, headers };
  }
  const Results = outcome.Results === null ? null : toJson(RESULTS, results as readonly TxnResult[]);
  return { kind: "json", status, headers, value: { Results, Errors, ...meta } };
}

function resultText(result: TxnResult | null): string {
  return keyResultText(result) ?? (result === null ? "null" : stringifyGo(toJson(TxnResult, result)));
}
