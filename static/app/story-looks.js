import { Icon } from "./icons.js";
import { html } from "./view.js";

/** How stories and posts are named and marked. */

export const VISIBILITIES = [
  { value: "public", title: "Public", text: "Everyone finds it here.", icon: "compass", act: "Publish" },
  { value: "unlisted", title: "Unlisted", text: "For who has the link.", icon: "link", act: "Make unlisted" },
  { value: "private", title: "Private", text: "For you alone.", icon: "lock", act: "Unpublish" },
];

export const POST_TYPES = [
  { value: "discussion", title: "Discussion" },
  { value: "review", title: "Review" },
  { value: "question", title: "Question" },
  { value: "announcement", title: "Announcement" },
];

export const GENRES = ["Adventure", "Essay", "Fantasy", "Journal", "Mystery", "Romance", "Science fiction", "Travel"];

/**
 * What its author should know of who sees it, and everybody of what it is.
 *
 * @param {{story: import("../client/types.js").Story}} props
 */
export const StoryTags = ({ story }) => html`
  ${story.genre && html`<span class="tag genre">${story.genre}</span>`}
  ${story.visibility !== "public" &&
  html`<span class="tag"><${Icon} name=${iconOf(story.visibility)} size=${12} />${story.visibility}</span>`}
  ${story.status === "pending" && html`<span class="tag waiting">Waiting for review</span>`}
`;

/** @param {string} visibility */
const iconOf = (visibility) => VISIBILITIES.find(({ value }) => value === visibility).icon;
