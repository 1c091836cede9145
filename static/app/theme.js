import { Observable } from "../client/observable.js";

const KEY = "hubbub.theme";

/**
 * Light or dark: as the system has it, until the user chooses.
 *
 * @extends {Observable<{theme: "light" | "dark" | "system"}>}
 */
class Theme extends Observable {
  constructor() {
    super({ theme: document.documentElement.dataset.theme });
  }

  get isDark() {
    const { theme } = this.getSnapshot();
    return theme === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "dark";
  }

  toggle() {
    const theme = this.isDark ? "light" : "dark";
    localStorage.setItem(KEY, theme);
    document.documentElement.dataset.theme = theme;
    this.change({ theme });
  }
}

export const theme = new Theme();
