// @ts-check
// The page that says that the line was handed over: the list goes from this phone.

import { first } from "./dom.js";
import { lineStorage } from "./line_storage.js";

lineStorage.wipe((first(document, "[data-wipe]").dataset.wipe ?? "").split(" "));
