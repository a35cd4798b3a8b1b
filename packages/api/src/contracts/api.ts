import { local } from "../contract.ts";

export const apiContracts = {
  openApi: local({
    http: "GET /v1/openapi.json",
    parameters: {},
    acl: { by: "none" },
    summary: "This API as an OpenAPI 3.1 document",
    answers: "OpenApi",
  }),
};
