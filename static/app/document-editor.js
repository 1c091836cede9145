import { html, useLayoutEffect, useRef } from "./view.js";

/**
 * The text: CodeMirror, bound to the shared document. It stands in a shadow root, so that the page's policy can go on
 * forbidding style elements: there CodeMirror adopts its style sheets.
 *
 * @param {{editor: any, view: import("../client/document.js").DocumentView, label: string}} props `editor`: what is in static/bundles/editor.js
 */
export function DocumentEditor({ editor, view: { doc, awareness, canWrite, document }, label }) {
  const host = useRef(null);
  const shown = useRef(null);
  const readOnly = document.mine === "read" || !canWrite;

  useLayoutEffect(() => {
    const { Compartment, EditorState, EditorView } = editor;
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open" });
    const mode = new Compartment();
    const text = doc.getText("content");
    const state = EditorState.create({ doc: text.toString(), extensions: [mode.of([]), ...extensions(editor, text, awareness)] });
    const view = new EditorView({ state, parent: root, root });
    shown.current = { view, mode };
    return () => {
      shown.current = null;
      view.destroy();
    };
  }, [doc]);

  useLayoutEffect(() => {
    const { EditorState, EditorView } = editor;
    const { view, mode } = shown.current;
    const attributes = { "aria-label": label, "aria-multiline": "true", ...(readOnly && { "aria-readonly": "true" }) };
    const chosen = [
      EditorState.readOnly.of(readOnly),
      EditorView.editable.of(!readOnly),
      EditorView.contentAttributes.of({ ...attributes, ...(readOnly && { tabindex: "0" }) }),
      editor.placeholder(readOnly ? "Nothing written yet." : "Start typing…"),
    ];
    view.dispatch({ effects: mode.reconfigure(chosen) });
  }, [doc, readOnly, label]);

  // A press anywhere on the paper is one into the text.
  const focus = (event) => {
    if (event.target === host.current.parentElement) {
      event.preventDefault();
      shown.current.view.focus();
    }
  };
  return html`<div class="paper" data-readonly=${readOnly} onMouseDown=${focus}><div ref=${host} class="editor"></div></div>`;
}

/** What an editor of plain text is made of. */
function extensions({ defaultKeymap, drawSelection, EditorView, keymap, UndoManager, yCollab, yUndoManagerKeymap }, text, awareness) {
  return [
    keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
    drawSelection(),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ spellcheck: "true", autocorrect: "on", autocapitalize: "sentences" }),
    yCollab(text, awareness, { undoManager: new UndoManager(text) }),
    EditorView.theme(LOOK),
  ];
}

/** Custom properties reach into the shadow root. */
const LOOK = {
  "&": { color: "var(--text)", backgroundColor: "transparent", fontSize: "var(--size-4)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font)", lineHeight: "1.65", overflow: "visible" },
  ".cm-content": { padding: "0", minHeight: "50vh", caretColor: "var(--text)" },
  ".cm-line": { padding: "0" },
  ".cm-cursor": { borderLeft: "2px solid var(--text)" },
  ".cm-placeholder": { color: "var(--muted)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "color-mix(in srgb, var(--accent) 26%, transparent)",
  },
  ".cm-ySelectionCaretDot": { display: "none" },
  ".cm-ySelectionInfo": {
    opacity: "1",
    top: "-1.35em",
    padding: "0 5px",
    borderRadius: "4px 4px 4px 0",
    fontFamily: "var(--font)",
    fontSize: "11px",
    fontWeight: "600",
    lineHeight: "17px",
  },
};
