import { createContext, useContext } from "./view.js";

/**
 * What every part of the page may use.
 *
 * @typedef {object} Page
 * @property {import("../client/hubbub.js").Hubbub} hubbub
 * @property {import("./ui.js").Ui} ui
 * @property {import("./toasts.js").Toasts} toasts
 * @property {() => void} switchUser
 */

export const PageContext = createContext(null);

/** @returns {Page} */
export const usePage = () => useContext(PageContext);
