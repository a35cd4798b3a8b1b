import {
  aliased,
  bool,
  ConnectProxyConfig,
  called,
  type Infer,
  int,
  list,
  map,
  nullable,
  ServiceAddress,
  ServiceConnect,
  struct,
  text,
  Weights,
} from "@tribune/api";
import { CheckType } from "../../../checks/check-type.ts";

/** The body of `PUT /v1/agent/service/register`. */
export const ServiceDefinition = aliased(
  struct("ServiceDefinition", {
    Kind: text,
    ID: text,
    Name: text,
    Tags: list(text),
    Address: text,
    TaggedAddresses: map(ServiceAddress),
    Meta: map(text),
    Port: int,
    SocketPath: text,
    Check: CheckType,
    Checks: called("structs.CheckTypes", list(nullable(CheckType))),
    Weights: nullable(Weights),
    Token: text,
    EnableTagOverride: bool,
    Proxy: nullable(ConnectProxyConfig),
    Connect: nullable(ServiceConnect),
  }),
);
export type ServiceDefinition = Infer<typeof ServiceDefinition>;

const CHECK_FIELDS = struct("CheckDefinition", { ID: text, ServiceID: text, Token: text });

/** The body of `PUT /v1/agent/check/register`: a check type whose `CheckID` is spelled `ID`. */
export type CheckDefinition = Omit<CheckType, "CheckID"> & Infer<typeof CHECK_FIELDS>;
export const CheckDefinition = {
  kind: "struct",
  name: "CheckDefinition",
  goType: "structs.CheckDefinition",
  aliased: true,
  fields: [...CHECK_FIELDS.fields, ...CheckType.fields.filter((field) => field.name !== "CheckID")],
} as const;

/** The body of `PUT /v1/agent/check/update/:id`. */
export const CheckUpdate = struct("checkUpdate", { Status: text, Output: text });
