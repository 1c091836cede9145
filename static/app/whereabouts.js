import { usePage } from "./context.js";
import { tripOf } from "./trips.js";
import { useEffect, useStore } from "./view.js";

/**
 * Tell where this user is, and whether they are there at all. Of rooms only public ones are told:
 * everyone who is signed in can see it.
 *
 * @param {string | null} roomId
 * @param {string | null} tripId
 */
export function useWhereabouts(roomId, tripId) {
  const { hubbub } = usePage();
  const { rooms } = useStore(hubbub.chat);
  const room = rooms.find((summary) => summary.room.id === roomId)?.room;
  const trip = tripId === null ? undefined : tripOf(tripId);
  const path = trip ? `/trips/${trip.id}` : `/rooms/${roomId}`;
  const currentPage = trip || room?.visibility === "public" ? path : null;
  const activity = trip ? `Looking at ${trip.title}` : null;

  useEffect(() => hubbub.presence.me.attend(document), []);
  useEffect(() => hubbub.presence.me.tell({ currentPage, activity }), [currentPage, activity]);
}
