import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { aclsEnabled } from "../data/agent.ts";
import { Refused, send, sendJson } from "../data/send.ts";
import { madeByLogin, setToken } from "../data/token.ts";
import type { AclItem } from "../data/types.ts";
import { attempt, confirm, Dialog, say } from "./dialog.tsx";
import { forgetDrafts, hasDrafts } from "./drafts.tsx";

const open = signal(false);

export function openLogin(): void {
  open.value = true;
}

export function LoginHost() {
  return open.value ? <Login /> : null;
}

/** Asks for a token, or for what an auth method makes a token of; tries it where tokens are checked, and keeps it. */
function Login() {
  const [way, setWay] = useState<"token" | "method">("token");
  const [secret, setSecret] = useState("");
  const [method, setMethod] = useState("");
  const [remember, setRemember] = useState(false);
  const [problem, setProblem] = useState("");
  const close = (): void => {
    open.value = false;
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const given = secret.trim();
    try {
      if (way === "method") {
        const body = JSON.stringify({ AuthMethod: method.trim(), BearerToken: given });
        const made = await sendJson<AclItem>("acl/login", { method: "POST", body });
        setToken(made.SecretID ?? "", remember, true);
      } else {
        await sendJson("acl/token/self", { headers: { "X-Consul-Token": given } });
        setToken(given, remember);
      }
    } catch (error) {
      if (!(error instanceof Refused)) return setProblem("The agent does not answer.");
      if (way === "method") return setProblem(error.message);
      if (error.status === 403) return setProblem("The agent does not know this token.");
      // An agent without ACLs takes any token: it is kept for the day it matters.
      setToken(given, remember);
    }
    say("Logged in");
    close();
  };
  return (
    <Dialog title={way === "token" ? "Log in with a token" : "Log in with an auth method"} onClose={close}>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        {aclsEnabled.value === false && (
          <p class="banner">
            Tokens are not checked here: everything is permitted without one. One that is given goes along with requests
            all the same.
          </p>
        )}
        {aclsEnabled.value && (
          <fieldset class="bare row wrap" aria-label="Way to log in">
            <label class="check">
              <input type="radio" name="way" checked={way === "token"} onChange={() => setWay("token")} /> Token
            </label>
            <label class="check">
              <input type="radio" name="way" checked={way === "method"} onChange={() => setWay("method")} /> Auth method
            </label>
          </fieldset>
        )}
        {way === "method" && (
          <label class="field">
            <span>Name of the auth method</span>
            <input class="input" required value={method} onInput={(event) => setMethod(event.currentTarget.value)} />
          </label>
        )}
        <label class="field">
          <span>{way === "token" ? "Secret of the token" : "Bearer token (JWT)"}</span>
          <input
            class="input mono"
            type="password"
            autocomplete="off"
            required
            value={secret}
            onInput={(event) => setSecret(event.currentTarget.value)}
          />
        </label>
        <label class="check">
          <input type="checkbox" checked={remember} onChange={(event) => setRemember(event.currentTarget.checked)} />
          Remember it in this browser
        </label>
        {problem !== "" && (
          <p class="banner critical break" role="alert">
            {problem}
          </p>
        )}
        <div class="actions">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            Log in
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Forgets the token and what is written and not saved, after a question; a token that a login has made ends. */
export function logout(): void {
  const done = "Logged out";
  if (!hasDrafts()) return void attempt(end, done);
  confirm({
    title: "Log out?",
    text: "What you have written and not saved is thrown away.",
    action: "Log out",
    danger: true,
    done,
    run: end,
  });
}

async function end(): Promise<void> {
  const ended = madeByLogin() ? send("acl/logout", { method: "POST" }) : undefined;
  // `send` has read the token by now.
  setToken("", false);
  forgetDrafts();
  try {
    await ended;
  } catch (error) {
    throw new Error(`Logged out here; the token was not ended: ${String(error)}`, { cause: error });
  }
}
