import { formatPresence } from "../client/index.js";
import { Avatar } from "./avatar.js";
import { usePage } from "./context.js";
import { useNow } from "./now.js";
import { html, memo, useStore } from "./view.js";

/**
 * Whether somebody is there: green and pulsing, yellow when away, a gray ring when not. It stands
 * beside words or a name, so it is not read out.
 */
export const PresenceDot = memo(
  /** @param {{userId: string, size?: "sm" | "md" | "lg"}} props */
  ({ userId, size = "md" }) => {
    const { status } = useStore(usePage().hubbub.presence.of(userId));
    return html`<span class="presence-dot presence-${size}" data-presence=${status ?? "unknown"} aria-hidden="true"></span>`;
  },
);

/**
 * A person's picture with the dot at its corner.
 *
 * @param {{user: import("../client/types.js").User, size?: "sm" | "md" | "lg"}} props
 */
export const PersonAvatar = ({ user, size = "md" }) => html`
  <span class="person"><${Avatar} user=${user} size=${size} /><${PresenceDot} userId=${user.id} size=${size} /></span>
`;

/**
 * "Online", "Away", "Last seen 1h ago", and what they do, if they say so.
 *
 * @param {{userId: string, class?: string}} props
 */
export function PresenceWords({ userId, class: look = "" }) {
  const presence = useStore(usePage().hubbub.presence.of(userId));
  const words = formatPresence(presence, useNow());
  const doing = presence.status === "online" && presence.activity;
  if (!words) return null;
  return html`<span class="presence-words ${look}">${words}${doing && ` · ${doing}`}</span>`;
}
