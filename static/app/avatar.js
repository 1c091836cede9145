import { hue, initials } from "./names.js";
import { html, memo } from "./view.js";

/**
 * A person's picture, or their initials on a colour of their own. It stands beside the name, so it is
 * not read out.
 */
export const Avatar = memo(
  /** @param {{user: import("../client/types.js").User, size?: "sm" | "md" | "lg"}} props */
  ({ user, size = "md" }) => html`
    <span class="avatar avatar-${size} hue-${hue(user.id)}" aria-hidden="true">
      ${user.profileImage
        ? html`<img src=${user.profileImage} alt="" loading="lazy" referrerpolicy="no-referrer" />`
        : initials(user.name)}
    </span>
  `,
);
