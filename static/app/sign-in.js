import { guestSession } from "../client/index.js";
import { html, useState } from "./view.js";

const NAME_LENGTH = 50;

/** @param {{onSession: (session: import("../client/session.js").Session) => void}} props */
export function SignIn({ onSession }) {
  const [name, setName] = useState("");
  const [moderates, setModerates] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");

  const submit = async (event) => {
    event.preventDefault();
    if (!name.trim()) return setProblem("Tell the others what to call you.");
    setBusy(true);
    setProblem("");
    try {
      onSession(await guestSession(name.trim(), { role: moderates ? "moderator" : "user" }));
    } catch (failure) {
      const error = failure;
      const refused = error.code === "not_found" ? "This server does not let guests in." : error.message;
      setProblem(error.fields?.name?.[0] ?? refused);
      setBusy(false);
    }
  };

  return html`
    <main class="sign-in">
      <form class="card" onSubmit=${submit} novalidate>
        <img class="logo" src="/static/app/icon.svg" width="44" height="44" alt="" />
        <h1>Welcome to Hubbub</h1>
        <p class="muted">Pick a name and start talking. No account needed.</p>
        <label class="field">
          <span>Your name</span>
          <input
            name="name"
            autocomplete="nickname"
            autofocus
            maxlength=${NAME_LENGTH}
            value=${name}
            aria-invalid=${problem ? "true" : "false"}
            aria-describedby="sign-in-problem"
            onInput=${(event) => setName(event.target.value)}
          />
        </label>
        <label class="check">
          <input type="checkbox" checked=${moderates} onChange=${(event) => setModerates(event.target.checked)} />
          <span>Let me moderate <span class="muted">to try out the moderators' queue</span></span>
        </label>
        <p id="sign-in-problem" class="problem" role="alert">${problem}</p>
        <button class="button primary wide" disabled=${busy}>${busy ? "Opening…" : "Enter"}</button>
      </form>
      <p class="muted small">Open this page in a second tab with another name to talk to yourself.</p>
    </main>
  `;
}
