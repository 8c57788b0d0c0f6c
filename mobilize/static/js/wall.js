// @ts-check
// The big screen: fresh every second or so, and nothing to press. Without a network the last figures stay, and
// their time says since when.

import { poll } from "./board_polling.js";
import { byId } from "./dom.js";

poll((payload) => {
  byId("board").innerHTML = payload.html;
});
