/** The view library, in one place: htm and Preact, and the two things that this page adds to them. */
import { Component, html, useLayoutEffect, useState } from "../vendor/htm-preact.js";

export {
  createContext,
  html,
  render,
  useCallback,
  useContext,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "../vendor/htm-preact.js";

/**
 * The present snapshot of a store; draws the component again when it changes.
 *
 * @template T
 * @param {import("../client/observable.js").Observable<T>} store
 * @returns {T}
 */
export function useStore(store) {
  const [seen, setSeen] = useState({ store, value: store.getSnapshot() });
  useLayoutEffect(() => {
    const look = () => {
      const value = store.getSnapshot();
      setSeen((before) => (before.store === store && before.value === value ? before : { store, value }));
    };
    look();
    return store.subscribe(look);
  }, [store]);
  return seen.store === store ? seen.value : store.getSnapshot();
}

/**
 * A component that is drawn again only when one of its properties is another value.
 *
 * @param {(props: any) => any} component
 */
export function memo(component) {
  return class extends Component {
    /** @param {any} next */
    shouldComponentUpdate(next) {
      const props = this.props;
      const names = Object.keys(next);
      return names.length !== Object.keys(props).length || names.some((name) => !Object.is(next[name], props[name]));
    }

    /** @param {any} props */
    render(props) {
      return html`<${component} ...${props} />`;
    }
  };
}
