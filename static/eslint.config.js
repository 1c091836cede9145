import js from "@eslint/js";
import globals from "globals";

const browser = { ...globals.browser };
const node = { ...globals.node };

export default [
  { ignores: ["**/node_modules/", "**/vendor/", ".venv/", "var/", "build/", "dist/"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-implicit-globals": "error",
      "no-shadow": "error",
      "no-throw-literal": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
    },
  },
  { files: ["static/**/*.js"], ignores: ["static/*.config.js"], languageOptions: { globals: browser } },
  { files: ["**/*.mjs", "bench/**/*.js", "static/*.config.js"], languageOptions: { globals: node } },
];
