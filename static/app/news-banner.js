import { html } from "./view.js";

/**
 * "3 new stories" over the feed, which is not pushed down by them until the reader wants to see them.
 *
 * @param {{count: number, onView: () => void}} props
 */
export const NewsBanner = ({ count, onView }) => html`
  <div class="news" role="status">
    ${count > 0 &&
    html`<div class="news-pill">
      <span><strong key=${count}>${count}</strong> ${count === 1 ? "new story" : "new stories"}</span>
      <button class="button small primary" onClick=${onView}>View Now</button>
    </div>`}
  </div>
`;
