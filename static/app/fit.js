const HIGHEST_PX = 220;

/**
 * Let a text field be as high as its text, up to a bound.
 *
 * @param {HTMLTextAreaElement} field
 */
export function fit(field) {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, HIGHEST_PX)}px`;
}
