import { usePage } from "./context.js";
import { Bell } from "./bell.js";
import { Icon } from "./icons.js";
import { counted } from "./names.js";
import { tripOf } from "./trips.js";
import { Viewers } from "./viewers.js";
import { html } from "./view.js";

/**
 * A trip of the demo, and who else looks at it.
 *
 * @param {{id: string, covered: boolean}} props `covered`: the list of rooms lies over it
 */
export function TripView({ id, covered }) {
  const { ui } = usePage();
  const trip = tripOf(id);
  return html`
    <main class="room trip" inert=${covered}>
      <header class="room-head">
        <button class="icon-button to-rooms" aria-label="Show rooms" title="Show rooms" onClick=${() => ui.setDrawer(true)}>
          <${Icon} name="back" />
        </button>
        <div class="room-title">
          <h1><${Icon} name="pin" size=${18} /><span>${trip?.title ?? "There is no such trip"}</span></h1>
        </div>
        <${Bell} class="narrow-only" />
      </header>
      ${trip && html`<${Itinerary} trip=${trip} />`}
    </main>
  `;
}

/** @param {{trip: import("./trips.js").Trip}} props */
const Itinerary = ({ trip }) => html`
  <div class="trip-body" style=${`--hue: ${trip.hue}`}>
    <article class="trip-card">
      <${Landscape} />
      <div class="trip-text">
        <div class="trip-line">
          <p class="muted">${trip.place} · ${counted(trip.days, "day")}</p>
          <${Viewers} type="trip" id=${trip.id} />
        </div>
        <p class="trip-summary">${trip.summary}</p>
        <ol class="trip-stops">
          ${trip.stops.map(([name, text]) => html`<li key=${name}><strong>${name}</strong><span>${text}</span></li>`)}
        </ol>
      </div>
    </article>
  </div>
`;

const Landscape = () => html`
  <svg class="trip-picture" viewBox="0 0 640 200" preserveAspectRatio="xMidYMax slice" aria-hidden="true">
    <circle class="trip-sun" cx="480" cy="74" r="34" />
    <path class="trip-far" d="M0 140 L90 84 L150 120 L250 52 L340 124 L430 88 L530 134 L640 96 V200 H0Z" />
    <path class="trip-middle" d="M0 168 C90 130 170 156 260 140 S430 120 520 150 S610 160 640 148 V200 H0Z" />
    <path class="trip-near" d="M0 190 C120 158 210 186 330 172 S540 166 640 184 V200 H0Z" />
  </svg>
`;
