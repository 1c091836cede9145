import { usePage } from "./context.js";
import { useMemo, useRef } from "./view.js";

/**
 * What can be done with a message. The object stays the same as long as the room does, so that rows
 * are not drawn again for it.
 *
 * @typedef {import("../client/types.js").Message} Message
 *
 * @param {import("../client/room.js").Room} room
 * @param {{onEdit: (id: string | null) => void, onReply: (message: Message) => void, goToMessage: (id: string) => void}} list
 */
export function useMessageActions(room, list) {
  const { ui, toasts } = usePage();
  const latest = useRef(list);
  latest.current = list;

  return useMemo(() => {
    const { timeline } = room;
    const told = (work) => work.catch(toasts.fail);
    const toggle = (id, emoji) =>
      void told(timeline.toggleReaction(id, emoji));
    return {
      toggle,
      reply: (message) => latest.current.onReply(message),
      startEdit: (message) => latest.current.onEdit(message.id),
      cancelEdit: () => latest.current.onEdit(null),
      goTo: (messageId) => latest.current.goToMessage(messageId),
      saveEdit: (message, text) => {
        latest.current.onEdit(null);
        if (text !== message.message) void told(timeline.edit(message.id, text));
      },
      pick: (message, anchor) =>
        ui.openPopup({ kind: "emoji", anchor, pick: (emoji) => toggle(message.id, emoji) }),
      remove: (message) =>
        ui.openDialog({
          kind: "confirm",
          title: "Delete this message?",
          text: "It disappears for everyone, and cannot be brought back.",
          quote: message.message,
          action: "Delete",
          act: () => timeline.delete(message.id),
        }),
      retry: (clientId) => timeline.outbox.retry(clientId),
      discard: (clientId) => timeline.outbox.remove(clientId),
      nameOf: (userId) => {
        const member = room.members.getSnapshot().members.find((each) => each.userId === userId);
        return member?.user.name ?? timeline.getSnapshot().messages.find((each) => each.userId === userId)?.user.name;
      },
    };
  }, [room]);
}
