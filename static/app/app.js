import { defaultSettings, endGuestSession, Hubbub } from "../client/index.js";
import { io } from "../vendor/socket.io.esm.min.js";
import { announce } from "./announcer.js";
import { PageContext } from "./context.js";
import { Icon } from "./icons.js";
import { forgetSession, recallSession, rememberSession } from "./remembered.js";
import { SignIn } from "./sign-in.js";
import { clock } from "./times.js";
import { Toasts } from "./toasts.js";
import { Ui } from "./ui.js";
import { html, useCallback, useEffect, useState } from "./view.js";
import { listenToWorker } from "./worker.js";
import { Workspace } from "./workspace.js";

/** The whole page: finds out who is there, lets them in, and keeps their connection. */
export function App() {
  const [stage, setStage] = useState("recalling");
  const [page, setPage] = useState(null);

  const enter = useCallback((session) => {
    const hubbub = new Hubbub({ io, session, settings: settingsInAddress() });
    const toasts = new Toasts();
    const ui = new Ui();
    const switchUser = () => {
      deafen();
      // What is pushed to this device is for whoever used it; a failure to tell the server is made good by its next push.
      const quiet = hubbub.push.getSnapshot().status === "on" ? hubbub.push.disable() : Promise.resolve();
      quiet.catch(() => {}).finally(() => hubbub.close());
      ui.close();
      forgetSession();
      // The token is forgotten whether or not the server hears of it.
      endGuestSession().catch(() => {});
      location.hash = "#/";
      setStage("out");
    };
    hubbub.onProblem(toasts.fail);
    hubbub.connection.on("session", ({ event, data }) => {
      if (event === "session:expiring") toasts.say(`Your session ends at ${clock(data.expiresAt)}.`);
    });
    const entered = { hubbub, toasts, ui, switchUser };
    announce(entered);
    const deafen = listenToWorker(entered);
    hubbub.open();
    setPage(entered);
    setStage("in");
  }, []);

  const recall = useCallback(async () => {
    setStage("recalling");
    try {
      const session = await recallSession();
      if (session) enter(session);
      else setStage("out");
    } catch {
      setStage("unreachable");
    }
  }, []);

  useEffect(() => void recall(), []);

  const signedIn = (session) => {
    rememberSession(session);
    enter(session);
  };

  if (stage === "in" && page) {
    return html`<${PageContext.Provider} value=${page}><${Workspace} key=${page.hubbub.me.id} /><//>`;
  }
  if (stage === "out") return html`<${SignIn} onSession=${signedIn} />`;
  if (stage === "unreachable") return html`<${Unreachable} onRetry=${recall} />`;
  return html`<div class="splash" role="status"><span class="spinner"></span><span>Opening…</span></div>`;
}

/** Times and bounds of the client, for trying them out: `/?awayAfterMs=5000`. */
function settingsInAddress() {
  const wanted = [...new URLSearchParams(location.search)].map(([name, value]) => [name, Number(value)]);
  return Object.fromEntries(wanted.filter(([name, value]) => name in defaultSettings && value >= 0));
}

/** @param {{onRetry: () => void}} props */
function Unreachable({ onRetry }) {
  return html`
    <main class="splash">
      <${Icon} name="warning" size=${32} />
      <h1>The server cannot be reached</h1>
      <p>Check that it is running and that you are online.</p>
      <button class="button primary" onClick=${onRetry}>Try again</button>
    </main>
  `;
}
