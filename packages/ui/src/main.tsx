import { render } from "preact";
import { App } from "./app.tsx";
import { startAgent } from "./data/agent.ts";
import { startPresence } from "./data/presence.ts";
import "./styles/index.css";
import { startKeys } from "./ui/keys.ts";
import { startRouter } from "./ui/router.ts";
import { startSettings } from "./ui/settings.ts";
import { startTitle } from "./ui/title.ts";

startSettings();
startTitle();
startRouter();
startPresence();
startAgent();
startKeys();
render(<App />, document.getElementById("app")!);
