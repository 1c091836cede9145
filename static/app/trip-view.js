import { CommentsSection } from "./comments-section.js";
import { usePage } from "./context.js";
import { GallerySection } from "./gallery-section.js";
import { LikeButton, SaveButton } from "./mark-buttons.js";
import { counted } from "./names.js";
import { Nothing, Page } from "./page.js";
import { Picture, pictureName } from "./picture.js";
import { Rating } from "./rating.js";
import { tripOf } from "./trips.js";
import { Viewers } from "./viewers.js";
import { html, useStore } from "./view.js";

/**
 * A trip of the demo, and what people do about it.
 *
 * @param {{id: string | null, covered: boolean}} props `covered`: the sidebar lies over it
 */
export function TripView({ id, covered }) {
  const trip = id === null ? undefined : tripOf(id);
  return html`
    <${Page} title=${trip?.title ?? "Trips"} icon="pin" covered=${covered}>
      ${trip
        ? html`
            <${TripCard} trip=${trip} />
            <${GallerySection} type="trip" id=${trip.id} />
            <${CommentsSection} type="trip" id=${trip.id} />
          `
        : html`<${Nothing} icon="pin" title="There is no such trip"><span>Choose one of the others.</span><//>`}
    <//>
  `;
}

/** @param {{trip: import("./trips.js").Trip}} props */
const TripCard = ({ trip }) => html`
  <article class="sheet trip" style=${`--hue: ${trip.hue}`}>
    <${TripPicture} tripId=${trip.id} />
    <div class="trip-text">
      <div class="trip-line">
        <p class="muted">${trip.place} · ${counted(trip.days, "day")}</p>
        <${Viewers} type="trip" id=${trip.id} />
      </div>
      <p class="trip-summary">${trip.summary}</p>
      <div class="engagement">
        <${Rating} type="trip" id=${trip.id} />
        <div class="engagement-marks">
          <${LikeButton} type="trip" id=${trip.id} />
          <${SaveButton} type="trip" id=${trip.id} />
        </div>
      </div>
      <ol class="trip-stops">
        ${trip.stops.map(([name, text]) => html`<li key=${name}><strong>${name}</strong><span>${text}</span></li>`)}
      </ol>
    </div>
  </article>
`;

/**
 * The featured picture, or a landscape where there is none.
 *
 * @param {{tripId: string}} props
 */
function TripPicture({ tripId }) {
  const { items } = useStore(usePage().hubbub.entity("trip", tripId).gallery);
  const featured = items.find(({ isFeatured }) => isFeatured);
  return html`
    <div class="trip-picture">
      ${featured
        ? html`<${Picture} key=${featured.id} image=${featured} address=${featured.url} alt=${pictureName(featured)} />`
        : html`<${Landscape} />`}
    </div>
  `;
}

const Landscape = () => html`
  <svg viewBox="0 0 640 200" preserveAspectRatio="xMidYMax slice" aria-hidden="true">
    <circle class="trip-sun" cx="480" cy="74" r="34" />
    <path class="trip-far" d="M0 140 L90 84 L150 120 L250 52 L340 124 L430 88 L530 134 L640 96 V200 H0Z" />
    <path class="trip-middle" d="M0 168 C90 130 170 156 260 140 S430 120 520 150 S610 160 640 148 V200 H0Z" />
    <path class="trip-near" d="M0 190 C120 158 210 186 330 172 S540 166 640 184 V200 H0Z" />
  </svg>
`;
