// What changes what is kept: asked again before it is done, for those who may.

import { ask } from "./api.js";
import { byId } from "./dom.js";
import { say } from "./dashboard-words.js";
import { count } from "./figures.js";

export function sure(question) {
  const dialog = byId("sure");
  byId("sure-text").textContent = question;
  byId("sure-yes").textContent = say("yes");
  byId("sure-no").textContent = say("no");
  return new Promise((decide) => {
    const end = (answer) => { dialog.onclose = null; dialog.close(); decide(answer); };
    byId("sure-yes").onclick = () => end(true);
    byId("sure-no").onclick = () => end(false);
    dialog.onclose = () => decide(false);
    dialog.showModal();
    byId("sure-no").focus();
  });
}

// Return what to tell of it.
export async function withdraw(body) {
  const answer = await ask("POST", "/v1/invalidate", { body: JSON.stringify(body) });
  if (answer.ok) return { text: say("dropped", count(answer.json.removed.database), count(answer.json.removed.redis), answer.json.position) };
  return { text: trouble(answer), bad: true };
}

export const renew = (body) => ask("POST", "/v1/refresh", { body: JSON.stringify(body) });

export function trouble(answer) {
  if (answer.status === 403) return say("mayNot");
  return answer.json?.detail ?? say("fault", answer.status, "");
}
