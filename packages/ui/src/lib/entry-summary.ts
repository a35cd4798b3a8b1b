import { type IntentionSource, ruleText } from "./intention.ts";

type Fields = Readonly<Record<string, unknown>>;
const object = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const list = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(object) : []);
const names = (values: readonly unknown[]): string =>
  values.filter((each) => each !== "" && each !== undefined).join(", ");
const part = (word: string, value: unknown): string => (value ? `${word} ${String(value)}` : "");

const summaries: Readonly<Record<string, (entry: Fields) => readonly string[]>> = {
  "service-defaults": ({ Protocol, MeshGateway, ExternalSNI }) => [
    part("protocol", Protocol),
    part("mesh gateway", object(MeshGateway).Mode),
    part("SNI", ExternalSNI),
  ],
  "proxy-defaults": ({ Config, MeshGateway, Mode }) => [
    ...Object.entries(object(Config)).map(([key, value]) => `${key} ${text(value)}`),
    part("mesh gateway", object(MeshGateway).Mode),
    part("mode", Mode),
  ],
  "service-intentions": ({ Sources }) =>
    (list(Sources) as unknown as readonly IntentionSource[]).map(({ Name, Action, Permissions }) =>
      Permissions?.length ? `${Name}: ${Permissions.map(ruleText).join(", ")}` : `${Name}: ${Action}`,
    ),
  "service-resolver": ({ Subsets, DefaultSubset, Redirect, Failover, ConnectTimeout }) => [
    part("subsets", names(Object.keys(object(Subsets)))),
    part("default", DefaultSubset),
    part("redirects to", names([object(Redirect).Service, object(Redirect).Datacenter])),
    part("fails over", Object.keys(object(Failover)).length > 0 ? `for ${names(Object.keys(object(Failover)))}` : ""),
    part("connects within", ConnectTimeout),
  ],
  "service-splitter": ({ Splits }) =>
    list(Splits).map(
      ({ Weight, Service, ServiceSubset }) => `${String(Weight)} % ${names([Service, ServiceSubset]) || "itself"}`,
    ),
  "service-router": ({ Routes }) =>
    list(Routes).map(({ Match, Destination }) => {
      const http = object(object(Match).HTTP);
      const path = String(http.PathExact ?? http.PathPrefix ?? http.PathRegex ?? "everything");
      const { Service, ServiceSubset } = object(Destination);
      return `${path} → ${names([Service, ServiceSubset]) || "itself"}`;
    }),
  "ingress-gateway": ({ Listeners }) =>
    list(Listeners).map(
      ({ Port, Protocol, Services }) =>
        `${String(Port)} ${String(Protocol ?? "tcp")}: ${names(list(Services).map(({ Name }) => Name))}`,
    ),
  "terminating-gateway": ({ Services }) => [names(list(Services).map(({ Name }) => Name))],
};

/** What a config entry says, in a line for people; JSON where its kind is not known. */
export function entrySummary(entry: Fields): string {
  const parts = summaries[String(entry.Kind)]?.(entry).filter((each) => each !== "") ?? [];
  if (parts.length > 0) return parts.join(" · ");
  const { Kind: _kind, Name: _name, CreateIndex: _created, ModifyIndex: _changed, ...rest } = entry;
  return JSON.stringify(rest).slice(1, -1);
}

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
