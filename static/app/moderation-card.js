import { Ago } from "./ago.js";
import { usePage } from "./context.js";
import { Icon, IconButton } from "./icons.js";
import { PlainText } from "./message-text.js";
import { causeOf, KINDS, placeOf, STATUSES } from "./moderation-looks.js";
import { Picture, pictureName } from "./picture.js";
import { PersonAvatar } from "./presence-dot.js";
import { html } from "./view.js";

/**
 * @typedef {import("../client/types.js").ModerationItem} ModerationItem
 *
 * @param {{item: ModerationItem}} props
 */
export function ModerationCard({ item }) {
  const { hubbub, ui, toasts } = usePage();
  const { label, icon } = KINDS[item.kind];
  const place = placeOf(item);
  const told = (error) => toasts.fail(error);
  const approve = () => hubbub.moderation.decide(item.id, "approve").then(() => toasts.say(`${label} approved.`, "success"), told);
  const approveWithNote = () =>
    ui.openDialog({
      kind: "reason",
      title: `Approve this ${label.toLowerCase()}`,
      text: "It is for everyone to see. Its author is told, with what you say.",
      action: "Approve",
      act: async (reason) => {
        await hubbub.moderation.decide(item.id, "approve", reason);
        toasts.say(`${label} approved.`, "success");
      },
    });
  const more = (event) => {
    const items = [{ label: "Approve with a note", icon: "check", act: approveWithNote }];
    ui.openPopup({ kind: "menu", anchor: event.currentTarget, label, items });
  };
  const reject = () =>
    ui.openDialog({
      kind: "reason",
      title: `Reject this ${label.toLowerCase()}?`,
      text: item.kind === "story" ? "It becomes private. Its author is told, with the reason." : "It is deleted. Its author is told, with the reason.",
      action: "Reject",
      danger: true,
      act: async (reason) => {
        await hubbub.moderation.decide(item.id, "reject", reason);
        toasts.say(`${label} rejected.`);
      },
    });
  return html`
    <li class="sheet queue-item" data-item=${item.id} data-kind=${item.kind}>
      <div class="queue-head">
        <span class="queue-kind"><${Icon} name=${icon} size=${18} />${label}</span>
        <span class="tag waiting">${causeOf(item)}</span>
        <span class="queue-where"><${Ago} at=${item.createdAt} />${place && html` in <a href=${place.address}>${place.name}</a>`}</span>
      </div>
      <${Subject} item=${item} />
      ${item.flags.some(({ reason }) => reason) &&
      html`<ul class="queue-flags" aria-label="Reasons given">
        ${item.flags.map(({ userId, reason }) => reason && html`<li key=${userId}><${Icon} name="flag" size=${14} />${reason}</li>`)}
      </ul>`}
      <div class="queue-foot">
        ${item.user && html`<${Author} user=${item.user} />`}
        ${item.status === "pending"
          ? html`<div class="queue-actions">
              <button class="button small" onClick=${reject}><${Icon} name="close" size=${16} />Reject</button>
              <button class="button small primary" onClick=${approve}><${Icon} name="check" size=${16} />Approve</button>
              <${IconButton} name="more" size=${18} label="More decisions" aria-haspopup="menu" onClick=${more} />
            </div>`
          : html`<span class="queue-decided"
              ><span class="tag status-tag ${item.status}">${STATUSES[item.status]}</span>
              ${item.reason && html`<span>“${item.reason}”</span>`}${item.decidedAt && html`<${Ago} at=${item.decidedAt} />`}</span
            >`}
      </div>
    </li>
  `;
}

/**
 * The thing itself.
 *
 * @param {{item: ModerationItem}} props
 */
function Subject({ item: { kind, subject } }) {
  const { ui, hubbub } = usePage();
  const gone = html`<p class="message-gone">It is no longer there.</p>`;
  if (!subject) return gone;
  if (kind === "image") {
    // Looked at by itself: the gallery's other pictures are none of the queue's business.
    const enlarge = () => ui.openDialog({ kind: "viewer", gallery: alone(hubbub, subject), imageId: subject.id });
    return html`
      <button class="queue-picture" aria-label=${`Enlarge: ${pictureName(subject)}`} onClick=${enlarge}>
        <${Picture} image=${subject} address=${subject.thumbnailUrl} alt=${pictureName(subject)} />
      </button>
      ${subject.caption && html`<p>${subject.caption}</p>`}
    `;
  }
  if (kind === "comment" && !subject.body) return gone;
  return html`
    <div class="queue-text">
      ${subject.title && html`<h2>${subject.title}</h2>`}
      ${subject.body && html`<${PlainText} text=${subject.body} />`}
    </div>
  `;
}

/** A gallery of one picture, for the viewer. */
const alone = (hubbub, image) => {
  const snapshot = { items: [image] };
  return { getSnapshot: () => snapshot, subscribe: () => () => {} };
};

/**
 * Who made it, and what can be done about them.
 *
 * @param {{user: import("../client/types.js").User}} props
 */
function Author({ user }) {
  const { hubbub, ui, toasts } = usePage();
  const sanction = (act) => () => ui.openDialog({ kind: "sanction", act, user });
  const pardon = () => hubbub.moderation.pardon(user.id).then(() => toasts.say(`${user.name} may speak and come in again.`, "success"), toasts.fail);
  const items = [
    { label: "Mute", icon: "bell-off", act: sanction("mute") },
    { label: "Ban", icon: "lock", danger: true, act: sanction("ban") },
    { label: "Pardon", icon: "check", act: pardon },
  ];
  const menu = (event) => ui.openPopup({ kind: "menu", anchor: event.currentTarget, label: user.name, items });
  return html`
    <div class="queue-author">
      <${PersonAvatar} user=${user} size="sm" /><span>${user.name}</span>
      ${user.id !== hubbub.me.id &&
      html`<${IconButton} name="more" size=${18} label=${`Actions for ${user.name}`} aria-haspopup="menu" onClick=${menu} />`}
    </div>
  `;
}
