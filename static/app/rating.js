import { usePage } from "./context.js";
import { Icon } from "./icons.js";
import { counted } from "./names.js";
import { html, useStore } from "./view.js";

const STARS = [1, 2, 3, 4, 5];

/**
 * What people think of something, in stars: the average, and one's own, which the arrow keys change too.
 *
 * @param {{type: string, id: string}} props
 */
export function Rating({ type, id }) {
  const { hubbub, toasts } = usePage();
  const { rating } = hubbub.entity(type, id);
  const { averageRating, ratingCount, mine } = useStore(rating);
  const rate = (value) => rating.set(value).catch(toasts.fail);
  return html`
    <div class="rating">
      <span class="rating-average" aria-hidden="true">${ratingCount > 0 ? averageRating.toFixed(2) : "–"}</span>
      <div class="rating-lines">
        <fieldset class="stars">
          <legend class="hidden">Your rating</legend>
          ${STARS.map(
            (value) => html`
              <label key=${value} class="star ${mine !== null && value <= mine ? "lit" : ""}" title=${counted(value, "star")}>
                <input type="radio" name=${`rating-${type}-${id}`} value=${value} checked=${mine === value}
                  aria-label=${counted(value, "star")} onChange=${() => rate(value)} />
                <${Icon} name="star" size=${22} filled=${mine !== null && value <= mine} />
              </label>
            `,
          )}
        </fieldset>
        <span class="rating-words">
          <span class="hidden">${ratingCount > 0 ? `Average ${averageRating.toFixed(2)}, ` : ""}</span>
          ${ratingCount > 0 ? counted(ratingCount, "rating") : "No ratings yet"}${mine !== null && ` · yours: ${mine}`}
        </span>
      </div>
    </div>
  `;
}
