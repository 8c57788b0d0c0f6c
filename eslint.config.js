import js from "@eslint/js";
import globals from "globals";

// A private dialect: none of these says what a value is (tests/test_words.py).
const dialect = ("said told seen shown known hers mine ours theirs found deed deeds door doors klass bix asked heard"
  + " given made wanted there those her").split(" ");

const rules = {
  "complexity": ["error", 16],
  "consistent-return": "off", // `return say(...)`: a refusal that ends a function
  "curly": ["error", "multi-line"],
  "eqeqeq": ["error", "smart"],
  "id-denylist": ["error", ...dialect],
  "max-len": ["error", { code: 120 }],
  "max-lines": ["error", 400],
  "max-lines-per-function": ["error", 36],
  "no-empty": ["error", { allowEmptyCatch: true }],
  "no-implicit-globals": "error",
  "no-shadow": "error",
  "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
  "no-use-before-define": ["error", { functions: false }],
  "no-var": "error",
  "prefer-const": "error",
};

export default [
  { ignores: ["**/vendor/", ".venv/", "var/", "mutants/", "test-results/"] },
  js.configs.recommended,
  { linterOptions: { reportUnusedDisableDirectives: "error" }, rules },
  { files: ["mobilize/static/js/*.js"], languageOptions: { globals: globals.browser } },
  { files: ["mobilize/static/sw.js"], languageOptions: { globals: globals.serviceworker } },
  { files: ["mobilize/demo/**/*.js"], languageOptions: { sourceType: "script", globals: globals.browser } },
  { files: ["tests/js/*.js"], languageOptions: { globals: globals.node }, rules: { "max-lines-per-function": "off" } },
];
