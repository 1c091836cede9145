/**
 * What the page's editor is made of, bundled at set-up into static/vendor/editor.js, so that there is one copy of
 * yjs: its classes are compared by identity.
 */
export { defaultKeymap } from "@codemirror/commands";
export { Compartment, EditorState } from "@codemirror/state";
export { drawSelection, EditorView, keymap, placeholder } from "@codemirror/view";
export { yCollab, yUndoManagerKeymap } from "y-codemirror.next";
export {
  applyAwarenessUpdate,
  Awareness,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from "y-protocols/awareness";
export { applyUpdate, Doc, encodeStateAsUpdate, encodeStateVector, mergeUpdates, UndoManager } from "yjs";
