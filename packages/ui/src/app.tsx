import { useEffect } from "preact/hooks";
import { agentSelf, datacenter, localDatacenter, selfState } from "./data/agent.ts";
import { href } from "./lib/routes.ts";
import { matchPage } from "./pages/index.ts";
import { ConfirmHost, Toasts } from "./ui/dialog.tsx";
import { draftsForgotten } from "./ui/drafts.tsx";
import { LoginHost } from "./ui/login.tsx";
import { Page } from "./ui/page.tsx";
import { PaletteHost } from "./ui/palette.tsx";
import { navigate, place } from "./ui/router.ts";
import { Shell } from "./ui/shell.tsx";
import { Await, Note } from "./ui/states.tsx";

export function App() {
  return (
    <>
      <Shell>
        <CurrentPage />
      </Shell>
      <PaletteHost />
      <LoginHost />
      <ConfirmHost />
      <Toasts />
    </>
  );
}

function CurrentPage() {
  const { path } = place.value;
  const start = path === "";
  const dc = localDatacenter.value;
  useEffect(() => {
    if (start && dc !== "") navigate(`${href(dc)}/overview`, { replace: true });
  }, [start, dc]);
  if (start) {
    // Nothing is known yet, not even the datacenter's name.
    return (
      <Page title="Overview" lives={[selfState.value]}>
        <Await live={selfState.value}>{() => null}</Await>
      </Page>
    );
  }
  const found = matchPage(path);
  if (found === undefined) {
    return (
      <Page title="No such page">
        <Note icon="query" title="There is no page under this address">
          <a href={`${href(agentSelf.value?.Config.Datacenter ?? "dc1")}/overview`}>To the overview</a>
        </Note>
      </Page>
    );
  }
  const { Component, params } = found;
  // What a form holds is of one datacenter, and of who is logged in.
  return <Component key={`${datacenter.value} ${draftsForgotten.value}`} params={params} />;
}
