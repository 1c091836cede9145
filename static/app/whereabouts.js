import { usePage } from "./context.js";
import { tripOf } from "./trips.js";
import { useEffect, useStore } from "./view.js";

/**
 * Tell where this user is, and whether they are there at all. Of rooms only public ones are told, and of stories
 * nothing: everyone who is signed in can see it.
 *
 * @param {string} kind
 * @param {string | null} id
 */
export function useWhereabouts(kind, id) {
  const { hubbub } = usePage();
  const { rooms } = useStore(hubbub.chat);
  const room = kind === "rooms" ? rooms.find((summary) => summary.room.id === id)?.room : undefined;
  const trip = kind === "trips" && id !== null ? tripOf(id) : undefined;
  const told = trip || room?.visibility === "public";
  const currentPage = told ? `/${kind}/${id}` : ["community", "tasks"].includes(kind) ? `/${kind}` : null;
  const activity = trip ? `Looking at ${trip.title}` : null;

  useEffect(() => hubbub.presence.me.attend(document), []);
  useEffect(() => hubbub.presence.me.tell({ currentPage, activity }), [currentPage, activity]);
}
