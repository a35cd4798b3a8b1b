// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates are written so
import assert from "node:assert/strict";
import { test } from "node:test";
import { make, PreparedQuery, PreparedQueryRequest, QueryTemplateOptions, ServiceQuery } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { MESSAGE } from "./message-types.ts";
import { preparedQueryResolve } from "./prepared-query.ts";
import { Machine, sessionId } from "./testing.ts";

interface Given {
  readonly service?: string;
  readonly tags?: readonly string[];
  readonly type?: string;
  readonly regexp?: string;
  readonly removeEmptyTags?: boolean;
  readonly session?: string;
}

class Queries extends Machine {
  set(n: number, Name: string, given: Given = {}): unknown {
    const { service = "web", tags = null, type = "", regexp = "", removeEmptyTags = false, session = "" } = given;
    const Template = make(QueryTemplateOptions, { Type: type, Regexp: regexp, RemoveEmptyTags: removeEmptyTags });
    const Service = make(ServiceQuery, { Service: service, Tags: tags });
    const Query = make(PreparedQuery, { ID: sessionId(n), Name, Template, Service, Session: session });
    return this.apply(
      MESSAGE.PREPARED_QUERY,
      PreparedQueryRequest,
      make(PreparedQueryRequest, { Op: "create", Query }),
    );
  }
  template(n: number, Name: string, given: Given): unknown {
    return this.set(n, Name, { type: "name_prefix_match", ...given });
  }
  service(nameOrId: string): string | undefined {
    return this.db.peek((tx) => preparedQueryResolve(tx, nameOrId))?.Service.Service;
  }
}
const text = (result: unknown): string => {
  assert.ok(result instanceof TribuneError);
  return result.message;
};

test("a name finds its own query before any template, and else the template with the longest name", () => {
  const machine = new Queries();
  machine.template(1, "", { service: "any-${name.full}" });
  machine.template(2, "Geo-", { service: "${name.suffix}" });
  machine.template(3, "geo-eu-", { service: "eu-${name.suffix}" });
  machine.set(4, "geo-exact", { service: "exact" });
  assert.equal(machine.service("GEO-EXACT"), "exact");
  assert.equal(machine.service("geo-eu-db"), "eu-db");
  assert.equal(machine.service("Geo-us"), "us");
  assert.equal(machine.service("else"), "any-else");
  assert.equal(machine.service(""), undefined);
  assert.throws(() => machine.service(sessionId(2)), /templates can only be resolved up by name, not by ID/);
  assert.equal(machine.service(sessionId(4)), "exact");
});

test("groups of the pattern fill in texts; empty tags may be left out", () => {
  const machine = new Queries();
  machine.template(1, "t-", {
    service: "${match(1)}",
    tags: ["${match(2)}", "a-${match(9)}"],
    regexp: "^t-(.*?)-([^\\-]*)$",
    removeEmptyTags: true,
  });
  const query = machine.db.peek((tx) => preparedQueryResolve(tx, "t-db-"));
  assert.deepEqual([query?.Service.Service, query?.Service.Tags], ["db", ["a-"]]);
});

test("queries and templates that cannot be are refused", () => {
  const machine = new Queries();
  const compiling = "failed compiling template: ";
  assert.equal(text(machine.set(1, "a", { type: "x" })), `${compiling}Bad Template.Type 'x'`);
  assert.match(text(machine.template(1, "a", { regexp: "(" })), /Bad Regexp: error parsing regexp: missing closing \)/);
  assert.match(text(machine.template(1, "a", { service: "${" })), /Bad format '\$\{' in Service\.Service: parse error/);
  assert.match(
    text(machine.template(1, "a", { tags: ["${nope}"] })),
    /in Service\.Tags\[0\]: 1:3: unknown variable accessed: nope/,
  );
  assert.equal(
    text(machine.set(1, "a", { session: "nope" })),
    "invalid session: index error: UUID must be 36 characters",
  );
  assert.equal(text(machine.set(1, "a", { session: sessionId(9) })), `invalid session "${sessionId(9)}"`);
  machine.template(1, "", {});
  assert.equal(text(machine.template(2, "", {})), "a query template with an empty name already exists");
  machine.set(3, "q");
  assert.equal(text(machine.set(4, "Q")), "name 'Q' aliases an existing query name");
  assert.equal(text(machine.set(4, sessionId(3))), `name '${sessionId(3)}' aliases an existing query ID`);
});

test("names and templates are found again after a snapshot", () => {
  const machine = new Queries();
  machine.set(1, "Named", { service: "named" });
  machine.template(2, "T-", { service: "${name.suffix}" });
  const snapshot = machine.fsm.snapshot();
  const copy = new Queries();
  const restore = copy.fsm.restore();
  for (const chunk of snapshot.chunks) restore.push(chunk);
  restore.finish();
  assert.equal(copy.service("named"), "named");
  assert.equal(copy.service("T-x"), "x");
});

test("whoever asks for a name wakes for it, and for templates", () => {
  const machine = new Queries();
  const { watch } = machine.db.read((tx) => preparedQueryResolve(tx, "a"));
  machine.set(1, "b");
  assert.equal(watch.fired, false);
  machine.set(2, "a");
  assert.equal(watch.fired, true);
});
