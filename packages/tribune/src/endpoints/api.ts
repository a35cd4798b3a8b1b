import { apiContracts, openApiDocument } from "@tribune/api";
import { TRIBUNE_VERSION } from "../lib/version.ts";
import { jsonText } from "./answer.ts";
import { type Bindings, bind } from "./binding.ts";

/** Always the same: made when first asked for. */
let document: string | undefined;

export const apiEndpoints = bind(apiContracts, {
  openApi: {
    answer() {
      document ??= JSON.stringify(openApiDocument(TRIBUNE_VERSION));
      return jsonText(document);
    },
  },
} satisfies Bindings<typeof apiContracts>);
