import { usePage } from "./context.js";
import { useEffect, useRef, useStore } from "./view.js";

/**
 * Hear of stories and posts while a component is shown.
 *
 * @param {Record<string, (data: any) => void>} handlers such as `{"story:published": show}`; `revalidate`: load anew
 * @param {{enabled?: boolean, autoRevalidate?: boolean}} [options]
 * @returns {import("../client/community.js").CommunityView & {disconnect: () => void, reconnect: () => void}}
 */
export function useCommunityEvents(handlers, { enabled = true, autoRevalidate = true } = {}) {
  const { community } = usePage().hubbub;
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => {
    if (!enabled) return undefined;
    // The newest handlers are called, without listening anew for each drawing.
    const forwarded = Object.keys(handlers).map((name) => [name, (data) => latest.current[name]?.(data)]);
    return community.listen(Object.fromEntries(forwarded), { autoRevalidate });
  }, [community, enabled, autoRevalidate]);
  return { ...useStore(community), disconnect: () => community.disconnect(), reconnect: () => community.reconnect() };
}
